"""SIGKILL at random moments of every stage of a small night, then the same command again: STRIKES of them (200).

Each home has a release of the night before, is struck three times in every stage and must end with the content of an
undisturbed night, its warehouse too; after every strike readers must see a whole release. STRIKES_SEED draws anew. Two
homes at a time; where DAYBREAK_BENCH_HOME keeps them, a run that was cut off goes on with the homes that are left.
"""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.figures import Figure
from benchmarks.homes import fresh_home, kept
from tests.conftest import settings_of
from tests.e2e.nights import COMMANDS, finish, many_short_jobs, whole_night
from tests.faults import strikes
from tests.shop import Shop

DAY = date(2026, 3, 5)
NAMES = [command[0] for command in COMMANDS]
STRIKES_PER_STAGE = 3
AT_ONCE = 2


def measure() -> Iterator[Figure]:
    """Strikes homes of a tiny shop until STRIKES are done, and prints a table of what happened."""
    wanted, seed = int(os.environ.get("STRIKES") or 200), int(os.environ.get("STRIKES_SEED") or 1)
    many_short_jobs()
    with fresh_home(goes_on=True) as folder:
        usual = kept(folder, "usual", partial(undisturbed, folder))
        shop = Shop.opened(folder, settings_of(folder / "unused"))
        expected = strikes.ended(folder / "whole", shop, DAY)
        homes = [folder / f"struck-{seed}-{number}" for number in range(-(-wanted // (STRIKES_PER_STAGE * len(NAMES))))]
        happened, equal = [], 0
        with ThreadPoolExecutor(AT_ONCE) as pool:
            each = pool.map(lambda home: kept(home, "strikes", partial(struck, home, shop, usual)), homes)
            for home, rows in zip(homes, each, strict=True):
                happened += rows
                is_equal = strikes.ended(home, shop, DAY) == expected
                equal += is_equal
                print(f"  {home.name}: {len(rows)} strikes, {'equal' if is_equal else 'OTHER CONTENT'}", flush=True)
    told = pd.DataFrame(happened)
    print(told.groupby("stage", sort=False).sum().astype(int).to_string(), flush=True)
    print(f"{equal} of {len(homes)} homes equal the undisturbed night", flush=True)
    met, failed, mixed = (int(told[column].sum()) for column in ("at work", "failed", "mixed"))
    yield Figure("faults", "strikes that met a stage at work", met, target=len(told) * 0.6)
    yield Figure("faults", "commands that failed after a strike", failed, target=0, better="lower")
    yield Figure("faults", "strikes that left readers a mixture", mixed, target=0, better="lower")
    yield Figure("faults", "share of homes equal to the undisturbed", equal / len(homes), target=1.0)


def undisturbed(folder: Path) -> dict[str, float]:
    """What each stage of a shop's night usually takes in seconds; makes the shop and the homes ``earlier``, with the
    release of the night before, and ``whole``, with that of the night as well."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    shop, home = strikes.delivered(folder, DAY), folder / "whole"
    home.mkdir()
    finish(home, shop.folder, whole_night(DAY - timedelta(days=1)))
    shutil.copytree(home, folder / "earlier")
    finish(home, shop.folder, whole_night(DAY))
    return strikes.took(home, DAY)


def struck(home: Path, shop: Shop, usual: dict[str, float]) -> list[dict[str, Any]]:
    """A row a strike of one night of a home, in which every stage is struck before it may end: whether the strike met
    it at work, whether the command that it was meant for had ``failed`` by itself, whether readers then saw a mixture.
    """
    shutil.rmtree(home, ignore_errors=True)
    shutil.copytree(home.with_name("earlier"), home)
    home.with_name(f"{home.name}.log").touch()
    draw, rows = random.Random(home.name), []
    targets = [name for name in NAMES for _ in range(STRIKES_PER_STAGE)]
    for before, name in zip([NAMES[0], *targets], targets, strict=False):
        # What was struck before runs again, and goes on to the stage that is struck now.
        command, after_seconds = whole_night(DAY, before), usual[name] * draw.uniform(0.0, 0.95)
        met = _unless_it_failed(strikes.strike, home, shop.folder, command, after_seconds, f"== {name} of {DAY}\n")
        told = {"at work": bool(met), "failed": met is None, "mixed": not strikes.is_whole(home)}
        rows.append({"stage": name, "strikes": 1, **told})
    rows[-1]["failed"] |= _unless_it_failed(finish, home, shop.folder, whole_night(DAY, NAMES[-1])) is None
    return rows


def _unless_it_failed(run: Callable, home: Path, *arguments: Any) -> Any:
    try:
        return run(home, *arguments)
    except AssertionError as error:
        print(f"{home.name}: {error}", flush=True)
        return None
