"""Random frames: the same for the same seed, unique in their keys, and within the days asked for."""

from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from jobs.lib import contracts, frames
from jobs.lib.errors import DaybreakError

EVERY = contracts.names()
LINES = contracts.load("validated.order_lines")


@pytest.mark.parametrize("name", EVERY)
def test_a_frame_has_the_contracts_columns_and_one_row_a_key(name: str) -> None:
    contract = contracts.load(name)
    frame = frames.random_frame(contract, 50, seed=1)
    assert list(frame.columns) == list(contract.columns) and len(frame) == 50
    if contract.unique_columns:
        assert not frame.duplicated(list(contract.unique_columns)).any()


def test_the_seed_decides() -> None:
    one, same, other = (frames.random_frame(LINES, 30, seed) for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(one, same)
    assert not one["item_id"].equals(other["item_id"])


def test_days_agree_with_each_other_and_with_what_was_asked() -> None:
    frame = frames.random_frame(LINES, 80, seed=1, last_day=date(2020, 2, 29))
    assert (frame["ordered_at"].dt.date == frame["order_date"]).all()
    assert (frame["order_date"] == frame["known_day"]).all()
    assert frame["known_day"].max() <= date(2020, 2, 29) and frame["known_day"].min() > date(2020, 1, 31)


def test_ids_repeat_where_they_are_not_the_key() -> None:
    frame = frames.random_frame(LINES, 100, seed=1)
    assert frame["item_id"].nunique() < 60 and frame["customer_id"].isna().any()


def test_spoiling_a_row_leaves_the_others() -> None:
    frame = frames.random_frame(LINES, 20, seed=1)
    rule = next(rule for rule in LINES.row_rules() if rule.column == "price")
    other = frames.spoilt(frame, LINES, rule, row=4)
    pd.testing.assert_frame_equal(frame.drop(index=4), other.drop(index=4))
    assert pd.isna(other["price"].iloc[4])


def contract_of(tmp_path: Path, check: str) -> contracts.Contract:
    path = tmp_path / "validated" / "sales.yml"
    path.parent.mkdir()
    path.write_text(
        "row: one sale\nkey: [colour]\nhistory: events\ncolumns:\n  colour:\n    type: string\n"
        f"    meaning: shade of the thing sold\n    privacy: none\n    checks:\n      - {check}\n",
        encoding="utf-8",
    )
    return contracts.load("validated.sales", tmp_path)


def test_a_key_without_room_is_refused(tmp_path: Path) -> None:
    sales = contract_of(tmp_path, "expect_column_values_to_be_in_set: {value_set: [red, blue]}")
    assert len(frames.random_frame(sales, 2, seed=1)) == 2
    with pytest.raises(DaybreakError, match="room for 2 different keys, not for 3"):
        frames.random_frame(sales, 3, seed=1)


def test_a_check_that_no_values_are_made_for_is_named(tmp_path: Path) -> None:
    sales = contract_of(tmp_path, "expect_column_values_to_match_like_pattern: {like_pattern: 'a%'}")
    with pytest.raises(DaybreakError, match=r"sales.yml:10: .*expect_column_values_to_match_like_pattern"):
        frames.random_frame(sales, 3, seed=1)
