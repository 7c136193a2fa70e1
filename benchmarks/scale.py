"""The simulated store with ten times the customers: how many times the seconds each stage takes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from benchmarks.figures import Figure
from benchmarks.homes import fresh_home, run

DAY = "2026-03-31"
HISTORY_DAYS = 120
SMALL, LARGE = 1_000, 10_000
ITEMS = 1_000
STAGES = {
    "landed": ["landed"],
    "validated": ["validated"],
    "features": ["features"],
    "train": ["train", "--product", "recommendations"],
    "recommendations": ["recommendations"],
    "published": ["published"],
}


def measure() -> Iterator[Figure]:
    """The first night of both worlds, same items and days, stage by stage; whole processes, their start included."""
    with fresh_home() as home:
        seconds = {customers: of_world(home / str(customers), customers) for customers in (SMALL, LARGE)}
    name = f"{SMALL:,} customers"
    for stage in STAGES:
        ratio = seconds[LARGE][stage] / seconds[SMALL][stage]
        yield Figure("scale", f"{stage}: {LARGE:,} customers, times the seconds", ratio, 1.0, name, 12, "lower")


def of_world(home: Path, customers: int) -> dict[str, float]:
    """Seconds of each stage of the first night of a world of this size."""
    world = ["--customers", str(customers), "--items", str(ITEMS), "--history-days", str(HISTORY_DAYS)]
    print(f"  a world of {customers:,} customers …", flush=True)
    run(["-m", "jobs", "store", "--through", DAY, *world], home)
    taken = {}
    for stage, command in STAGES.items():
        whole = ["-m", "jobs", *command, "--store", "simulated", "--as-of", DAY]
        taken[stage] = run(whole, home, PRODUCTS="recommendations").seconds
        print(f"    {stage}: {taken[stage]:.0f} s", flush=True)
    return taken
