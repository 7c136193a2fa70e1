"""Homes to measure in, and what a command costs: seconds, and the most memory that its whole process tree held."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from jobs.lib import memory


class DataMissing(Exception):
    """The public data that a benchmark needs is not there."""


def public_data(name: str) -> Path:
    """The folder of a public data set under DAYBREAK_DATA; raises DataMissing saying what to do."""
    root = os.environ.get("DAYBREAK_DATA")
    folder = Path(root or ".", name).resolve()
    if not root or not folder.is_dir():
        raise DataMissing(
            f"needs the data set {name!r}: set DAYBREAK_DATA to the folder that has {name}/ (README, 'Data')"
        )
    return folder


@contextmanager
def fresh_home(goes_on: bool = False) -> Iterator[Path]:
    """An empty home that is gone afterwards; DAYBREAK_BENCH_HOME keeps one there instead, to look at, or for a long
    benchmark that ``goes_on`` where it was."""
    place = os.environ.get("DAYBREAK_BENCH_HOME")
    if place:
        if not goes_on:
            shutil.rmtree(place, ignore_errors=True)
        yield Path(place).resolve()
        return
    with tempfile.TemporaryDirectory(prefix="daybreak-bench-") as folder:
        yield Path(folder)


@dataclass(frozen=True)
class Cost:
    """What a command took."""

    seconds: float
    peak_gib: float


def kept(home: Path, name: str, work: Callable[[], Any]) -> Any:
    """What a step came to, as JSON has it, done once a home: a benchmark that was cut off takes the steps before from
    ``steps.json``."""
    book = home / "steps.json"
    known = json.loads(book.read_text()) if book.is_file() else {}
    if name not in known:
        known[name] = work()
        written = book.with_suffix(".new")
        written.write_text(json.dumps(known, indent=1))
        written.replace(book)
    return known[name]


def once(home: Path, name: str, work: Callable[[], Cost]) -> Cost:
    """What a step costs, done once a home."""
    return Cost(**kept(home, name, lambda: asdict(work())))


def run(command: list[str], home: Path, **variables: str) -> Cost:
    """Runs ``python <command>`` with this home; its output goes to ``<home>/bench.log``. Raises when it fails."""
    env = {**os.environ, "DAYBREAK_HOME": str(home), **variables}
    home.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    with (home / "bench.log").open("ab") as log:
        process = subprocess.Popen([sys.executable, *command], env=env, stdout=log, stderr=subprocess.STDOUT)
        with memory.watched([process.pid]) as peak:
            code = process.wait()
    seconds = time.monotonic() - started
    if code:
        tail = (home / "bench.log").read_text(errors="replace").splitlines()[-30:]
        raise RuntimeError(f"{' '.join(command)} ended with {code}:\n" + "\n".join(tail))
    return Cost(seconds, peak.bytes / 2**30)


def night(home: Path, store: str, day: str, **variables: str) -> Cost:
    """One whole night through Airflow, as ``make run`` does it."""
    print(f"  night {day} of {store} …", flush=True)
    return run(["-m", "jobs.lib.nights", "run", "--store", store, "--day", day], home, **variables)
