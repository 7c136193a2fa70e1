"""SIGKILL at random moments of every stage of a small night, then the same command again: STRIKES of them (200).

Each home has a release of the night before, is struck twice in every stage and must end with the content of an
undisturbed night, its warehouse too; after every strike readers must see a whole release. STRIKES_SEED draws anew.
"""

from __future__ import annotations

import os
import random
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

from benchmarks.figures import Figure
from benchmarks.homes import fresh_home
from tests.e2e.nights import COMMANDS, finish, stage, whole_night
from tests.faults import strikes
from tests.shop import Shop

DAY = date(2026, 3, 5)
STRIKES_PER_STAGE = 2


@dataclass
class Happened:
    """Counts by stage: strikes, those that met it at work, commands that then failed, and homes with other content."""

    strikes: Counter = field(default_factory=Counter)
    met: Counter = field(default_factory=Counter)
    failed: Counter = field(default_factory=Counter)
    mixed: Counter = field(default_factory=Counter)
    homes: int = 0
    equal: int = 0


def measure() -> Iterator[Figure]:
    """Strikes homes of a tiny shop until STRIKES are done, and prints a table of what happened."""
    wanted = int(os.environ.get("STRIKES") or 200)
    draw = random.Random(int(os.environ.get("STRIKES_SEED") or 1))
    with fresh_home() as folder:
        folder.mkdir(parents=True, exist_ok=True)
        shop = strikes.delivered(folder, DAY)
        home, earlier = folder / "home", folder / "earlier"
        home.mkdir()
        finish(home, shop.folder, whole_night(DAY - timedelta(days=1)))
        shutil.copytree(home, earlier)
        took = {command[0]: finish(home, shop.folder, stage(command, DAY)) for command in COMMANDS}
        expected = strikes.ended(home.rename(folder / "whole"), shop, DAY)
        happened = Happened()
        while sum(happened.strikes.values()) < wanted:
            shutil.copytree(earlier, home)
            struck(home, shop, took, draw, happened)
            # Each elsewhere: a session that has read a table remembers it by its place.
            there = home.rename(folder / f"struck-{happened.homes}")
            happened.homes += 1
            happened.equal += strikes.ended(there, shop, DAY) == expected
    print(table(happened), flush=True)
    met = sum(happened.met.values())
    yield Figure("faults", "strikes that met a stage at work", met, target=wanted * 0.6)
    yield Figure(
        "faults", "commands that failed after a strike", sum(happened.failed.values()), target=0, better="lower"
    )
    yield Figure(
        "faults", "strikes that left readers a mixture", sum(happened.mixed.values()), target=0, better="lower"
    )
    yield Figure("faults", "share of homes equal to the undisturbed", happened.equal / happened.homes, target=1.0)


def struck(home: Path, shop: Shop, took: dict[str, float], draw: random.Random, happened: Happened) -> None:
    """One night of a home, every stage struck before it may end."""
    for command in COMMANDS:
        name = command[0]
        for _ in range(STRIKES_PER_STAGE):
            happened.strikes[name] += 1
            happened.met[name] += strikes.strike(
                home, shop.folder, stage(command, DAY), took[name] * draw.uniform(0.1, 1.0)
            )
            happened.mixed[name] += not strikes.is_whole(home)
        try:
            finish(home, shop.folder, stage(command, DAY))
        except AssertionError as error:
            happened.failed[name] += 1
            print(f"{home.name}: {error}", flush=True)


def table(happened: Happened) -> str:
    """What happened, a line a stage."""
    lines = [f"{'stage':18}{'strikes':>9}{'at work':>9}{'failed after':>14}{'mixed':>7}"]
    for command in COMMANDS:
        name = command[0]
        counts = (happened.strikes[name], happened.met[name], happened.failed[name], happened.mixed[name])
        lines.append(f"{name:18}{counts[0]:>9}{counts[1]:>9}{counts[2]:>14}{counts[3]:>7}")
    return "\n".join([*lines, f"{happened.equal} of {happened.homes} homes equal the undisturbed night"])
