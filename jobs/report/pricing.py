"""What the report of a night tells of prices: changes, what is believed, which guardrails held, what came of it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.window import Window

from jobs.features.learning import off_contract, sold
from jobs.lib import registry
from jobs.lib.stages import Night
from jobs.pricing.bounds import SAME
from jobs.pricing.hand_over import MARKDOWN
from jobs.pricing.posterior import NONE, Posterior
from jobs.pricing.train import PANEL_FILE

SHOWN = 30
SHOWN_CROSS = 10
NEIGHBOURS = {"nest": "substitutes", "rest": "rest of the category"}
CURVES = 4
CURVE_POINTS = 21
PROMOTED = 20
LATELY = timedelta(days=56)
WIDTH, HEIGHT = 280, 140


def findings(night: Night) -> dict[str, Any] | None:
    """All of the section; None where the product was not asked for or has not run."""
    if "pricing" not in night.settings.products or not night.tables.exists("pricing.price_suggestions"):
        return None
    tonight = night.tables.read("pricing.price_suggestions", night.as_of)
    champion = registry.champion(night.settings, night.store.name, "pricing", night.as_of)
    if champion is None or tonight.isEmpty():
        return None
    posterior = Posterior.load(champion.path)
    changed = tonight.where(F.abs(F.col("suggested_price") - F.col("current_price")) > SAME)
    best = changed.orderBy(F.desc_nulls_last("expected_gain"), "item_id").limit(SHOWN)
    applied = realised_changes(night)
    return {
        "changed": changed.count(),
        "items": tonight.count(),
        "objectives": _counted(tonight, "objective"),
        "changes": [row.asDict() for row in best.collect()],
        "guardrails": _counted(tonight.where("bound_by IS NOT NULL"), "bound_by"),
        "evidence": _counted(tonight, "evidence"),
        "categories": categories(posterior),
        "cross_items": cross_items(posterior),
        "curves": curves(posterior, champion.path),
        "promotions": _promotions(night),
        "plans": _plans(night),
        "realised": applied[:SHOWN],
        "total": total(applied),
    }


def _counted(frame: DataFrame, column: str) -> list[tuple[str, int]]:
    rows = frame.groupBy(column).count().orderBy(F.desc("count"), column).collect()
    return [(row[column], row["count"]) for row in rows]


def categories(posterior: Posterior) -> list[dict[str, Any]]:
    """Each category's elasticity and what neighbours' prices do, with their intervals; what regressing item by item
    would have said; its items."""
    if not len(posterior.item_id):
        return []
    items = posterior.frame().groupby("category").agg(naive=("naive", "median"), items=("item_id", "size"))
    told = posterior.categories().merge(items, left_on="category", right_index=True, how="left")
    told = told.sort_values("items", ascending=False)
    return told.replace([np.inf, -np.inf], np.nan).astype(object).where(told.notna(), None).to_dict("records")


def cross_items(posterior: Posterior) -> list[dict[str, Any]]:
    """Items that surely answer to their neighbours' prices, with their category's effect beside: those whose 80%
    interval leaves 0 out, the furthest away first."""
    items, effects = posterior.frame(), posterior.categories().set_index("category")
    parts = []
    for term, neighbours in NEIGHBOURS.items():
        names = [f"cross_{term}", f"cross_{term}_low", f"cross_{term}_high"]
        part = items[["item_id", "category", *names]].set_axis(["item_id", "category", "effect", "low", "high"], axis=1)
        category = part["category"].map(effects[term])
        parts.append(part.assign(neighbours=neighbours, category_effect=category))
    told = pd.concat(parts, ignore_index=True)
    told["away"] = np.maximum(told["low"], -told["high"])
    surest = told[told["away"] > 0].sort_values(["away", "item_id"], ascending=[False, True], kind="stable")
    return surest.head(SHOWN_CROSS).drop(columns="away").to_dict("records")


def curves(posterior: Posterior, folder: Path) -> list[dict[str, Any]]:
    """Demand curves of the items whose prices moved most among those that sell, the weeks behind them as points, in
    the coordinates of a drawing ``WIDTH`` by ``HEIGHT``."""
    frame = posterior.frame()
    known = frame[frame["evidence"] != NONE]
    if known.empty or not (folder / PANEL_FILE).is_file():
        return []
    weeks = pd.read_parquet(folder / PANEL_FILE)
    weeks = weeks[weeks["item_id"].isin(set(known["item_id"])) & ~weeks["is_promotion"] & ~weeks["is_stockout"]]
    spread = weeks.groupby("item_id").agg(low=("price", "min"), high=("price", "max"), units=("units", "sum"))
    spread["score"] = np.log(spread["high"] / spread["low"]) * np.sqrt(spread["units"])
    chosen = spread[spread["score"] > 0].sort_values(["score"], ascending=False, kind="stable").index[:CURVES]
    indexed = known.set_index("item_id")
    return [_curve(item, indexed.loc[item], weeks[weeks["item_id"] == item]) for item in chosen]


def _curve(item: str, believed: pd.Series, weeks: pd.DataFrame) -> dict[str, Any]:
    prices = np.linspace(weeks["price"].min() * 0.95, weeks["price"].max() * 1.05, CURVE_POINTS)
    ratio = np.log(prices / believed["price"])
    lines = {
        name: np.exp(believed["log_rate"] + slope * ratio)
        for name, slope in (("mean", believed["mean"]), ("low", believed["low"]), ("high", believed["high"]))
    }
    top = max(float(weeks["units"].max()), max(float(values.max()) for values in lines.values()), 1.0)

    def x(price: np.ndarray) -> np.ndarray:
        return (price - prices[0]) / (prices[-1] - prices[0]) * WIDTH

    def y(units: np.ndarray) -> np.ndarray:
        return HEIGHT - units / top * HEIGHT

    def drawn(values: np.ndarray) -> str:
        return " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x(prices), y(values), strict=True))

    points = list(zip(x(weeks["price"].to_numpy()).round(1), y(weeks["units"].to_numpy()).round(1), strict=True))
    return {
        "item_id": item,
        "elasticity": float(believed["mean"]),
        "evidence": str(believed["evidence"]),
        "from_price": float(prices[0]),
        "to_price": float(prices[-1]),
        "most_units": top,
        "points": [(float(a), float(b)) for a, b in points],
        **{name: drawn(values) for name, values in lines.items()},
    }


def _promotions(night: Night) -> list[dict[str, Any]]:
    """What past promotions did, over all, by category and of single campaigns."""
    if not night.tables.exists("pricing.promotion_effects"):
        return []
    rows = night.tables.read("pricing.promotion_effects", night.as_of)
    order = F.when(F.col("scope") == "all", 0).when(F.col("scope") == "category", 1).otherwise(2)
    return [row.asDict() for row in rows.orderBy(order, F.desc("cases"), "name", "effect").limit(PROMOTED).collect()]


def _plans(night: Night) -> list[dict[str, Any]]:
    """Markdown plans, an item a row: its prices week by week."""
    if not night.tables.exists("pricing.markdown_plan"):
        return []
    weeks = night.tables.read("pricing.markdown_plan", night.as_of)
    items = weeks.groupBy("item_id").agg(
        F.min_by("current_price", "week").alias("current_price"),
        F.sort_array(F.collect_list(F.struct("week", "price"))).alias("weeks"),
        F.sum("expected_revenue").alias("revenue"),
        F.max("clearance_probability").alias("clearance"),
        F.first("held_by").alias("held_by"),
        F.first("reason").alias("reason"),
    )
    rows = items.orderBy(F.desc("revenue"), "item_id").limit(SHOWN).collect()
    return [{**row.asDict(), "prices": [week["price"] for week in row["weeks"]]} for row in rows]


def realised_changes(night: Night) -> list[dict[str, Any]]:
    """Suggestions of the last weeks that came into force, the newest first: units a week expected, and sold until the
    next one of the item did, or the price list had another price; of a markdown in its first week, which is what its
    plan foretold. The changes of some weeks in a catalogue bound it."""
    if not night.tables.exists("pricing.audit"):
        return []
    log = night.tables.read("pricing.audit", night.as_of)
    following = Window.partitionBy("item_id").orderBy("known_day", "suggested_on")
    applied = log.where("happened = 'applied'").select(
        "suggested_on",
        "item_id",
        "new_price",
        F.col("known_day").alias("since"),
        F.coalesce(F.lead("known_day").over(following), F.lit(night.as_of)).alias("until"),
    )
    applied = _until_repriced(applied, night.tables.read("validated.prices", night.as_of))
    made = log.where("happened = 'suggested'").select(
        "suggested_on", "item_id", "kind", "old_price", F.col("new_price").alias("suggested_price"),
        "expected_units_now", "expected_units_suggested", "expected_profit_now", "expected_profit_suggested",
        "expected_gain",
    )  # fmt: skip
    lately = applied.where(F.col("suggested_on") >= F.lit(night.as_of - LATELY))
    first_week = F.when(F.col("kind") == MARKDOWN, F.date_add("since", 7))
    rows = lately.join(made, ["suggested_on", "item_id"], "inner").withColumn("until", F.least("until", first_week))
    agreed = night.tables.read("validated.contract_prices", night.as_of)
    bought = off_contract(sold(night.tables.read("validated.order_lines", night.as_of)), agreed)
    lines = bought.select(F.col("item_id").alias("_item"), "order_date", "units")
    later = (F.col("item_id") == F.col("_item")) & F.col("order_date").between(F.date_add("since", 1), F.col("until"))
    counted = (
        rows.join(lines, later, "left").groupBy(*rows.columns).agg(F.coalesce(F.sum("units"), F.lit(0)).alias("units"))
    )
    return [realised(row.asDict()) for row in counted.orderBy(F.desc("suggested_on"), "item_id").collect()]


def _until_repriced(applied: DataFrame, prices: DataFrame) -> DataFrame:
    """The changes ``until`` the last day before the price list had another price than theirs."""
    listed = prices.select(F.col("item_id").alias("_item"), "valid_from", F.col("price").alias("_listed"))
    other = (F.col("item_id") == F.col("_item")) & (F.col("valid_from") > F.col("since"))
    other &= F.abs(F.col("_listed") - F.col("new_price")) > F.col("new_price") * SAME
    repriced = applied.join(listed, other, "left").groupBy(*applied.columns).agg(F.min("valid_from").alias("_on"))
    return repriced.withColumn("until", F.least("until", F.date_sub("_on", 1))).drop("_on")


def realised(row: dict[str, Any]) -> dict[str, Any]:
    """A row with ``weeks`` in force, ``sold`` a week and the item's own ``gain`` a week over the profit (or revenue)
    expected without the change; None before a week has passed, the gain also where none was expected."""
    weeks = (row["until"] - row["since"]).days / 7
    told = {**row, "weeks": weeks, "sold": row["units"] / weeks if weeks >= 1 else None, "gain": None}
    if told["sold"] is not None and row["expected_gain"] is not None and row["expected_units_suggested"]:
        cost = row["suggested_price"] - row["expected_profit_suggested"] / row["expected_units_suggested"]
        told["gain"] = told["sold"] * (row["new_price"] - cost) - row["expected_profit_now"]
    return told


def total(rows: list[dict[str, Any]]) -> dict[str, Any] | None:
    """What changes were expected to gain a week together, and did; None while none has been in force for a week."""
    known = [row for row in rows if row["gain"] is not None]
    if not known:
        return None
    sums = {name: sum(row[of] for row in known) for name, of in (("expected", "expected_gain"), ("gain", "gain"))}
    return {"changes": len(known), **sums}
