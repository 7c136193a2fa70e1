"""Position bias: what stands high in a list is looked at more, so a purchase there says less of how much it was wanted.

How fast looks fall with the place is learnt from items that stood at neighbouring places of the same list (Agarwal et
al. 2019, "Estimating position bias without intrusive interventions", adjacent chain), as one power a placement;
purchases are weighed by the inverse of it (Joachims, Swaminathan and Schnabel 2017), those without an impression as
one at the last place.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

import numpy as np
import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.features.learning import human
from jobs.recommendations.frames import following

COUNT_DAYS = 90
COUNT_ITEMS = 5000


@dataclass(frozen=True)
class PositionParams:
    """``powers`` by placement: looks fall as rank ** -power (none: no correction). ``last`` is the deepest place that
    counts, which bounds the weights; fewer clicks than ``min_clicks`` say nothing of a placement."""

    powers: Mapping[str, float] = field(default_factory=dict)
    last: int = 20
    min_clicks: int = 500


def counts(events: DataFrame, as_of: date) -> pd.DataFrame:
    """``placement, item_id, rank, impressions, clicks`` of the last 90 days, of the 5,000 items shown most."""
    day, kind = F.col("event_date"), F.col("event_type")
    recent = (day <= F.lit(as_of)) & (day > F.date_sub(F.lit(as_of), COUNT_DAYS))
    places = human(events).where(recent & kind.isin("impression", "click") & F.col("rank").isNotNull())
    counted = places.groupBy("placement", "item_id", "rank").agg(
        F.sum((kind == "impression").cast("long")).alias("impressions"),
        F.sum((kind == "click").cast("long")).alias("clicks"),
    )
    most = counted.groupBy("item_id").agg(F.sum("impressions").alias("shown"))
    most = most.orderBy(F.desc("shown"), "item_id").limit(COUNT_ITEMS).select("item_id")
    kept = counted.join(F.broadcast(most), "item_id", "left_semi")
    rows: pd.DataFrame = kept.select("placement", "item_id", "rank", "impressions", "clicks").toPandas()
    return rows.sort_values(["placement", "item_id", "rank"], kind="stable").reset_index(drop=True)


def shown(events: DataFrame, cut: date) -> DataFrame:
    """The best place at which each customer was shown each item on each of the 28 days after ``cut``: customer_id,
    item_id, shown_on, shown_rank, shown_in (the placement)."""
    seen = human(events).where(
        following("event_date", cut)
        & (F.col("event_type") == "impression")
        & F.col("rank").isNotNull()
        & F.col("customer_id").isNotNull()
    )
    best = seen.groupBy("customer_id", "item_id", F.col("event_date").alias("shown_on")).agg(
        F.min(F.struct("rank", "placement")).alias("best")
    )
    names = {"rank": "shown_rank", "placement": "shown_in"}
    return best.select(
        "customer_id", "item_id", "shown_on", *[F.col(f"best.{name}").alias(ours) for name, ours in names.items()]
    )


def powers(counted: pd.DataFrame, params: PositionParams) -> dict[str, float]:
    """How fast looks fall, by placement, from the rows of :func:`counts`; a placement with few clicks is left out.

    Of each item that stood at two neighbouring places only the ratio of its click rates counts, so that what is liked
    is not taken for what is looked at; a customer's own liking remains in it where lists are personal.
    """
    found = {}
    for placement, rows in counted[counted["impressions"] > 0].groupby("placement", sort=True):
        upper = rows[rows["rank"] < params.last]
        both = upper.merge(rows.assign(rank=rows["rank"] - 1), on=["item_id", "rank"], suffixes=("", "_next"))
        weight = np.minimum(both["impressions"], both["impressions_next"])
        clicks = pd.DataFrame(
            {
                "here": weight * both["clicks"] / both["impressions"],
                "next": weight * both["clicks_next"] / both["impressions_next"],
            }
        )
        chain = clicks.groupby(both["rank"]).sum()
        chain = chain[(chain > 0).all(axis=1)]
        if clicks.to_numpy().sum() < params.min_clicks or not len(chain):
            continue
        step = np.log((chain.index.to_numpy(float) + 1) / chain.index.to_numpy(float))
        fall = np.log(chain["here"].to_numpy() / chain["next"].to_numpy())
        # Of a log ratio of counts the precision is their harmonic sum.
        precision = 1 / (1 / chain["here"].to_numpy() + 1 / chain["next"].to_numpy())
        found[str(placement)] = float(max(np.sum(precision * step * fall) / np.sum(precision * step**2), 0.0))
    return found


def credits(truth: pd.DataFrame, params: PositionParams) -> np.ndarray:
    """What each purchase weighs, 1 on average: rank ** power of where it was shown, last ** power where it was not."""
    if not params.powers or "shown_rank" not in truth or not len(truth):
        return np.ones(len(truth))
    usual = float(np.mean(list(params.powers.values())))
    power = truth["shown_in"].map(params.powers).fillna(usual).to_numpy(float)
    rank = truth["shown_rank"].fillna(params.last).clip(1, params.last).to_numpy(float)
    credit = rank**power
    return credit / credit.mean()
