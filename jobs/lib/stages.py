"""A folder is a stage: its tables, their order from what they read, one process and one Spark session.

A stage with work of another shape (landing, validation, publication) has a module ``stage.py`` with ``run(night)``;
every other is run from its transforms alone. Inputs are found by the names of a transform's parameters.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import json
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from jobs.lib import contracts, engine, lineage, mappings, memory, objects, registry, retention, stores
from jobs.lib.contracts import Contract
from jobs.lib.errors import DaybreakError, RuleBroken
from jobs.lib.objects import ObjectStore
from jobs.lib.settings import Settings
from jobs.lib.spark import session
from jobs.lib.stores import Store
from jobs.lib.tables import Tables

LAYERS = ("landed", "validated", "features")
CHANGES = "_changes"
ONE_DAY = timedelta(days=1)
FEATURE_DAYS = 14  # for so long maintenance keeps the daily features of a night
FACTS = ("as_of", "store", "champion", "settings", "events_from")


@dataclass(frozen=True)
class Night:
    """All that a stage needs of the night it works for: ``as_of`` is the day by whose end everything was known."""

    spark: SparkSession
    settings: Settings
    store: Store
    tables: Tables
    as_of: date
    stage: str = ""

    @property
    def place(self) -> ObjectStore:
        """The store's own part of the lake, for what is no table."""
        return objects.open_store(f"{self.settings.lake}/{self.store.name}", self.settings)

    def events_from(self) -> date | None:
        """The first day whose session-level events are still there; None where none were ever dropped."""
        return retention.events_from(self.place)

    def log(self, text: str) -> None:
        """A line of progress."""
        print(f"[{self.stage} {self.as_of}] {text}", flush=True)

    def kept(self, day: date) -> dict[str, Path]:
        """The store's mappings without those of which nothing was known by ``day`` though the table is of versions: a
        catalogue or consents kept since lately say of the time before neither that all was delisted nor that all
        refused."""
        versions = [name for name in self.store.mappings if contracts.load(f"validated.{name}").history == "versions"]
        known = self.tables.known([f"validated.{name}" for name in versions], day)
        return {
            name: path
            for name, path in self.store.mappings.items()
            if name not in versions or f"validated.{name}" in known
        }

    @contextmanager
    def at(self, day: date) -> Iterator[Night]:
        """This night's view with the features of an earlier ``day``, for a trainer's cut: those that its own run left,
        as long as they are kept, else made now for as long as the block lasts. They are the same: features are
        point-in-time correct. That day's own versions of tables are not asked for: Delta lets nobody read what was
        replaced more than seven days ago. The view's store maps only what it :meth:`kept` by then."""
        store = replace(self.store, mappings=self.kept(day))
        past = replace(self, as_of=day, stage="features", store=store, tables=replace(self.tables, written=[], made={}))
        swept = lineage.last_completed(self.tables, "maintenance")
        is_kept = swept is None or day >= swept - timedelta(days=FEATURE_DAYS)
        if is_kept and store == self.store and lineage.completion(self.tables, "features", day) is not None:
            yield past
            return
        transforms = {
            name: function
            for name, function in discover("features").items()
            if contracts.load(f"features.{name}").history == "daily"
        }
        try:
            for name in _order(transforms).static_order():
                frame = transforms[name](**_inputs(past, transforms[name], transforms, None))
                past.tables.make(f"features.{name}", frame, day)
            yield past
        finally:
            past.tables.release()


def run(stage: str, settings: Settings, as_of: date, only: Sequence[str] = ()) -> None:
    """Runs one stage for one day and completes it; on failure leaves a word for Airflow beside the logs, and raises."""
    with failure_told(settings, stage, as_of):
        night = open_night(stage, settings, as_of)
        if only:
            build(night, only)
            night.log("some tables only: the stage is not marked complete")
        else:
            _execute(night)


def open_night(stage: str, settings: Settings, as_of: date) -> Night:
    """A session, the store and the lake pinned to what the earlier stages of this day completed with."""
    night = looking(stage, settings, as_of)
    return replace(night, tables=night.tables.pinned(_upstream(night.tables, stage, as_of)))


