"""What strikes nights, and how it is told whether one came through: tests and the benchmark `faults` share it."""

from __future__ import annotations

import os
import signal
import subprocess
from datetime import date, timedelta
from pathlib import Path

from jobs.lib import contracts, stages
from jobs.lib.tables import content_hash
from tests.conftest import settings_of
from tests.e2e.nights import start
from tests.shop import Shop, usual_day

HISTORY_DAYS = 4
LAYERS = ("validated", "features", "recommendations")


def delivered(folder: Path, day: date) -> Shop:
    """A shop that has delivered ``day`` and the three days before it."""
    shop = Shop.create(folder, settings_of(folder / "unused"))
    for back in range(HISTORY_DAYS):
        shop.deliver(day - timedelta(days=back), usual_day(day - timedelta(days=back)))
    return shop


def strike(home: Path, store: Path, command: list[str], after_seconds: float, **variables: str) -> bool:
    """Starts a command and kills it, its JVM and its workers after so many seconds; whether it was still at work."""
    victim = start(home, store, command, **variables)
    try:
        victim.wait(timeout=after_seconds)
    except subprocess.TimeoutExpired:
        os.killpg(victim.pid, signal.SIGKILL)
        return victim.wait() == -signal.SIGKILL
    return False


def contents(home: Path, shop: Shop, day: date) -> dict[str, str]:
    """Each table's content as of a day, as a hash; wants a Spark session of this process."""
    tables = stages.looking("tests", settings_of(home, DAYBREAK_STORE=str(shop.folder)), day).tables
    names = [name for layer in LAYERS for name in contracts.names(layer)]
    return {name: content_hash(frame, frame.columns) for name in names for frame in [tables.read(name, day)]}
