"""What the report of a night tells of demand: what is expected of the store, its places and categories, how well
forecasts held, fans of some items, what to order first."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.demand.evaluation import COST, MISSED
from jobs.demand.history import WHOLE
from jobs.demand.inventory import FORESIGHT, USUAL
from jobs.features.category import SEPARATOR
from jobs.lib import registry
from jobs.lib.stages import Night
from jobs.report.titles import titles

PAST_DAYS = 56
FANS = 2  # of each kind
LEAST_UNITS = 5.0  # with fewer expected any band is wide
WORST = "largest error in the last backtest"
ORDERS = 20
SUMS = 20
WIDTH, HEIGHT = 280, 140
MEASURES = {
    "pinball_ratio": "pinball beside the baseline",
    "wape": "WAPE",
    "bias": "bias",
    "cover80": "days within q10 to q90",
    "total_cover80_28": "28-day totals within",
    "total_cover80_28_as_sampled": "the same uncorrected",
}


def findings(night: Night) -> dict[str, Any] | None:
    """All of the section; None where the product was not asked for or has not run."""
    if "demand" not in night.settings.products or not night.tables.exists("demand.forecast"):
        return None
    tonight = night.tables.read("demand.forecast", night.as_of).where(F.col("location_id") == WHOLE)
    if tonight.isEmpty():
        return None
    sales = _sales(night)
    chosen = picked(tonight, sales, _missed(night))
    ids = [item for item, _ in chosen]
    judged: pd.DataFrame = night.tables.read("demand.evaluation", night.as_of).toPandas()
    return {
        "segments": [tuple(row) for row in _segments(tonight).collect()],
        "ahead": summed(night.tables.read("demand.forecast_category", night.as_of)),
        "measures": MEASURES,
        "calibration": calibration(judged[judged["is_served"]]),
        "costs": costs(judged),
        "fans": fans(chosen, _of(sales, ids), _of(tonight, ids), titles(night, ids)),
        **_orders(night),
    }


def summed(groups: DataFrame) -> list[dict[str, Any]]:
    """The longest horizon of ``demand.forecast_category``: the store, its places, the largest whole branches of its
    category tree, in that order. ``name`` is of the place or branch, None for the store."""
    longest = groups.groupBy().agg(F.max("horizon_days").alias("horizon_days"))
    is_whole = F.col("location_id") == WHOLE
    kinds = {
        "store": (F.col("level") == "store") & is_whole,
        "place": (F.col("level") == "store") & ~is_whole,
        "category": (F.col("level") == "category") & is_whole & ~F.contains("category", F.lit(SEPARATOR)),
    }
    kind = F.coalesce(*[F.when(rule, F.lit(name)) for name, rule in kinds.items()])
    named = F.when(kind == "place", F.col("location_id")).when(kind == "category", F.col("category"))
    rows = groups.join(F.broadcast(longest), "horizon_days", "left_semi").select(
        kind.alias("kind"), named.alias("name"), "horizon_days", "items", "mean", "q10", "q90"
    )
    place = F.array_position(F.array(*map(F.lit, kinds)), F.col("kind"))
    ordered = rows.where(F.col("kind").isNotNull()).orderBy(place, F.desc("mean"), "name")
    return [row.asDict() for row in ordered.limit(SUMS).collect()]


def _segments(tonight: DataFrame) -> DataFrame:
    """Kind of item, what serves it, and how many items that is."""
    items = F.countDistinct("item_id").alias("items")
    return tonight.groupBy("segment", "method").agg(items).orderBy(F.desc("items"), "segment", "method")


def picked(tonight: DataFrame, sales: DataFrame, missed: list[str]) -> list[tuple[str, str]]:
    """Items with the reason to look at them: the largest, those that the backtest ``missed`` by most units (the worst
    first; without a backtest those whose band is the widest beside what is expected), and the new ones that sold first
    on the latest day. ``sales`` (``item_id, day, units``) reach back beyond the first sale of a new item."""
    width = F.try_divide(F.sum(F.col("q90") - F.col("q10")), F.sum("mean"))  # nothing is expected of an ended item
    each = tonight.groupBy("item_id").agg(
        F.sum("mean").alias("units"), width.alias("width"), F.max("segment").alias("segment")
    )
    began = sales.where("units > 0").groupBy("item_id").agg(F.min("day").alias("began"))
    kinds = {"largest": each.orderBy(F.desc("units"), "item_id")}
    if missed:
        place = F.array_position(F.lit(missed), F.col("item_id"))
        kinds[WORST] = each.where(place > 0).orderBy(place)
    else:
        kinds["least certain"] = each.where(F.col("units") >= LEAST_UNITS).orderBy(F.desc("width"), "item_id")
    kinds["newest"] = each.where("segment = 'new'").join(began, "item_id").orderBy(F.desc("began"), "item_id")
    found: dict[str, str] = {}
    for kind, ordered in kinds.items():
        fresh = [row["item_id"] for row in ordered.limit(FANS * len(kinds)).collect() if row["item_id"] not in found]
        found |= dict.fromkeys(fresh[:FANS], kind)
    return list(found.items())


def _sales(night: Night) -> DataFrame:
    """``item_id, day, units`` of the last days."""
    since = night.as_of - timedelta(days=PAST_DAYS - 1)
    rows = night.tables.read("features.item_daily", night.as_of, since)
    return rows.groupBy("item_id", "day").agg(F.sum(F.col("units") - F.col("withdrawn")).alias("units"))


def _missed(night: Night) -> list[str]:
    """The items whose forecasts missed by most units when the champion was judged; none after a short history."""
    champion = registry.champion(night.settings, night.store.name, "demand", night.as_of)
    path = champion.path / MISSED if champion else None
    return pd.read_csv(path, dtype={"item_id": str})["item_id"].to_list() if path and path.is_file() else []


def _of(rows: DataFrame, ids: list[str]) -> pd.DataFrame:
    return rows.where(F.col("item_id").isin(ids)).toPandas()


def fans(
    chosen: list[tuple[str, str]], sold: pd.DataFrame, ahead: pd.DataFrame, named: dict[str, str]
) -> list[dict[str, Any]]:
    """Drawings ``WIDTH`` by ``HEIGHT``: sales of the last days as points, the median and the two bands of the forecast.

    ``sold`` has ``item_id, day, units``; ``ahead`` is of ``demand.forecast``."""
    found = []
    for item, kind in chosen:
        rows = ahead[ahead["item_id"] == item].sort_values("target_date")
        past = sold[sold["item_id"] == item].sort_values("day")
        found.append({"item_id": item, "kind": kind, "title": named.get(item, item), **_fan(past, rows)})
    return found


def _fan(past: pd.DataFrame, ahead: pd.DataFrame) -> dict[str, Any]:
    first = ahead["target_date"].iloc[0] - timedelta(days=PAST_DAYS)
    last = ahead["target_date"].iloc[-1]
    span = max((last - first).days, 1)
    top = max(float(ahead["q95"].max()), float(past["units"].max()) if len(past) else 0.0, 1.0)

    def x(day: date) -> float:
        return round((day - first).days / span * WIDTH, 1)

    def y(units: float) -> float:
        return round(HEIGHT - max(units, 0.0) / top * HEIGHT, 1)

    def line(name: str) -> list[str]:
        return [f"{x(day)},{y(units)}" for day, units in zip(ahead["target_date"], ahead[name], strict=True)]

    def band(low: str, high: str) -> str:
        return " ".join([*line(high), *reversed(line(low))])

    return {
        "points": [(x(day), y(units)) for day, units in zip(past["day"], past["units"], strict=True)],
        "median": " ".join(line("q50")),
        "inner": band("q25", "q75"),
        "outer": band("q10", "q90"),
        "now": x(ahead["target_date"].iloc[0]),
        "most": top,
        "units": float(ahead["mean"].sum()),
        "method": str(ahead["method"].iloc[0]),
        "segment": str(ahead["segment"].iloc[0]),
    }


def calibration(served: pd.DataFrame) -> list[dict[str, Any]]:
    """One row a segment: the figures of what serves it, at the newest origin; None where there is none."""
    wanted = served[served["measure"].isin(list(MEASURES))]
    if wanted.empty:
        return []
    table = wanted.pivot_table(index=["segment", "method"], columns="measure", values="value")
    table = table.reindex(columns=list(MEASURES)).reset_index()
    return table.astype(object).where(table.notna(), None).to_dict("records")


def costs(judged: pd.DataFrame) -> list[dict[str, Any]]:
    """One row a segment: what stock kept by our levels cost per unit demanded on the newest origin, with its interval,
    beside the usual policy and perfect foresight (:mod:`jobs.demand.inventory`)."""
    told = judged[judged["measure"] == COST]
    found = []
    for segment, rows in told.groupby("segment", sort=False):
        by = rows.set_index("method")["value"]
        for ours in rows[rows["is_served"]].to_dict("records"):
            kept = {name: ours[name] for name in ("method", "value", "low", "high", "cases")}
            found.append({"segment": segment, **kept, "usual": by.get(USUAL), "foresight": by.get(FORESIGHT)})
    return found


def _orders(night: Night) -> dict[str, Any]:
    if not night.tables.exists("demand.reorder"):
        return {"to_order": 0, "orders": []}
    wanted = night.tables.read("demand.reorder", night.as_of).where("order_units > 0")
    first = wanted.orderBy(F.desc("stockout_probability"), F.desc("order_units"), "item_id", "location_id")
    return {"to_order": wanted.count(), "orders": [row.asDict() for row in first.limit(ORDERS).collect()]}