def looking(name: str, settings: Settings, as_of: date) -> Night:
    """A night to look at: the tables as they are now, whatever of it has completed.

    Raises DaybreakError where a lake on S3 cannot be reached, before Spark says so at the length of a screen."""
    store = stores.load(settings)
    if settings.lake.startswith("s3://"):
        next(objects.open_store(f"{settings.lake}/{store.name}", settings).list(), None)
    spark = session(settings, f"daybreak {name} {as_of}")
    return Night(spark, settings, store, Tables(spark, settings.lake, store.name), as_of, name)


@contextmanager
def failure_told(settings: Settings, stage: str, as_of: date):
    """Writes ``<home>/runs/<store>/<day>/<stage>.failure.json`` when the block fails, removes it when it does not."""
    note = settings.home / "runs" / Path(settings.store).name / str(as_of) / f"{stage}.failure.json"
    try:
        yield
    except Exception as error:
        table, rule = (error.table, error.rule) if isinstance(error, RuleBroken) else (None, None)
        note.parent.mkdir(parents=True, exist_ok=True)
        note.write_text(json.dumps({"stage": stage, "table": table, "rule": rule, "message": str(error)}, indent=1))
        raise
    note.unlink(missing_ok=True)


def _execute(night: Night, names: Sequence[str] = ()) -> None:
    started = time.monotonic()
    own = _own_run(night.stage)
    # Before the work: where another is put in force meanwhile, publication finds that this is no longer the champion.
    champion = registry.champion(night.settings, night.store.name, night.stage, night.as_of)
    with memory.watched([os.getpid(), *engine.processes(night.settings)]) as peak:
        if own is not None:
            own(night)
        else:
            build(night, names)
    seconds = round(time.monotonic() - started, 3)
    lineage.complete(
        night.tables,
        night.stage,
        night.as_of,
        night.tables.written,
        seconds,
        peak.bytes,
        datetime.now(UTC),
        champion.version if champion else None,
    )
    night.log(f"complete in {seconds:.1f} s")


def build(night: Night, only: Sequence[str] = ()) -> None:
    """Builds the tables of a stage, each from its transform and after what it reads; two at a time, since planning and
    committing leave a core idle."""
    transforms = discover(night.stage)
    lacking = {name: _lacking(night, contracts.load(f"{night.stage}.{name}")) for name in transforms}
    for name, missing in lacking.items():
        if missing:
            night.log(f"{name}: not made, since the store has no {' and no '.join(missing)}")
    wanted = [name for name in transforms if (not only or name in only) and not lacking[name]]
    reads = Counter(
        table for name in wanted for table in input_tables(night.stage, transforms[name], transforms).values()
    )
    several = [table for table, times in reads.items() if times > 1 and not table.startswith(f"{night.stage}.")]
    with night.tables.keeping(several):
        in_order(_order(transforms), lambda name: _build(night, name, transforms) if name in wanted else None)


def _lacking(night: Night, contract: Contract) -> list[str]:
    """What ``contract`` needs and this store does not map, or has not delivered yet."""

    def has(need: str) -> bool:
        table, _, column = need.partition(".")
        path = night.store.mappings.get(table)
        if path is None or not night.tables.exists(f"validated.{table}"):
            return False
        return not column or bool(mappings.mentioned(path, [column]))

    return [need for need in contract.needs if not has(need)]


def _build(night: Night, name: str, transforms: dict[str, Callable]) -> None:
    started = time.monotonic()
    table = f"{night.stage}.{name}"
    # A table of events takes in what became known since it was last written; one of days is made anew.
    since = (
        lineage.last_written(night.tables, table, night.as_of) if contracts.load(table).history == "events" else None
    )
    frame = transforms[name](**_inputs(night, transforms[name], transforms, since))
    first_day = None if contracts.load(table).history == "daily" else (since + ONE_DAY if since else date.min)
    if first_day and f"events{CHANGES}" in inspect.signature(transforms[name]).parameters:
        kept_from = night.events_from()
        if kept_from and first_day < kept_from:
            # Of events that have been dropped the sums that were made of them are all there is.
            first_day, frame = kept_from, frame.where(F.col("known_day") >= F.lit(kept_from))
    done = night.tables.replace_day(table, frame, night.as_of, first_day=first_day)
    night.log(f"{name}: {done.rows:,} rows, {time.monotonic() - started:.1f} s")


def in_order(order: TopologicalSorter, act: Callable[[str], Any], at_once: int = 2) -> None:
    """Calls ``act`` for every node, after those that it depends on, ``at_once`` of them at a time; the first error
    ends it once the others under way are through."""
    order.prepare()
    with ThreadPoolExecutor(at_once) as pool:
        under_way: dict[Future, str] = {}
        while order.is_active():
            under_way.update({pool.submit(act, name): name for name in order.get_ready()})
            for done in wait(under_way, return_when=FIRST_COMPLETED).done:
                done.result()
                order.done(under_way.pop(done))


