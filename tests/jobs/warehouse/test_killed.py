"""A load that is killed, wherever it stands, leaves the earlier release; the next one finishes."""

from __future__ import annotations

import dataclasses
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jobs.lib.errors import DaybreakError
from jobs.lib.settings import Settings
from jobs.warehouse import changes, duck, files, layout, load
from tests.jobs.warehouse.conftest import MONDAY, TUESDAY
from tests.jobs.warehouse.test_load import CURRENT, asked, replayed, table
from tests.postgres import PASSWORD, Cluster
from tests.releases import place_row, publish

ROWS = 2000
SEED, STRUCK, MOST_STRIKES = 20261128, 3, 20
# Where it dies: the function, and the call of it, before or after it did its work.
STRIKES: list[tuple[object, str, int, str]] = [
    (load, "_replace_day", 1, "before"),
    (files, "_checked", 2, "after"),
    (changes, "between", 1, "after"),
    (layout, "drop_day", 1, "before"),
    (layout, "record", 1, "before"),
    (layout, "record", 1, "after"),
]
OF_DUCKDB: list[tuple[object, str, int, str]] = [(duck, "_copied", 1, "after"), (os, "fsync", 1, "after")]
OF_DUCKDB += [(os, "replace", 1, "before")]
LAST: tuple[object, str, int, str] = (os, "replace", 1, "after")


def test_a_load_killed_anywhere_leaves_the_earlier_release(settings: Settings, root: Path) -> None:
    publish(settings, root, MONDAY, {"for_customer": [place_row("c1", 1)]})
    load.run(settings, MONDAY)
    rows = [place_row(f"c{n:05d}", 1, "i2") for n in range(ROWS)]
    publish(settings, root, TUESDAY, {"for_customer": rows}, files=3)
    for strike in [*STRIKES, *(OF_DUCKDB if "://" not in settings.warehouse else [])]:
        assert killed(settings, *strike) == -signal.SIGKILL, strike[1:]
        assert asked(settings, CURRENT) == [("c1", 1, "i1", 0.5)], strike[1:]
        assert asked(settings, "SELECT count(*) FROM daybreak.releases") == [(1,)]
        assert replayed(settings) == table(settings)
    load.run(settings, TUESDAY)
    assert len(asked(settings, CURRENT)) == ROWS
    assert replayed(settings) == table(settings)
    if "://" not in settings.warehouse:
        left = sorted(path.name for path in (settings.home / "warehouse").iterdir())
        assert left == ["shop.duckdb", "shop.duckdb.lock"]


def test_a_duckdb_load_killed_after_its_last_step_is_done(shop: Settings, root: Path) -> None:
    publish(shop, root, MONDAY, {"for_customer": [place_row("c1", 1)]})
    assert killed(shop, *LAST) == -signal.SIGKILL
    assert asked(shop, CURRENT) == [("c1", 1, "i1", 0.5)]


LEFT = """
import duckdb, os, sys
reader = duckdb.connect(sys.argv[1], config={"wal_autocheckpoint": "1TB"})
reader.execute("CREATE TABLE mine AS SELECT 42 AS answer")
os._exit(0)
"""


def test_what_a_program_that_ended_badly_had_only_in_the_log_outlives_a_killed_load(shop: Settings, root: Path) -> None:
    publish(shop, root, MONDAY, {"for_customer": [place_row("c1", 1)]})
    load.run(shop, MONDAY)
    path = shop.warehouse.replace("{store}", "shop")
    subprocess.run([sys.executable, "-c", LEFT, path], check=True)
    assert Path(f"{path}.wal").exists()
    publish(shop, root, TUESDAY, {"for_customer": [place_row("c2", 1)]})
    assert killed(shop, os, "replace", 1, "before") == -signal.SIGKILL
    assert asked(shop, "SELECT answer FROM mine") == [(42,)]
    assert asked(shop, CURRENT) == [("c1", 1, "i1", 0.5)]
    load.run(shop, TUESDAY)
    assert asked(shop, "SELECT answer FROM mine") == [(42,)]
    assert asked(shop, CURRENT) == [("c2", 1, "i1", 0.5)]


