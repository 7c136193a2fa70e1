"""One night of Online Retail through Airflow from an empty home, and the night after: seconds and memory."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.figures import Figure
from benchmarks.homes import fresh_home, night, public_data


def measure() -> Iterator[Figure]:
    """Night of 2011-10-31 with all its history (about 420,000 lines), then 2011-11-01."""
    public_data("online_retail")
    variables = {"PRODUCTS": "recommendations", "DAYBREAK_CONTROL_SHARE": "0"}
    with fresh_home() as home:
        first = night(home, "online_retail", "2011-10-31", **variables)
        yield Figure("night", "first night, all history: minutes", first.seconds / 60, target=10, better="lower")
        yield Figure(
            "night", "first night: peak memory of the process tree, GiB", first.peak_gib, target=8, better="lower"
        )
        second = night(home, "online_retail", "2011-11-01", **variables)
        yield Figure("night", "the night after: minutes", second.seconds / 60, target=5, better="lower")
        yield Figure("night", "the night after: peak memory, GiB", second.peak_gib, target=8, better="lower")
