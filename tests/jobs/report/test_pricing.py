"""The report's part on prices: categories, curves with the weeks under them, and the page that shows them."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from jobs.pricing.posterior import CROSS
from jobs.pricing.train import PANEL_FILE
from jobs.report import pricing, stage
from jobs.report.findings import Findings
from tests.jobs.pricing.small_pricing import NIGHT, posterior

BELIEVED = posterior({"moves": -2.0, "still": -2.0, "unknown": None})


def weeks() -> pd.DataFrame:
    rng = np.random.default_rng(1)
    found = []
    for week in range(20):
        day = NIGHT - timedelta(days=7 * week)
        for item in ("moves", "still", "unknown"):
            price = 10.0 if item != "moves" else float(rng.choice([9.0, 10.0, 11.0]))
            found.append({"item_id": item, "week": pd.Timestamp(day), "units": float(rng.poisson(50)), "price": price,
                          "is_promotion": week == 3, "is_stockout": False})  # fmt: skip
    return pd.DataFrame(found)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    weeks().to_parquet(tmp_path / PANEL_FILE, index=False)
    return tmp_path


def test_categories_come_with_intervals_and_the_naive_figure_beside() -> None:
    (only,) = pricing.categories(BELIEVED)
    assert (only["category"], only["items"], only["naive"]) == ("Kitchen", 3, -2.0)
    assert only["low"] < only["mean"] < only["high"]
    assert (only["rest"], only["rest_low"], only["rest_high"]) == (0.31, -0.12, 0.74) and only["nest"] is None


def test_items_that_surely_answer_to_their_neighbours_come_with_their_categorys_effect() -> None:
    nobody = np.full(3, np.nan)
    two = {"cross_rest": np.array([0.2, 0.9, -0.8]), "cross_rest_low": np.array([-0.1, 0.5, -1.0]),
           "cross_rest_high": np.array([0.5, 1.3, -0.6])}  # fmt: skip
    first, second = pricing.cross_items(replace(BELIEVED, **two))
    assert (first["item_id"], first["effect"], second["item_id"], second["effect"]) == ("unknown", -0.8, "still", 0.9)
    assert (second["neighbours"], second["category"], second["category_effect"]) == (
        "rest of the category",
        "Kitchen",
        0.31,
    )
    assert not pricing.cross_items(replace(BELIEVED, **dict.fromkeys(CROSS, nobody)))
    assert not pricing.cross_items(replace(BELIEVED, **dict.fromkeys(CROSS, np.empty(0))))
    assert not pricing.cross_items(posterior({}))


def test_a_curve_falls_and_stands_on_its_weeks(folder: Path) -> None:
    (curve,) = pricing.curves(BELIEVED, folder)
    assert curve["item_id"] == "moves" and len(curve["points"]) == 19
    heights = [float(point.split(",")[1]) for point in curve["mean"].split()]
    assert heights == sorted(heights) and all(-1e-6 <= height <= pricing.HEIGHT for height in heights)


def test_realised_is_told_after_a_week() -> None:
    row = {"item_id": "a", "units": 30, "since": NIGHT - timedelta(days=14), "until": NIGHT, **EXPECTED}
    found = pricing.realised(row)
    assert (found["sold"], found["gain"]) == (15.0, 15.0 * 6 - 60)
    early, markdown = {**row, "since": NIGHT - timedelta(days=6)}, {**row, "expected_gain": None}
    told = [pricing.realised(one) for one in (early, markdown)]
    assert (told[0]["sold"], told[1]["sold"]) == (None, 15.0) and {one["gain"] for one in told} == {None}
    assert pricing.total([found, found, *told]) == {"changes": 2, "expected": 8.0, "gain": 60.0}
    assert pricing.total(told) is None


# Before, 12 units at 10 that cost 5; since, some 11 expected at 11.
EXPECTED = {
    "new_price": 11.0, "suggested_price": 11.0, "expected_units_suggested": 11.0, "expected_profit_now": 60.0,
    "expected_profit_suggested": 66.0, "expected_gain": 4.0,
}  # fmt: skip


def told(folder: Path) -> dict:
    """What the page is told of a night's prices; ``folder`` has the champion's panel."""
    change = {"item_id": "<a>", "current_price": 10.0, "suggested_price": 10.5, "expected_gain": 3.25,
              "bound_by": "msrp", "reason": "because"}  # fmt: skip
    plan = {
        "item_id": "p",
        "current_price": 9.0,
        "prices": [9.0, 7.2],
        "revenue": 80.0,
        "clearance": 0.9,
        "reason": "x",
        "held_by": "days_between_changes",
    }
    effect = {"name": "all", "effect": "lift", "value": 0.4, "low": None, "high": 0.5, "units": 12.0, "cases": 3}
    applied = {"item_id": "a", "suggested_on": date(2026, 3, 1), "old_price": 9.0, "new_price": 10.0, "sold": None,
               "expected_units_now": 5.0, "expected_units_suggested": 4.0}  # fmt: skip
    return {
        "changed": 1, "items": 3, "objectives": [("profit", 3)], "changes": [change], "guardrails": [("msrp", 1)],
        "evidence": [("own", 2), ("none", 1)], "categories": pricing.categories(BELIEVED),
        "cross_items": pricing.cross_items(BELIEVED),
        "curves": pricing.curves(BELIEVED, folder), "promotions": [effect], "plans": [plan], "realised": [applied],
        "total": {"changes": 2, "expected": 8.0, "gain": 60.0},
    }  # fmt: skip


def test_the_page_shows_prices_and_does_without(folder: Path) -> None:
    empty = Findings("shop", str(NIGHT), [], [(str(NIGHT), 0)], [], [], [], [], [], [], [], None, None)
    assert 'id="prices"' not in stage.page(empty)
    page = stage.page(Findings(**{**vars(empty), "pricing": told(folder)}))
    assert "&lt;a&gt;" in page and "10.50" in page and "+40%" in page and "too early" in page and "7.20" in page
    assert "days between changes" in page and "2 prices in force for a week or more: 8.00 a week" in page
    assert "Cross-price effects by category" in page and "0.31" in page and "-0.12" in page
    assert "most surely answer" in page and "0.40</td>" in page and "In its category" in page
