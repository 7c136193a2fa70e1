"""Machines told from people by what they did, and by nothing that was known later."""

from __future__ import annotations

import random
from datetime import date, datetime, timedelta

import pytest
from pyspark.sql import functions as F

from jobs.lib import contracts
from jobs.validated.events import events

START = datetime(2026, 1, 5, 9)


@pytest.fixture
def visits(spark):
    """Frames of events given as visitor → list of (seconds after nine o'clock, type, item), on days from the 5th on."""
    schema = contracts.load("validated.events").schema()

    def made(visitors, day=0):
        rows = []
        for visitor, acts in visitors.items():
            for at, (second, kind, item) in enumerate(acts):
                facts = dict.fromkeys(schema.fieldNames())
                facts |= {
                    "event_id": f"{visitor}-{day}-{at}",
                    "event_at": START + timedelta(days=day, seconds=second),
                    "event_date": date(2026, 1, 5) + timedelta(days=day),
                    "event_type": kind,
                    "visitor_id": visitor,
                    "item_id": item,
                    "is_bot": False,
                    "is_test": False,
                    "known_day": date(2026, 1, 5) + timedelta(days=day),
                }
                rows.append(tuple(facts[name] for name in schema.fieldNames()))
        return spark.createDataFrame(rows, schema)

    return made


def person(seed, acts=60):
    """Someone who looks around with human pauses, comes back to items, and fills a cart."""
    chance = random.Random(seed)
    second, rows = 0.0, []
    for _ in range(acts):
        second += chance.lognormvariate(3.0, 1.0)
        kind = chance.choices(["view", "cart", "search"], [0.85, 0.1, 0.05])[0]
        rows.append((second, kind, f"i{int(chance.paretovariate(1))}"))
    return rows


def marked(frame):
    return {row["visitor_id"] for row in frame.where("is_bot").select("visitor_id").distinct().collect()}


def test_machines_are_marked_and_people_are_not(visits):
    chance = random.Random(7)
    walk = sorted(chance.uniform(0, 4 * 3600) for _ in range(300))
    seen = {
        **{f"person{seed}": person(seed) for seed in range(20)},
        "even": [(5 * at, "view", f"i{at % 9}") for at in range(40)],
        "burst": [(0.5 * at, "view", f"i{at % 9}") for at in range(80)],
        "broad": [(second, "view", f"i{at}") for at, second in enumerate(walk)],
        "sleepless": [(at * 90 * (0.5 + chance.random()), "view", f"i{at % 30}") for at in range(300)],
        "shown": [(0.1 * at, "impression", f"i{at}") for at in range(200)],
    }
    assert marked(events(visits(seen), visits({}))) == {"even", "burst", "broad", "sleepless"}


def test_a_machine_is_remembered_for_some_days_and_never_known_before(visits):
    machine = {"m": [(5 * at, "view", f"i{at % 9}") for at in range(40)]}
    quiet = {"m": [(0, "view", "a")]}
    days = visits(quiet, 0).unionByName(visits(machine, 1)).unionByName(visits(quiet, 4)).unionByName(visits(quiet, 20))
    done = events(days, visits({}))
    by_day = {row["event_date"].day: row["is_bot"] for row in done.collect()}
    assert by_day == {5: False, 6: True, 9: True, 25: False}
    alone = events(visits(quiet, 4), visits(machine, 1))
    assert marked(alone) == {"m"}


def test_a_month_delivered_on_one_day_is_judged_day_by_day(visits):
    """Who looks at six new items a day in a month is a customer; who looks at two hundred on one of its days is not."""
    calm, busy = [[(600.0 * at, "view", f"{day}-{at}") for at in range(6)] for day in range(30)], visits({}, 0)
    for day, acts in enumerate(calm):
        busy = busy.unionByName(visits({"reader": acts}, day))
    busy = busy.unionByName(visits({"robot": [(40.0 * at, "view", f"r{at}") for at in range(200)]}, 3))
    busy = busy.unionByName(visits({"robot": [(40.0, "view", "again")]}, 20))
    whole = events(busy.withColumn("known_day", F.lit(date(2026, 2, 8))), visits({}, 0))
    assert marked(whole) == {"robot"}
    assert {str(row[0]) for row in whole.where("is_bot").select("event_date").distinct().collect()} == {"2026-01-08"}
