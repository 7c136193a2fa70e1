"""The same seed gives the same bytes; what is delivered stays; an interruption leaves no trace."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from pyarrow import parquet
from pyspark.sql import SparkSession

from jobs.lib.errors import DaybreakError
from jobs.store import delivery
from jobs.store.delivery import deliver
from jobs.store.stage import run
from jobs.store.truth import Truth
from tests.jobs.store.conftest import SMALL, START, said_nothing


def landed(store: Path) -> dict[str, str]:
    """The digest of each raw file."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted((store / "landing").iterdir())}


def days(store: Path, many: int, params=SMALL, **more):
    """Delivers the world's first days."""
    return deliver(store, None, params, START, START + timedelta(days=many - 1), said_nothing, **more)


def test_the_same_seed_gives_the_same_bytes_at_once_or_day_by_day(tmp_path: Path) -> None:
    assert len(days(tmp_path / "at once", 9)) == 9
    for many in range(1, 10):
        days(tmp_path / "daily", many)
    assert landed(tmp_path / "at once") == landed(tmp_path / "daily")
    days(tmp_path / "other", 9, replace(SMALL, seed=12))
    shared = set(landed(tmp_path / "at once").items()) & set(landed(tmp_path / "other").items())
    # Those with no row.
    assert {name.split("-")[0] for name, _ in shared} <= {"promotions", "consents", "customers", "inbound", "returns"}


def test_every_kind_of_file_comes_every_day(store: Path) -> None:
    days(store, 3)
    for day in Truth(store).days():
        names = {name.split("-")[0] for name in landed(store) if str(day) in name}
        daily = {"orders", "events", "catalogue", "customers", "stock", "prices", "promotions", "consents", "inbound"}
        assert names == daily | ({"suppliers", "returns"} if day.weekday() == 0 else set())


def test_a_price_list_tells_new_prices_before_they_hold(store: Path) -> None:
    days(store, 1, replace(SMALL, customers=20, items=600))
    told = parquet.read_table(store / "landing" / f"prices-{START}.parquet").to_pandas()
    ahead, today = (told[told["valid_from"] != START], told[told["valid_from"] == START].set_index("sku"))
    assert len(ahead) and set(ahead["valid_from"]) == {START + timedelta(days=10)} and len(today) == 600
    same = today.loc[ahead["sku"]]
    assert (same["price"].to_numpy() != ahead["price"].to_numpy()).all()
    assert (same["cost"].to_numpy() == ahead["cost"].to_numpy()).all()


def test_a_delivered_day_is_never_made_again(store: Path) -> None:
    days(store, 4)
    orders = store / "landing" / f"orders-{START}.csv.gz"
    orders.write_bytes(b"touched by hand")
    assert days(store, 4) == []
    assert days(store, 5) == [START + timedelta(days=4)]
    assert orders.read_bytes() == b"touched by hand"


def test_a_world_that_is_there_keeps_its_parameters(store: Path) -> None:
    days(store, 1)
    with pytest.raises(DaybreakError, match="other parameters \\(items\\)"):
        days(store, 2, replace(SMALL, items=130))


@pytest.mark.parametrize("where", ["catalogue_file", "prices_file", "write_evening"])
def test_a_day_interrupted_while_it_is_made_is_made_anew(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    days(store, 2)
    place = delivery if where == "write_evening" else delivery.snapshots

    def killed(*_: object) -> bytes:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(place, where, killed)
        with pytest.raises(KeyboardInterrupt):
            days(store, 3)
    assert len(Truth(store).days()) == 2
    assert not any(str(START + timedelta(days=2)) in name for name in landed(store))
    days(store, 4)
    days(tmp_path / "undisturbed", 4)
    assert landed(store) == landed(tmp_path / "undisturbed")


@pytest.mark.parametrize("moves", [0, 1, 5, 11])
def test_a_day_interrupted_while_it_is_moved_is_moved_on(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moves: int
) -> None:
    days(store, 2)
    real, done = delivery.os.replace, []

    def counted(source: Path, target: Path) -> None:
        if len(done) == moves:
            raise KeyboardInterrupt
        done.append(target)
        real(source, target)

    with monkeypatch.context() as patched:
        patched.setattr(delivery.os, "replace", counted)
        with pytest.raises(KeyboardInterrupt):
            days(store, 3)
    days(store, 6)
    days(tmp_path / "undisturbed", 6)
    assert landed(store) == landed(tmp_path / "undisturbed")
    assert not list((store / "truth").glob("ready-*")) + list((store / "truth").glob("work-*"))


def test_blocks_made_in_spark_are_those_made_here(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocks = replace(SMALL, block_customers=100)
    days(tmp_path / "here", 3, blocks)
    monkeypatch.setattr(delivery, "SPARK_FROM", 0)
    days(tmp_path / "spark", 3, blocks, spark=lambda: spark)
    assert landed(tmp_path / "here") == landed(tmp_path / "spark")
    assert (
        sum(name.startswith(f"events-{START}-") for name in landed(tmp_path / "here")) == 2
    )  # 180 accounts on the first day


def test_a_stage_begins_a_history_and_goes_on_with_it(tmp_path: Path) -> None:
    params = replace(SMALL, history_days=5)
    made = run(tmp_path, None, START + timedelta(days=4), params=params, progress=said_nothing)
    assert made[0] == START and len(made) == 5
    assert run(tmp_path, None, START + timedelta(days=5), progress=said_nothing) == [START + timedelta(days=5)]
