"""SIGKILL at random moments of every stage of a small night, then the same command again: STRIKES of them (200).

Each home has a release of the night before, is struck three times in every stage and must end with the content of an
undisturbed night, its warehouse too; after every strike readers must see a whole release. STRIKES_SEED draws anew. Two
homes at a time; where DAYBREAK_BENCH_HOME keeps them, a run that was cut off goes on with the homes that are left.
"""

from __future__ import annotations

import json
import os
import random
import shutil
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from functools import partial
from pathlib import Path

from benchmarks.figures import Figure
from benchmarks.homes import fresh_home
from tests.conftest import settings_of
from tests.e2e.nights import COMMANDS, finish, many_short_jobs, whole_night
from tests.faults import strikes
from tests.shop import Shop

DAY = date(2026, 3, 5)
NAMES = [command[0] for command in COMMANDS]
STRIKES_PER_STAGE = 3
AT_ONCE = 2
# Counted by stage: strikes, those that met it at work, commands that failed after one, and those that left readers a
# mixture of releases.
STRIKES, MET, FAILED, MIXED = "strikes", "at work", "failed after", "mixed"


def measure() -> Iterator[Figure]:
    """Strikes homes of a tiny shop until STRIKES are done, and prints a table of what happened."""
    wanted, seed = int(os.environ.get("STRIKES") or 200), int(os.environ.get("STRIKES_SEED") or 1)
    homes = -(-wanted // (STRIKES_PER_STAGE * len(NAMES)))
    many_short_jobs()
    with fresh_home(goes_on=True) as folder:
        shop, usual = undisturbed(folder)
        expected = strikes.ended(folder / "whole", shop, DAY)
        happened, equal = Counter(), 0
        with ThreadPoolExecutor(AT_ONCE) as pool:
            each = partial(struck, shop=shop, usual=usual, seed=seed)
            for home, counts in pool.map(each, [folder / f"struck-{seed}-{number}" for number in range(homes)]):
                happened += counts
                equal += strikes.ended(home, shop, DAY) == expected
                print(f"  {home.name}: {sum(counts[STRIKES, name] for name in NAMES)} strikes", flush=True)
    print(table(happened), flush=True)
    print(f"{equal} of {homes} homes equal the undisturbed night", flush=True)
    total = {kind: sum(happened[kind, name] for name in NAMES) for kind in (STRIKES, MET, FAILED, MIXED)}
    yield Figure("faults", "strikes that met a stage at work", total[MET], target=total[STRIKES] * 0.6)
    yield Figure("faults", "commands that failed after a strike", total[FAILED], target=0, better="lower")
    yield Figure("faults", "strikes that left readers a mixture", total[MIXED], target=0, better="lower")
    yield Figure("faults", "share of homes equal to the undisturbed", equal / homes, target=1.0)


def undisturbed(folder: Path) -> tuple[Shop, dict[str, float]]:
    """A shop, and what each stage of its night usually takes in seconds; makes the homes ``earlier``, with the release
    of the night before, and ``whole``, with that of the night as well, once."""
    done = folder / "usual.json"
    if not done.exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        shop = strikes.delivered(folder, DAY)
        home = folder / "whole"
        home.mkdir()
        finish(home, shop.folder, whole_night(DAY - timedelta(days=1)))
        shutil.copytree(home, folder / "earlier")
        finish(home, shop.folder, whole_night(DAY))
        done.write_text(json.dumps(strikes.took(home, DAY)))
    return Shop.opened(folder, settings_of(folder / "unused")), json.loads(done.read_text())


def struck(home: Path, shop: Shop, usual: dict[str, float], seed: int) -> tuple[Path, Counter]:
    """One night of a home, every stage struck before it may end, and what happened: once, then read from a file."""
    done = home.with_suffix(".json")
    if not done.exists():
        shutil.rmtree(home, ignore_errors=True)
        shutil.copytree(home.with_name("earlier"), home)
        home.with_name(f"{home.name}.log").touch()
        done.write_text(json.dumps([[*key, count] for key, count in _struck(home, shop, usual, seed).items()]))
    return home, Counter({(kind, name): count for kind, name, count in json.loads(done.read_text())})


def _struck(home: Path, shop: Shop, usual: dict[str, float], seed: int) -> Counter:
    draw, happened, before = random.Random(f"{seed} {home.name}"), Counter(), NAMES[0]
    for name in NAMES:
        for _ in range(STRIKES_PER_STAGE):
            # What was struck before runs again, and goes on to the stage that is struck now.
            command, after_seconds = whole_night(DAY, before), usual[name] * draw.uniform(0.0, 0.95)
            happened[STRIKES, name] += 1
            try:
                happened[MET, name] += strikes.strike(
                    home, shop.folder, command, after_seconds, once=f"== {name} of {DAY}\n"
                )
            except AssertionError as error:
                happened[FAILED, before] += 1
                print(f"{home.name}: {error}", flush=True)
            happened[MIXED, name] += not strikes.is_whole(home)
            before = name
    try:
        finish(home, shop.folder, whole_night(DAY, NAMES[-1]))
    except AssertionError as error:
        happened[FAILED, NAMES[-1]] += 1
        print(f"{home.name}: {error}", flush=True)
    return happened


def table(happened: Counter) -> str:
    """What happened, a line a stage."""
    lines = [f"{'stage':18}{STRIKES:>9}{MET:>9}{FAILED:>14}{MIXED:>7}"]
    for name in NAMES:
        counts = (happened[kind, name] for kind in (STRIKES, MET, FAILED, MIXED))
        lines.append("{:18}{:>9}{:>9}{:>14}{:>7}".format(name, *counts))
    return "\n".join(lines)