def killed(settings: Settings, module: object, function: str, call: int, moment: str) -> int | None:
    """Loads in a process of its own that gets SIGKILL at that point; how it ended."""
    child = multiprocessing.get_context("fork").Process(target=_load, args=(settings, module, function, call, moment))
    child.start()
    child.join()
    return child.exitcode


def _load(settings: Settings, module: object, function: str, call: int, moment: str) -> None:
    whole: Callable = getattr(module, function)
    calls: list[int] = []

    def struck(*arguments: object, **named: object) -> object:
        calls.append(1)
        if len(calls) < call:
            return whole(*arguments, **named)
        if moment == "after":
            whole(*arguments, **named)
        os.kill(os.getpid(), signal.SIGKILL)
        return None

    setattr(module, function, struck)
    load.run(settings, TUESDAY)


def test_a_postgres_that_dies_in_a_load_comes_back_with_the_earlier_release(
    shop: Settings, root: Path, postgres: Cluster, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = dataclasses.replace(shop, warehouse=postgres_url)
    publish(settings, root, MONDAY, {"for_customer": [place_row("c1", 1)]})
    load.run(settings, MONDAY)
    publish(settings, root, TUESDAY, {"for_customer": [place_row("c2", 1)]})
    whole = layout.drop_day

    def struck(*arguments: Any) -> str:
        postgres.stop()  # no goodbye, recovery at the next start
        return whole(*arguments)

    with monkeypatch.context() as patch, pytest.raises(DaybreakError, match="was left as it was"):
        patch.setattr(layout, "drop_day", struck)
        load.run(settings, TUESDAY)
    postgres.start()
    assert asked(settings, CURRENT) == [("c1", 1, "i1", 0.5)]
    load.run(settings, TUESDAY)
    assert asked(settings, CURRENT) == [("c2", 1, "i1", 0.5)]


def test_a_postgres_killed_at_drawn_moments_comes_back_with_whole_releases(
    shop: Settings, root: Path, postgres: Cluster
) -> None:
    draw = random.Random(SEED)
    publish(shop, root, MONDAY, {"for_customer": [place_row("c1", 1)]})
    monday = postgres.database()
    load.run(dataclasses.replace(shop, warehouse=postgres.url(monday)), MONDAY)
    before = [("c1", 1, "i1", 0.5)]
    rows = [place_row(f"c{n:06d}", 1, "i2") for n in range(20 * ROWS)]
    publish(shop, root, TUESDAY, {"for_customer": rows}, files=3)
    after = [(row["customer_id"], 1, "i2", 0.5) for row in rows]
    took = loaded(dataclasses.replace(shop, warehouse=postgres.url(postgres.database(like=monday))))
    met = 0
    for _ in range(MOST_STRIKES):
        settings = dataclasses.replace(shop, warehouse=postgres.url(postgres.database(like=monday)))
        strike = threading.Timer(draw.uniform(0.1, 0.9) * took, postgres.kill)
        strike.start()
        try:
            loaded(settings)
        except DaybreakError as error:
            met += 1
            assert PASSWORD not in str(error)
        strike.join()
        postgres.restart()
        assert asked(settings, CURRENT) in (before, after)
        # A first load is slower than those after it: the newest says where the next strike can meet one.
        took = loaded(dataclasses.replace(shop, warehouse=postgres.url(postgres.database(like=monday))))
        loaded(settings)
        assert asked(settings, CURRENT) == after
        assert replayed(settings) == table(settings)
        if met == STRUCK:
            return
    pytest.fail(f"{met} of {MOST_STRIKES} strikes met a load, {STRUCK} should")


def loaded(settings: Settings) -> float:
    """Loads Tuesday's release; the seconds that it took."""
    started = time.monotonic()
    load.run(settings, TUESDAY)
    return time.monotonic() - started
