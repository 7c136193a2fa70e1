"""`make repair`: late rows get their own days, and the nights that used them run again through Airflow, in order."""

from __future__ import annotations

from datetime import date

from jobs.lib import demo, nights
from jobs.lib.settings import Settings

TOLD = "nights to run again: "


def run(settings: Settings) -> None:
    """Repairs the store's nights; killed anywhere, the same command goes on. A night that fails is a DaybreakError."""
    # Under the lock of nights: none may be halfway while rows move from day to day.
    with nights.session(settings, "make repair") as api:
        said = demo.jobs(settings, "repair", capture=True)
        print(said, end="", flush=True)
        told = next(line for line in reversed(said.splitlines()) if line.startswith(TOLD)).removeprefix(TOLD)
        for day in [date.fromisoformat(text) for text in told.split() if text != "none"]:
            nights.run_night(settings, api, day)
