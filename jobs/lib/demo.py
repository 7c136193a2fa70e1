"""`make demo`: a simulated store's history, a night, a day on which shoppers saw what was published, and its night."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

from jobs.lib import nights
from jobs.lib.errors import DaybreakError
from jobs.lib.settings import Settings

STORE = "simulated"
FIRST_NIGHT = date(2026, 3, 3)
NIGHTS = 2
# What a reader may ask of each product: in words, and as the warehouse takes it.
QUESTIONS = {
    "recommendations": (
        "What newcomers are shown first",
        "SELECT rank, item_id, reason FROM recommendations.for_newcomer_current WHERE segment = 'all' AND rank <= 5 "
        "ORDER BY rank",
    ),
    "demand": (
        "What will sell most in the next seven days, and its 10% and 90% quantiles",
        "SELECT item_id, mean, q10, q90 FROM demand.forecast_total_current WHERE location_id = 'all' "
        "AND horizon_days = 7 ORDER BY mean DESC, item_id LIMIT 5",
    ),
    "pricing": (
        "Where a price should move",
        "SELECT item_id, current_price, suggested_price, reason FROM pricing.price_suggestions_current "
        "WHERE suggested_price <> current_price ORDER BY item_id LIMIT 5",
    ),
}
# A small shop: enough history for three windows of 28 days, so that a model is trained, judged and gated.
WORLD = ("--customers", "600", "--items", "300", "--history-days", "120")


def run(settings: Settings) -> None:
    """Delivers, runs and publishes; ends with where things are. Run again, it goes the same way to the same content."""
    settings = replace(settings, store=STORE)
    started = time.monotonic()
    days = [FIRST_NIGHT + timedelta(days=later) for later in range(NIGHTS)]
    print(f"the simulated store delivers its history through {days[0]}", flush=True)
    jobs(settings, "store", "--through", str(days[0]), *WORLD)
    with nights.session(settings, "make demo") as api:
        for day in days:
            if day is not days[0]:
                print(f"{day}: shoppers see what was published, and the store delivers the day", flush=True)
                jobs(settings, "store", "--through", str(day))
            nights.run_night(settings, api, day)
    print(f"\n{NIGHTS} nights in {(time.monotonic() - started) / 60:.1f} min. Where things are:")
    print("\n".join(places(settings, settings.report(STORE, days[-1]))))
    print("\n".join(queried(settings)))


def jobs(settings: Settings, *command: str, capture: bool = False) -> str:
    """Runs `python -m jobs …` for the store; its output where asked for. Raises DaybreakError when it fails."""
    env = {**os.environ, "DAYBREAK_STORE": settings.store, "DAYBREAK_HOME": str(settings.home)}
    out = subprocess.PIPE if capture else None
    done = subprocess.run([sys.executable, "-m", "jobs", *command], env=env, stdout=out, text=True, check=False)
    if done.returncode:
        raise DaybreakError(f"`python -m jobs {' '.join(command)}` ended with {done.returncode}, as it says above")
    return done.stdout or ""


def queried(settings: Settings) -> list[str]:
    """A question to the warehouse about the first product and its answer, as a reader asks it: where the warehouse is a
    DuckDB file."""
    path = Path(settings.warehouse.replace("{store}", STORE))
    if not path.is_file():
        return []
    import duckdb

    about, asked = QUESTIONS[settings.products[0]]
    with duckdb.connect(str(path), read_only=True) as warehouse:
        answer = warehouse.sql(asked).fetchall()
    told = ["", f"The warehouse is {path}. {about}:", f"  {asked}"]
    return told + ["  " + "  ".join(map(_cell, row)) for row in answer]


def _cell(value: object) -> str:
    return f"{value:10.2f}" if isinstance(value, float) else f"{value!s:8}"


def places(settings: Settings, report: Path) -> list[str]:
    """Where outputs, report and logs are, a line each; the release in force of each product."""
    told = []
    for product in settings.products:
        root = f"{settings.publish}/{STORE}/{product}"
        pointer = Path(root, "current.json")
        if pointer.is_file():
            current = json.loads(pointer.read_text())
            told.append(f"  {product:16} release {current['release']} of {current['as_of']}, from {pointer}")
            files = f"{root}/*/as_of={current['as_of']}/release={current['release']}/*.parquet"
            told.append(f"  {'its tables':16} {files}")
        else:
            told.append(f"  {product:16} {root}")
    told.append(f"  {'report':16} {report}")
    told.append(f"  {'raw files':16} {settings.home / 'stores' / STORE / 'landing'}")
    told.append(f"  {'Airflow':16} make up, and see the nights at the address that it prints")
    return told
