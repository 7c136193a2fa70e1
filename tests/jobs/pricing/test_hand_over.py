"""The ERP's change file: proposals only, the same bytes for the same rows."""

from __future__ import annotations

import csv
import io
import json
from datetime import timedelta

import pandas as pd

from jobs.pricing.hand_over import COLUMNS, PLAN, SUGGESTIONS, files
from tests.jobs.pricing.small_pricing import NIGHT

ROWS = pd.DataFrame(
    {
        "item_id": ["b", "a", "c"],
        "current_price": [10.0, 4.5, 7.0],
        "suggested_price": [10.99, 4.29, 7.0],
        "currency": "EUR",
        "bound_by": [None, "largest_step_down", "no_evidence"],
        "is_exploration": [False, True, False],
        "reason": ["ü, and more", "less", "stays"],
    }
)
WEEKS = pd.DataFrame(
    {
        "item_id": ["clear", "clear", "calm", "refused"],
        "week": [NIGHT + timedelta(days=day) for day in (1, 8, 1, 1)],
        "current_price": 20.0,
        "price": [16.0, 14.0, 20.0, 16.0],
        "currency": "EUR",
        "held_by": [None, None, None, "decided"],
        "reason": "to be gone",
    }
)


def made(rows: pd.DataFrame, weeks: pd.DataFrame = WEEKS.iloc[:0]) -> dict[str, bytes]:
    return files({SUGGESTIONS: rows, PLAN: weeks}, NIGHT)


def test_changes_alone_are_proposed_in_both_files() -> None:
    found = made(ROWS)
    lines = list(csv.DictReader(io.StringIO(found["price_changes.csv"].decode())))
    assert [line["item_id"] for line in lines] == ["a", "b"] and tuple(lines[0]) == COLUMNS
    assert lines[1] == {
        "suggested_on": "2026-03-31", "item_id": "b", "old_price": "10.0", "new_price": "10.99", "currency": "EUR",
        "valid_from": "2026-04-01", "state": "proposed", "bound_by": "", "is_exploration": "False",
        "reason": "ü, and more", "kind": "price",
    }  # fmt: skip
    told = [json.loads(line) for line in found["price_changes.jsonl"].decode().splitlines()]
    assert [line["new_price"] for line in told] == [4.29, 10.99] and told[0]["is_exploration"] is True
    assert found == made(ROWS.sample(frac=1, random_state=1))


def test_the_coming_week_of_a_plan_is_proposed_where_its_price_moves_and_no_rule_holds_it() -> None:
    cleared = pd.concat([ROWS, ROWS.iloc[2:].assign(item_id="clear", current_price=20.0, suggested_price=20.0)])
    told = [json.loads(line) for line in made(cleared, WEEKS)["price_changes.jsonl"].decode().splitlines()]
    assert [(line["item_id"], line["kind"]) for line in told] == [("a", "price"), ("b", "price"), ("clear", "markdown")]
    assert told[2] == {
        "suggested_on": "2026-03-31", "item_id": "clear", "old_price": 20.0, "new_price": 16.0, "currency": "EUR",
        "valid_from": "2026-04-01", "state": "proposed", "bound_by": None, "is_exploration": False,
        "reason": "to be gone", "kind": "markdown",
    }  # fmt: skip


def test_a_small_price_that_moves_is_a_change() -> None:
    small = ROWS.iloc[:1].assign(current_price=0.04, suggested_price=0.044)
    assert made(small)["price_changes.csv"].decode().splitlines()[1].split(",")[2:4] == [
        "0.04",
        "0.044",
    ]


def test_a_night_without_changes_has_files_without_lines() -> None:
    found = made(ROWS.iloc[2:], WEEKS.iloc[2:])
    assert found["price_changes.csv"].decode() == ",".join(COLUMNS) + "\n" and found["price_changes.jsonl"] == b""
