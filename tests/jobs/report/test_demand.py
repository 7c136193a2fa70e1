"""The report's part on demand: which items it draws, what lies where in a drawing, and the page that shows it."""

from __future__ import annotations

from datetime import date, timedelta

import pandas as pd

from jobs.demand.evaluation import COST
from jobs.demand.inventory import FORESIGHT, USUAL
from jobs.report import demand, stage
from jobs.report.findings import Findings

NIGHT = date(2026, 3, 31)
LEVELS = {"q05": 0.0, "q10": 1.0, "q25": 2.0, "q50": 3.0, "q75": 4.0, "q90": 6.0, "q95": 8.0}


def ahead(item: str, scale: float = 1.0, segment: str = "dense", wide: float = 1.0) -> list[dict]:
    return [
        {
            "item_id": item, "location_id": "all", "target_date": NIGHT + timedelta(days=n + 1), "mean": 3.5 * scale,
            **{name: units * scale * (wide if name > "q50" else 1.0) for name, units in LEVELS.items()},
            "method": "ewq", "segment": segment,
        }
        for n in range(28)
    ]  # fmt: skip


def sold(item: str) -> list[dict]:
    return [{"item_id": item, "day": NIGHT - timedelta(days=n), "units": float(n % 4)} for n in range(56)]


def test_the_store_comes_before_its_places_and_those_before_whole_branches(spark):
    rows = [
        ("store", "all", "all", 28, 9, 100.0), ("store", "all", "all", 7, 9, 25.0),
        ("store", "all", "north", 28, 9, 30.0), ("store", "all", "south", 28, 9, 70.0),
        ("category", "Office", "all", 28, 5, 60.0),
        ("category", "Office > Pens", "all", 28, 2, 50.0), ("category", "Office", "north", 28, 2, 20.0),
        ("unsorted", "none", "all", 28, 4, 40.0),
    ]  # fmt: skip
    columns = "level string, category string, location_id string, horizon_days int, items long, mean double"
    groups = spark.createDataFrame(rows, columns).selectExpr("*", "mean - 5 AS q10", "mean + 5 AS q90")
    found = demand.summed(groups)
    assert [(row["kind"], row["name"], row["mean"]) for row in found] == [
        ("store", None, 100.0), ("place", "south", 70.0), ("place", "north", 30.0), ("category", "Office", 60.0),
    ]  # fmt: skip


def test_items_are_picked_for_a_reason(spark):
    rows = [*ahead("large", 9), *ahead("larger", 10), *ahead("rare", 0.01, wide=9)]
    rows += [*ahead("vague", wide=5), *ahead("vaguer", wide=6)]
    rows += ahead("ended", 0, "ended")
    rows += [*ahead("usual"), *ahead("fresh", 0.5, "new"), *ahead("fresher", 0.4, "new"), *ahead("newest", 0.1, "new")]
    rows += ahead("unsold", 2, "new")
    tonight = spark.createDataFrame(rows)
    first = {"fresh": 20, "fresher": 10, "newest": 3, "usual": 1}
    days = [(item, NIGHT - timedelta(days=n), 0 if n == 30 else 1) for item, ago in first.items() for n in (30, ago, 0)]
    sales = spark.createDataFrame(days, "item_id string, day date, units long")

    def of(kind: str, missed: list[str]) -> list[str]:
        return [item for item, why in demand.picked(tonight, sales, missed) if why == kind]

    assert of("largest", []) == ["larger", "large"] and of("newest", []) == ["newest", "fresher"]
    assert of("least certain", []) == ["vaguer", "vague"] and of(demand.WORST, []) == []
    # Where a backtest told which forecasts were the worst, those are looked at; what is the largest is there already.
    assert of(demand.WORST, ["larger", "gone", "usual", "vague"]) == ["usual", "vague"] and not of(
        "least certain", ["x"]
    )


def test_a_fan_begins_where_the_sales_end(spark):
    (fan,) = demand.fans([("a", "largest")], pd.DataFrame(sold("a")), pd.DataFrame(ahead("a")), {"a": "Mug"})
    assert fan["title"] == "Mug" and fan["most"] == 8.0 and abs(fan["units"] - 98) < 1e-9
    assert len(fan["points"]) == 56 and all(x < fan["now"] for x, _ in fan["points"])
    median = [tuple(map(float, point.split(","))) for point in fan["median"].split()]
    assert median[0][0] == fan["now"] and median[-1][0] == demand.WIDTH
    # Top down: q90 is drawn above q75, that above the median.
    outer, inner = (float(fan[band].split()[0].split(",")[1]) for band in ("outer", "inner"))
    assert outer < inner < median[0][1] < demand.HEIGHT


def test_a_fan_of_what_never_sold_has_no_points():
    nothing = pd.DataFrame(columns=["item_id", "day", "units"])
    (fan,) = demand.fans([("a", "new")], nothing, pd.DataFrame(ahead("a")), {})
    assert fan["points"] == [] and fan["title"] == "a"


def told() -> dict:
    """What the page is told of a night's demand."""
    figures = [("dense", "ewq", "wape", 0.5), ("new", "launches", "bias", -0.1)]
    served = pd.DataFrame(figures, columns=["segment", "method", "measure", "value"])
    policies = {"ewq": 6.25, USUAL: 11.5, FORESIGHT: 1.1}
    judged = pd.DataFrame({"method": policies, "value": policies}).assign(method=list(policies), segment="dense")
    judged = judged.assign(measure=COST, low=5.75, high=6.5, cases=1150, is_served=judged["method"] == "ewq")
    order = {"item_id": "a", "location_id": "all", "on_hand": 8.0, "on_order": 0.0, "order_units": 24,
             "stockout_probability": 0.4, "reason": "8 left"}  # fmt: skip
    return {
        "segments": [("dense", "ewq", 3)], "measures": demand.MEASURES,
        "ahead": [{"kind": "place", "name": "<north>", "horizon_days": 28, "items": 3, "mean": 12.4, "q10": 5.0,
                   "q90": 1234.0}],
        "calibration": demand.calibration(served), "costs": demand.costs(judged), "to_order": 1, "orders": [order],
        "fans": demand.fans([("<a>", "largest")], pd.DataFrame(sold("<a>")), pd.DataFrame(ahead("<a>")), {}),
    }  # fmt: skip


def test_the_page_shows_demand_and_does_without():
    shown = told()
    assert shown["costs"][0] == {"segment": "dense", "method": "ewq", "value": 6.25, "low": 5.75, "high": 6.5,
                                 "cases": 1150, "usual": 11.5, "foresight": 1.1}  # fmt: skip
    assert shown["calibration"][0]["wape"] == 0.5 and shown["calibration"][0]["bias"] is None
    empty = Findings("shop", str(NIGHT), [], [(str(NIGHT), 0)], [], [], [], [], [], [], [], None, None)
    assert 'id="demand"' not in stage.page(empty)
    page = stage.page(Findings(**{**vars(empty), "demand": shown}))
    assert "place &lt;north&gt;" in page and "1,234" in page
    assert "11.50" in page and "1,150" in page
    assert "&lt;a&gt;" in page and "<a>" not in page and "8 left" in page and "0.500" in page and "polygon" in page
