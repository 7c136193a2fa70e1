"""The ERP's change file: proposals only, the same bytes for the same rows."""

from __future__ import annotations

import csv
import io
import json

import pandas as pd

from jobs.pricing.hand_over import COLUMNS, TABLE, files
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


def test_changes_alone_are_proposed_in_both_files() -> None:
    made = files({TABLE: ROWS}, NIGHT)
    lines = list(csv.DictReader(io.StringIO(made["price_changes.csv"].decode())))
    assert [line["item_id"] for line in lines] == ["a", "b"] and tuple(lines[0]) == COLUMNS
    assert lines[1] == {
        "suggested_on": "2026-03-31", "item_id": "b", "old_price": "10.0", "new_price": "10.99", "currency": "EUR",
        "valid_from": "2026-04-01", "state": "proposed", "bound_by": "", "is_exploration": "False",
        "reason": "ü, and more",
    }  # fmt: skip
    told = [json.loads(line) for line in made["price_changes.jsonl"].decode().splitlines()]
    assert [line["new_price"] for line in told] == [4.29, 10.99] and told[0]["is_exploration"] is True
    assert made == files({TABLE: ROWS.sample(frac=1, random_state=1)}, NIGHT)


def test_a_small_price_that_moves_is_a_change() -> None:
    small = ROWS.iloc[:1].assign(current_price=0.04, suggested_price=0.044)
    assert files({TABLE: small}, NIGHT)["price_changes.csv"].decode().splitlines()[1].split(",")[2:4] == [
        "0.04",
        "0.044",
    ]


def test_a_night_without_changes_has_files_without_lines() -> None:
    made = files({TABLE: ROWS.iloc[2:]}, NIGHT)
    assert made["price_changes.csv"].decode() == ",".join(COLUMNS) + "\n" and made["price_changes.jsonl"] == b""
