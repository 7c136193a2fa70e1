"""A folder is a stage: what its transforms read follows from their parameters, and so does their order."""

from __future__ import annotations

import json
import threading
from contextlib import nullcontext
from dataclasses import replace
from datetime import date
from graphlib import TopologicalSorter
from pathlib import Path
from types import SimpleNamespace

import pytest

from jobs.lib import stages
from jobs.lib.errors import DaybreakError, RuleBroken
from jobs.lib.settings import Settings
from tests.shop import Shop

DAY = date(2026, 3, 1)


def test_parameters_name_the_inputs_of_the_same_folder_first_then_to_the_left() -> None:
    transforms = stages.discover("features")
    found = stages.input_tables("features", transforms["item"], transforms)
    assert found["customer_item"] == "features.customer_item"
    assert found["order_lines"] == "validated.order_lines"
    assert "as_of" not in found and "store" not in found
    changes = stages.input_tables("features", transforms["item_weekly"], transforms)
    assert changes["order_lines_changes"] == "validated.order_lines"


def test_a_parameter_that_no_contract_knows_is_named() -> None:
    def item(order_liness: object) -> None:
        """Misspelt."""

    with pytest.raises(DaybreakError, match="asks for 'order_liness'"):
        stages.input_tables("features", item, {})


def test_a_lake_in_a_bucket_that_is_not_there_is_said_before_spark_starts(
    tmp_path: Path, home: Settings, s3_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stages, "session", lambda *_: pytest.fail("Spark was started"))
    shop = Shop.create(tmp_path, home)
    away = replace(shop.settings, lake="s3://nowhere/lake", s3_endpoint=s3_server)
    with pytest.raises(DaybreakError, match="there is no such bucket"):
        stages.looking("landed", away, DAY)


def test_a_stage_that_is_not_there_is_told_with_those_that_are() -> None:
    with pytest.raises(DaybreakError, match=r"no stage 'feature'.*features"):
        stages.discover("feature")


def test_each_comes_after_what_it_reads_and_two_go_at_once() -> None:
    order = TopologicalSorter({"last": {"left", "right"}, "left": {"first"}, "right": {"first"}, "first": set()})
    both, done = threading.Barrier(2, timeout=20), []

    def act(name: str) -> None:
        if name in ("left", "right"):
            both.wait()
        done.append(name)

    stages.in_order(order, act)
    assert done[0] == "first" and done[-1] == "last" and sorted(done) == ["first", "last", "left", "right"]


def test_what_comes_after_an_error_is_not_begun() -> None:
    done: list[str] = []

    def act(name: str) -> None:
        if name == "first":
            raise DaybreakError("broken")
        done.append(name)

    with pytest.raises(DaybreakError, match="broken"):
        stages.in_order(TopologicalSorter({"second": {"first"}, "first": set()}), act)
    assert done == []


def test_a_failure_leaves_a_word_for_airflow_and_success_takes_it_back(home: Settings) -> None:
    note = home.home / "runs" / home.store / str(DAY) / "features.failure.json"
    with pytest.raises(RuleBroken), stages.failure_told(home, "features", DAY):
        raise RuleBroken("features.item", "unique", "2 of 3 rows")
    told = json.loads(note.read_text())
    assert (told["table"], told["rule"]) == ("features.item", "unique")
    with stages.failure_told(home, "features", DAY):
        assert note.exists()
    assert not note.exists()


@pytest.mark.parametrize(("is_mapped", "has_come"), [(False, False), (True, False), (False, True)])
def test_a_table_whose_needs_the_store_does_not_meet_is_left_out_in_words(
    is_mapped: bool, has_come: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def reorder(stock_levels: object) -> None:
        raise AssertionError("made without stock")

    said: list[str] = []
    night = SimpleNamespace(
        stage="demand",
        store=SimpleNamespace(mappings={"stock_levels": None} if is_mapped else {}),
        tables=SimpleNamespace(exists=lambda _: has_come, keeping=lambda _: nullcontext()),
        log=said.append,
    )
    monkeypatch.setattr(stages, "discover", lambda _: {"reorder": reorder})
    stages.build(night)  # type: ignore[arg-type]
    assert said == ["reorder: not made, since the store has no stock_levels"]


@pytest.mark.parametrize("sql", ["SELECT 1 AS item_id -- location_id", "SELECT 1 AS item_id, 2 AS location_id"])
def test_a_table_that_needs_a_column_is_made_where_the_mapping_gives_it(
    sql: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []
    said: list[str] = []
    mapping = tmp_path / "order_lines.sql"
    mapping.write_text(sql)
    night = SimpleNamespace(
        stage="features",
        store=SimpleNamespace(mappings={"order_lines": mapping}),
        tables=SimpleNamespace(exists=lambda _: True, keeping=lambda _: nullcontext()),
        log=said.append,
    )
    monkeypatch.setattr(stages, "discover", lambda _: {"item_location_daily": lambda order_lines: None})
    monkeypatch.setattr(stages, "_build", lambda night, name, transforms: made.append(name))
    stages.build(night)  # type: ignore[arg-type]
    is_given = "AS location_id" in sql
    assert made == (["item_location_daily"] if is_given else [])
    assert said == (
        [] if is_given else ["item_location_daily: not made, since the store has no order_lines.location_id"]
    )
