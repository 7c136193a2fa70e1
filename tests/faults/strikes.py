"""What strikes nights, and how it is told whether one came through: tests and the benchmark `faults` share it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from datetime import date, timedelta
from pathlib import Path
from typing import NamedTuple

import duckdb

from jobs.lib import contracts, stages
from jobs.lib.tables import content_hash
from tests.conftest import settings_of
from tests.e2e.nights import release_of, said, start, until_said
from tests.shop import Shop, usual_day

HISTORY_DAYS = 4
LAYERS = ("validated", "features", "recommendations")


def delivered(folder: Path, day: date) -> Shop:
    """A shop that has delivered ``day`` and the three days before it."""
    shop = Shop.create(folder, settings_of(folder / "unused"))
    for back in range(HISTORY_DAYS):
        shop.deliver(day - timedelta(days=back), usual_day(day - timedelta(days=back)))
    return shop


def strike(home: Path, store: Path, command: list[str], after_seconds: float, once: str = "") -> bool:
    """Starts a command and kills it, its JVM and its workers so many seconds after its start, or after it has said
    ``once``; whether it was still at work. One that ends by itself must have succeeded. The home has had a command
    before."""
    heard = len(said(home))
    victim = start(home, store, command)
    until_said(home, victim, once, heard)
    try:
        code = victim.wait(timeout=after_seconds)
    except subprocess.TimeoutExpired:
        os.killpg(victim.pid, signal.SIGKILL)
        return victim.wait() == -signal.SIGKILL
    assert code == 0, said(home)[-4000:]
    return False


def took(home: Path, day: date) -> dict[str, float]:
    """How many seconds each stage of a home's last night of a day took, by the command of all stages."""
    return {name: float(seconds) for name, seconds in re.findall(rf"== (\w+) of {day} took (\S+) s", said(home))}


def is_whole(home: Path) -> bool:
    """Whether who starts at the pointer sees a release whose files are all what its manifest says."""
    try:
        return bool(release_of(home))
    except (AssertionError, OSError, ValueError):
        return False


class Ended(NamedTuple):
    """What a home holds after a night: the release in force, each table's content as a hash, the warehouse's rows."""

    release: str
    tables: dict[str, str]
    warehouse: dict[str, list[tuple]]


def ended(home: Path, shop: Shop, day: date) -> Ended:
    """What a home holds after the night of a day; see ``contents``."""
    return Ended(release_of(home), contents(home, shop, day), warehouse_of(home))


def contents(home: Path, shop: Shop, day: date) -> dict[str, str]:
    """Each table's content as of a day, as a hash; wants a Spark session of this process, which must not have read
    another home at this path."""
    tables = stages.looking("tests", settings_of(home, DAYBREAK_STORE=str(shop.folder)), day).tables
    names = [name for layer in LAYERS for name in contracts.names(layer)]
    return {name: content_hash(frame, frame.columns) for name in names for frame in [tables.read(name, day)]}


def warehouse_of(home: Path) -> dict[str, list[tuple]]:
    """What reverse ETL reads of a home's DuckDB, and which releases it tells of."""
    asked = {"releases": "SELECT release, as_of, state FROM daybreak.releases ORDER BY ALL"}
    with duckdb.connect(home / "warehouse" / "shop.duckdb", read_only=True) as reader:
        views = (
            "SELECT schema_name || '.' || view_name FROM duckdb_views() WHERE view_name LIKE '%\\_current' ESCAPE '\\'"
        )
        asked |= {name: f"SELECT * FROM {name} ORDER BY ALL" for (name,) in reader.execute(views).fetchall()}
        return {name: reader.execute(query).fetchall() for name, query in asked.items()}