def _order(transforms: dict[str, Callable]) -> TopologicalSorter:
    return TopologicalSorter({name: _siblings(function, transforms) for name, function in transforms.items()})


def discover(stage: str) -> dict[str, Callable]:
    """The transforms of a stage by table name: the function named as its module, for each contract of the layer."""
    found = {}
    for name in contracts.names(stage):
        table = name.split(".", 1)[1]
        if importlib.util.find_spec(f"jobs.{stage}.{table}") is None:
            raise DaybreakError(
                f"expectations/{stage}/{table}.yml has no jobs/{stage}/{table}.py with a function {table}()"
            )
        found[table] = getattr(importlib.import_module(f"jobs.{stage}.{table}"), table)
    if not found:
        raise DaybreakError(f"there is no stage {stage!r}: expected one of {', '.join(known_stages())}")
    return found


def known_stages() -> list[str]:
    """The stages that there are: folders with contracts or with a ``stage.py``."""
    root = Path(__file__).parents[1]
    return sorted(
        {name.split(".", 1)[0] for name in contracts.names()} & {path.name for path in root.iterdir() if path.is_dir()}
    ) + [path.parent.name for path in sorted(root.glob("*/stage.py"))]


def input_tables(stage: str, function: Callable, transforms: dict[str, Callable]) -> dict[str, str]:
    """Parameter → table name: the same folder first, then features, then validated. ``order_lines_changes`` asks
    for what changed in order_lines since the transform's own table was last written (``Tables.read_changes``)."""
    known = set(contracts.names())
    found = {}
    for parameter in inspect.signature(function).parameters:
        if parameter in FACTS:
            continue
        places = [stage, "features", "validated"] if parameter in transforms else ["features", "validated"]
        table = parameter.removesuffix(CHANGES)
        candidates = [f"{place}.{table}" for place in places if f"{place}.{table}" in known]
        if not candidates:
            raise DaybreakError(f"{stage}.{function.__name__} asks for {parameter!r}, and no contract is named so")
        found[parameter] = candidates[0]
    return found


def _siblings(function: Callable, transforms: dict[str, Callable]) -> set[str]:
    return {name for name in inspect.signature(function).parameters if name in transforms and name != function.__name__}


def _inputs(night: Night, function: Callable, transforms: dict[str, Callable], since: date | None) -> dict:
    wanted = inspect.signature(function).parameters
    values: dict[str, Any] = {}
    for name, table in input_tables(night.stage, function, transforms).items():
        is_changes = name.endswith(CHANGES)
        values[name] = (
            night.tables.read_changes(table, since, night.as_of)
            if is_changes
            else night.tables.read(table, night.as_of)
        )
    facts = {"as_of": night.as_of, "store": night.store, "settings": night.settings}
    values.update({name: value for name, value in facts.items() if name in wanted})
    if "events_from" in wanted:
        values["events_from"] = night.events_from()
    if "champion" in wanted:
        champion = registry.champion(night.settings, night.store.name, night.stage, night.as_of)
        if champion is None:
            raise DaybreakError(
                f"{night.stage} has no champion for {night.as_of}: "
                f"run `python -m jobs train --product {night.stage} --as-of {night.as_of}`"
            )
        values["champion"] = champion
    return values


def _own_run(stage: str) -> Callable | None:
    name = f"jobs.{stage}.stage"
    if importlib.util.find_spec(f"jobs.{stage}") is None or importlib.util.find_spec(name) is None:
        return None
    return importlib.import_module(name).run


def _upstream(lake: Tables, stage: str, as_of: date) -> dict[str, int]:
    """The versions that the stages to the left completed with for this day; an unfinished one is named."""
    before = LAYERS[: LAYERS.index(stage)] if stage in LAYERS else LAYERS
    pins: dict[str, int] = {}
    completed = lineage.completions(lake, as_of) if before else {}
    for earlier in before:
        done = completed.get(earlier)
        if done is None:
            raise DaybreakError(
                f"the stage {earlier!r} is not complete for {as_of}: "
                f"run `python -m jobs {earlier} --as-of {as_of}` first"
            )
        pins.update(done.versions)
    return pins
