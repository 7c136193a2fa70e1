"""The commands of ``python -m jobs`` that are no stage: each finds its room only when it is asked for."""

from __future__ import annotations

import argparse
import getpass
import importlib
import os
from collections.abc import Callable
from typing import Any

from jobs.lib.errors import DaybreakError
from jobs.lib.settings import PRODUCTS, Settings

NOT_DUE = 99


def train(options: argparse.Namespace, settings: Settings) -> int:
    """Trains a product for a day; jobs/<product>/train.py says how."""
    from jobs.lib import stages
    from jobs.lib.locks import stage_lock

    day, product = _needed(options, "as_of"), _trained(options)
    trainer = importlib.import_module(f"jobs.{product}.train")
    with stage_lock(settings.home, f"train {product} {day}"), stages.failure_told(settings, "train", day):
        trainer.run(stages.open_night(product, settings, day))
    return 0


def due(options: argparse.Namespace, settings: Settings) -> int:
    """Whether a champion must be trained; asks no Spark, so that a night that need not train pays a second for it."""
    from jobs.lib import registry, stores

    day, product = _needed(options, "as_of"), _trained(options)
    if registry.is_due(settings, stores.load(settings).name, product, day):
        print(f"{product}: a champion is to be trained for {day}")
        return 0
    print(f"{product}: the champion in force on {day} is fresh")
    return NOT_DUE


def check(options: argparse.Namespace, settings: Settings) -> int:
    """Tries a store's folder."""
    from jobs import check as checked

    return checked.run(settings)


def dictionary(options: argparse.Namespace, settings: Settings) -> int:
    """Writes the data dictionary, or fails where it is stale."""
    from jobs.lib import dictionary as pages

    if options.check:
        pages.check()
    print(f"{pages.PAGE}: {'written' if not options.check and pages.write() else 'is what the contracts say'}")
    return 0


def report(options: argparse.Namespace, settings: Settings) -> int:
    """Writes the report of a night and prints its path."""
    from jobs.lib import stages
    from jobs.report import stage

    with stages.failure_told(settings, "report", _needed(options, "as_of")):
        stage.run(_reader(options, settings, "report"))
    return 0


def lineage(options: argparse.Namespace, settings: Settings) -> int:
    """Prints what made a table's day."""
    from jobs import lineage as traced

    traced.run(_reader(options, settings, "lineage"), _needed(options, "table"))
    return 0


def releases(options: argparse.Namespace, settings: Settings) -> int:
    """Prints what was published."""
    from jobs.published import releases as published

    published.run(settings)
    return 0


def rollback(options: argparse.Namespace, settings: Settings) -> int:
    """Takes readers, warehouse and champion to another release."""
    from jobs.published import rollback as back

    to, product = _needed(options, "to"), options.product or back.only_product(settings)
    back.run(settings, product, to, options.by or _user(), options.why or "")
    return 0


def warehouse(options: argparse.Namespace, settings: Settings) -> int:
    """Loads a night's releases into the store's warehouse."""
    from jobs.lib import stages
    from jobs.warehouse import load

    day = _needed(options, "as_of")
    with stages.failure_told(settings, "warehouse", day):
        load.run(settings, day)
    return 0


def warehouse_sql(options: argparse.Namespace, settings: Settings) -> int:
    """Writes the statements for warehouses that are not run here, or fails where they are stale."""
    from jobs.warehouse import snowflake

    if options.check:
        snowflake.check()
    changed = not options.check and snowflake.write()
    print(f"{snowflake.FOLDER}: {'written' if changed else 'is what the contracts say'}")
    return 0


def repair(options: argparse.Namespace, settings: Settings) -> int:
    """Lands what came late, gives it its own days and prints the nights to run again."""
    from jobs import repair as mended
    from jobs.lib.locks import stage_lock

    with stage_lock(settings.home, "repair"):
        mended.run(settings)
    return 0


def maintenance(options: argparse.Namespace, settings: Settings) -> int:
    """Drops expired detail, compacts, vacuums."""
    from jobs.lib.locks import stage_lock
    from jobs.maintenance import stage

    with stage_lock(settings.home, f"maintenance {_needed(options, 'as_of')}"):
        stage.run(_reader(options, settings, "maintenance"))
    return 0


def properties(options: argparse.Namespace, settings: Settings) -> int:
    """Prints Spark's options as a properties file for spark-submit."""
    from jobs.lib import spark

    print(spark.as_properties(settings), end="")
    return 0


def store(options: argparse.Namespace, settings: Settings) -> int:
    """Lets the simulated store deliver its files through a day; a new world may be given its size and its past."""
    from jobs.lib import objects, spark
    from jobs.store import stage
    from jobs.store.world import WorldParams

    wanted = {"customers": options.customers, "items": options.items, "history_days": options.history_days}
    given = {name: value for name, value in wanted.items() if value}
    published = objects.open_store(settings.publish, settings)

    def read(key: str) -> bytes | None:
        return published.read(key) if published.exists(key) else None

    stage.run(
        settings.home,
        settings.publish,
        _needed(options, "through"),
        params=WorldParams(**given) if given else None,
        spark=lambda: spark.session(settings, "daybreak simulated store"),
        read=read,
    )
    return 0


RUN: dict[str, Callable[[argparse.Namespace, Settings], int]] = {
    "train": train,
    "due": due,
    "check": check,
    "dictionary": dictionary,
    "report": report,
    "lineage": lineage,
    "releases": releases,
    "rollback": rollback,
    "warehouse": warehouse,
    "warehouse-sql": warehouse_sql,
    "repair": repair,
    "maintenance": maintenance,
    "properties": properties,
    "store": store,
}


def _user() -> str:
    """Whom the record names where nobody was named; a container's user need not have a name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"user {os.getuid()}"


def _trained(options: argparse.Namespace) -> str:
    """The product to train; the first one where none is named."""
    return options.product or PRODUCTS[0]


def _needed(options: argparse.Namespace, name: str) -> Any:
    value = getattr(options, name)
    if value is None:
        raise DaybreakError(f"`python -m jobs {options.command}` needs --{name.replace('_', '-')}")
    return value


def _reader(options: argparse.Namespace, settings: Settings, name: str) -> Any:
    """A night to read with: no stage must be complete for it, tables are read as they are."""
    from jobs.lib import stages

    return stages.looking(name, settings, _needed(options, "as_of"))
