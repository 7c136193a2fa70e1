"""``python -m benchmarks.whole_nights FIRST LAST``: nights of the simulated store in one process, without Airflow.

Each day the store delivers, having shown what was published until then; then the stages of a night follow one another.
Nights that the home has published are not run again: what was cut off goes on.
"""

from __future__ import annotations

import gc
import sys
import time
from datetime import date, timedelta

from benchmarks.scale import STAGES
from jobs.__main__ import main
from jobs.lib import settings as environment
from jobs.published import releases

STORE, PRODUCT = "simulated", "recommendations"


def live(first: date, last: date) -> None:
    """The days from ``first`` to ``last``; ends the process with the code of the first stage that fails."""
    day = _next(first)
    while day <= last:
        started = time.monotonic()
        for command in (
            ["store", "--through", str(day)],
            *([*stage, "--as-of", str(day)] for stage in STAGES.values()),
        ):
            if code := main(command):
                sys.exit(code)
        print(f"night {day}: {time.monotonic() - started:.0f} s", flush=True)
        gc.collect()  # frames that Python forgets late keep their plans and broadcasts in Spark's memory
        day += timedelta(days=1)


def _next(first: date) -> date:
    """The first night that is not published."""
    there = releases.current(releases.open_product(environment.load(), STORE, PRODUCT))
    return date.fromisoformat(there["as_of"]) + timedelta(days=1) if there else first


if __name__ == "__main__":
    live(date.fromisoformat(sys.argv[1]), date.fromisoformat(sys.argv[2]))
