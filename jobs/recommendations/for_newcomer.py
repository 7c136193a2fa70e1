"""Lists for people without history: for all, and for each country and channel with enough customers.

People begin with other items than regulars buy, so the popularity of first baskets counts double; those from abroad
buy what others from abroad buy.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.lib.registry import Champion
from jobs.recommendations import frames
from jobs.recommendations.model import Model

PLACES = 20
COLUMNS = (
    "segment string, rank int, item_id string, score double, source string, reason string, propensity double, "
    "model_version string"
)


@dataclass(frozen=True)
class NewcomerParams:
    """Weights of the scaled popularities that make a newcomer's list, and how small a segment may be."""

    first_baskets: float = 2.0
    popularity: float = 1.0
    abroad: float = 4.0
    segment: float = 1.0
    full_trust: int = 50
    min_customers: int = 5


def for_newcomer(
    customer_item: DataFrame, item: DataFrame, customer: DataFrame, as_of: date, champion: Champion
) -> DataFrame:
    """Twenty places a segment: ``all``, ``country=…``, ``channel=…``."""
    items = frames.item_rows(item, as_of)
    model = Model.load(champion.path)
    lists = segment_lists(items, segment_popularity(customer_item, customer), model.publishes("cold"))
    lists["model_version"] = champion.version
    return customer_item.sparkSession.createDataFrame(lists[[c.split()[0] for c in COLUMNS.split(", ")]], COLUMNS)


def segment_popularity(customer_item: DataFrame, customer: DataFrame) -> pd.DataFrame:
    """Decayed orders (half-life 90 days) per kind of segment, its value and item, with the segment's customers."""
    parts = []
    for kind in ("country", "channel"):
        who = customer.where(F.col(kind).isNotNull() & (F.col("orders") > 0)).select(
            "customer_id", F.col(kind).alias("value")
        )
        size = who.groupBy("value").agg(F.count(F.lit(1)).alias("customers"))
        orders = customer_item.where(F.col("orders") > 0).join(who, "customer_id", "inner")
        # Rounded: the order of a distributed sum must not show in a published score.
        weight = F.round(F.sum("decayed_90d"), 6).alias("weight")
        parts.append(
            orders.groupBy("value", "item_id")
            .agg(weight)
            .join(F.broadcast(size), "value", "inner")
            .select(F.lit(kind).alias("kind"), "value", "item_id", "weight", "customers")
        )
    rows: pd.DataFrame = parts[0].unionByName(parts[1]).toPandas()
    return rows.sort_values(["kind", "value", "item_id"], kind="stable").reset_index(drop=True)


def segment_lists(
    items: pd.DataFrame, popularity: pd.DataFrame, is_ours: bool, params: NewcomerParams | None = None
) -> pd.DataFrame:
    """The lists of all segments: ours, or plain popularity for each where ours did not beat it."""
    params = params or NewcomerParams()
    items = items.sort_values("item_id", kind="stable").reset_index(drop=True)
    parts = []
    for segment, score, inside in _scores(items, popularity, params):
        if not is_ours:
            score = inside
        parts.append(_list(items, segment, score, inside))
    return pd.concat(parts, ignore_index=True)


def newcomer_score(items: pd.DataFrame, params: NewcomerParams | None = None) -> np.ndarray:
    """The score of the list for all, item by item."""
    params = params or NewcomerParams()
    return params.first_baskets * scaled(items["first_basket_decayed_14d"]) + params.popularity * scaled(
        items["decayed_14d"]
    )


def scaled(value: pd.Series | np.ndarray) -> np.ndarray:
    """The value over its largest; zeros where all are."""
    value = np.asarray(value, float)
    return value / max(value.max(initial=0), 1e-9)


def _scores(
    items: pd.DataFrame, popularity: pd.DataFrame, params: NewcomerParams
) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Segment, its score, and the popularity inside it (what the baseline and the reason use)."""
    base, index = newcomer_score(items, params), pd.Index(items["item_id"])

    def of(rows: pd.DataFrame) -> np.ndarray:
        return scaled(rows.groupby("item_id")["weight"].sum().reindex(index).fillna(0))

    yield "all", base, scaled(items["customers_28d"])
    for kind, of_kind in popularity.groupby("kind", sort=True):
        sizes = of_kind.groupby("value")["customers"].first()
        home = sizes.sort_index().idxmax()
        abroad = of(of_kind[of_kind["value"] != home])
        for value in sizes[sizes >= params.min_customers].sort_index().index:
            own = of(of_kind[of_kind["value"] == value])
            trust = params.segment * min(sizes[value] / params.full_trust, 1.0)
            yield f"{kind}={value}", base if value == home else base + params.abroad * abroad + trust * own, own


def _list(items: pd.DataFrame, segment: str, score: np.ndarray, inside: np.ndarray) -> pd.DataFrame:
    """The first places by score among the items that may be shown, with the figure behind each."""
    is_shown = (
        items["is_active"].to_numpy(bool)
        & ~items["is_restricted"].to_numpy(bool)
        & (items["on_hand"].fillna(1) > 0).to_numpy()
    )
    if not segment.startswith("country="):
        is_shown &= items["sold_in"].isna().to_numpy()
    else:
        country = segment.split("=", 1)[1]
        is_shown &= np.array([s is None or s != s or country in s.split() for s in items["sold_in"]])
    score = np.where(is_shown, score, 0)
    best = np.lexsort((np.arange(len(score)), -score))[:PLACES]
    best = best[score[best] > 0]
    reasons = [_reason(items.iloc[i], segment, inside[i]) for i in best]
    return pd.DataFrame(
        {
            "segment": segment,
            "rank": np.arange(1, len(best) + 1, dtype=np.int32),
            "item_id": items["item_id"].to_numpy(object)[best],
            "score": score[best],
            "source": [source for source, _ in reasons],
            "reason": [reason for _, reason in reasons],
            "propensity": 1.0,
        }
    )


def _reason(item: pd.Series, segment: str, inside: float) -> tuple[str, str]:
    """Source and a sentence with the figure that carries the place."""
    if segment.startswith("country=") and inside > 0.5:
        return "popular in the country", f"One of the most ordered items in {segment.split('=', 1)[1]} of late"
    first, recent = int(item["first_basket_28d"]), int(item["customers_28d"])
    if first > 0 and first * 3 >= recent:
        return "first baskets", f"{first} new customers began with it in the last 28 days"
    return "popular", f"Bought by {recent} customers in the last 28 days"
