"""What each category, and the store as a whole, is expected to sell over its next days: for plans, budgets and staff.

Means are sums of the items' in ``forecast_total`` (bottom-up), so that a category agrees with its parts, at every step
of its path, and the store with its categories; ``gap_to_parts`` is what a check of the contract looks at. Quantiles are
of the sum, by how the errors of items went together on earlier origins (:mod:`jobs.demand.together`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.demand import together
from jobs.demand.forecast_total import HORIZONS
from jobs.demand.forecasts import NAMES
from jobs.demand.model import Model
from jobs.demand.together import CATEGORY, STORE
from jobs.lib.exact import exact_sum
from jobs.lib.registry import Champion

KEY = ("level", "category", "location_id", "horizon_days")
ABOVE = ("above_level", "above")
# Squares of thousands of pieces: three decimals of them leave room for sums of nine thousand million million.
SQUARES = 1e3
GROUPED = (
    "level string, category string, location_id string, horizon_days int, above_level string, above string, "
    "mean double, deviation double, is_right_in boolean"
)
MADE = (
    "level string, category string, location_id string, horizon_days int, above_level string, above string, "
    "items long, mean double, right_in double, " + ", ".join(f"{name} double" for name in NAMES)
)


def forecast_category(forecast_total: DataFrame, item: DataFrame, champion: Champion) -> DataFrame:
    """One row a step of a category's path, and one of the store, for each of the horizons that all items have."""
    of_all = forecast_total.where(F.col("horizon_days").isin(*HORIZONS))
    groups = (
        of_all.join(item.select("item_id", "category"), "item_id", "left")
        .mapInPandas(_grouped, GROUPED)
        .groupBy(*KEY, *ABOVE)
        .agg(
            F.count(F.lit(1)).alias("items"),
            exact_sum(F.col("mean")).alias("mean"),
            exact_sum(F.when(F.col("is_right_in"), F.col("mean"))).alias("right_in"),
            exact_sum(F.col("deviation")).alias("deviation"),
            exact_sum(F.col("deviation") ** 2, SQUARES).alias("variance"),
        )
    )
    spread = Spread(Model.load(champion.path).correlations)
    made = groups.mapInPandas(spread.blocks, MADE)
    return _beside_parts(made).withColumn("model_version", F.lit(champion.version))


def _grouped(parts: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
    """A row for each group that an item's row belongs to, with the group above it."""
    for rows in parts:
        told = rows[["location_id", "horizon_days", "mean"]].reset_index(drop=True)
        told["deviation"] = together.deviations(rows[list(NAMES)].to_numpy(float), rows["mean"].to_numpy(float))
        chains = [together.chain_of(category) for category in rows["category"]]
        told["group"] = [
            [(*group, *above, group == chain[-1]) for group, above in zip(chain, [(None, None), *chain], strict=False)]
            for chain in chains
        ]
        each = told.explode("group", ignore_index=True)
        names = ["level", "category", *ABOVE, "is_right_in"]
        each[names] = pd.DataFrame(each["group"].tolist(), columns=names)
        yield each[[*KEY, *ABOVE, "mean", "deviation", "is_right_in"]]


@dataclass(frozen=True)
class Spread:
    """The correlations that training learnt, by level; sent to tasks once."""

    correlations: dict[str, float]

    def blocks(self, parts: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        """Quantiles of groups, each by itself."""
        for rows in parts:
            mean, deviation, variance = (rows[name].to_numpy(float) for name in ("mean", "deviation", "variance"))
            level = rows["level"].where(rows["level"] == STORE, CATEGORY)
            correlation = level.map(self.correlations).fillna(0.0).to_numpy(float)
            quantiles = together.group_quantiles(mean, deviation, variance, correlation)
            found = pd.DataFrame(quantiles, columns=list(NAMES), index=rows.index)
            yield pd.concat([rows[[*KEY, *ABOVE, "items", "mean", "right_in"]], found], axis=1)


def _beside_parts(made: DataFrame) -> DataFrame:
    """With ``gap_to_parts``: how far a group's mean is from those of the steps right below it and of the items that
    stand right in it, as a share of it."""
    names = {"above_level": "level", "above": "category"}
    steps = made.where(F.col("above").isNotNull()).select(
        *[F.col(name).alias(ours) for name, ours in names.items()], "location_id", "horizon_days", "mean"
    )
    below = steps.groupBy(*KEY).agg(exact_sum(F.col("mean")).alias("below"))
    of_parts = F.col("right_in") + F.coalesce("below", F.lit(0.0))
    gap = F.abs(F.col("mean") - of_parts) / (F.col("mean") + 1)
    return made.join(below, list(KEY), "left").withColumn("gap_to_parts", gap).drop("below", "right_in", *ABOVE)
