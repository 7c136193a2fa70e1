"""Whether a night should still wait for its day's files: exit code 0 no, 99 yes. Airflow's first task of a night asks.

A night waits for each file that carries its day in its name, until the deadline: so many hours after the store's day
ended (DAYBREAK_FILES_DEADLINE_HOURS, 6). Then it goes on without the file, and says so; the file lands with the night
after it. A day long past is never waited for, nor is a day on which the store is closed.
"""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

from jobs.landed import files
from jobs.landed.streams import Refused
from jobs.lib import objects, stores
from jobs.lib import settings as environment
from jobs.lib.errors import DaybreakError
from jobs.lib.objects import ObjectStore
from jobs.lib.stores import Source, Store

WAIT = 99


def deadline(store: Store, day: date, hours: float) -> datetime:
    """The moment until which files of ``day`` are waited for, in UTC."""
    ended = datetime.combine(day + timedelta(days=1), time(), store.zone)
    return ended.astimezone(UTC) + timedelta(hours=hours)


def missing(store: Store, place: ObjectStore, day: date) -> list[str]:
    """The sources that carry the day in their files' names and have no whole file of ``day`` in the landing place."""
    if day.weekday() in store.closed_weekdays:
        return []
    # As landing lists them: a source's own files, none that is hidden or named as unfinished.
    found = files.listed(place, store.sources, datetime.now(UTC), timedelta(0)).files
    named = [source for source in store.sources.values() if source.known.kind == "name"]
    return [one.name for one in named if not any(_is_of(file.key, one, day) for file in found[one.name])]


def _is_of(key: str, source: Source, day: date) -> bool:
    try:
        return files.day_in(key, source.known) == day
    except Refused:
        return False


def main(arguments: list[str] | None = None) -> int:
    """0: the night may begin; 99: it should wait; 1: the question could not be answered."""
    parser = argparse.ArgumentParser(prog="python -m jobs.landed.waiting", description=__doc__)
    parser.add_argument("--as-of", type=date.fromisoformat, required=True)
    parser.add_argument("--store")
    options = parser.parse_args(arguments)
    try:
        settings = environment.load()
        store = stores.load(replace(settings, store=options.store) if options.store else settings)
        hours = float(os.environ.get("DAYBREAK_FILES_DEADLINE_HOURS") or 6)
        if datetime.now(UTC) >= deadline(store, options.as_of, hours):
            print(f"the deadline for files of {options.as_of} has passed: the night begins with what is there")
            return 0
        lacking = missing(store, objects.open_store(store.landing, settings), options.as_of)
    except DaybreakError as error:
        print(f"daybreak: {error}", file=sys.stderr)
        return 1
    if lacking or options.as_of >= datetime.now(store.zone).date():
        print(f"{options.as_of}: waiting for {', '.join(lacking) or 'the day to end'}")
        return WAIT
    return 0


if __name__ == "__main__":
    sys.exit(main())
