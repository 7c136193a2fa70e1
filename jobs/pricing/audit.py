"""What became of every suggested change: made, decided on by a person, seen in force. Rows are only ever added.

Suggestions to keep a price are in ``pricing.price_suggestions`` of their night and not here.
"""

from __future__ import annotations

from datetime import date, timedelta

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.lib import contracts
from jobs.lib.registry import Champion

APPLIED_DAYS = 28  # a price that comes into force later than this after its suggestion came for another reason
SAME = 1e-5  # as a share: prices nearer to each other are one price, in whatever units they are


def audit(
    price_suggestions: DataFrame,
    price_approvals_changes: DataFrame,
    prices: DataFrame,
    audit: DataFrame,
    as_of: date,
    champion: Champion,
) -> DataFrame:
    """Tonight's changes, the decisions that became known since the last night, and earlier suggestions that the table
    of prices shows for the first time."""
    version = F.lit(champion.version).alias("model_version")
    made = price_suggestions.where(F.abs(F.col("suggested_price") / F.col("current_price") - 1) > SAME).select(
        F.lit(as_of).alias("suggested_on"),
        "item_id",
        F.lit("suggested").alias("happened"),
        F.col("current_price").alias("old_price"),
        F.col("suggested_price").alias("new_price"),
        *_shared(price_suggestions),
        F.lit(as_of).alias("known_day"),
    )
    decided = price_approvals_changes.where(~F.col("is_deleted")).select(
        "suggested_on", "item_id", F.col("decision").alias("happened"), F.col("price").alias("new_price"), "known_day",
        F.lit(False).alias("is_exploration"), version,
    )  # fmt: skip
    newest = F.expr("row_number() OVER (PARTITION BY suggested_on, item_id, happened ORDER BY known_day DESC)")
    decided = decided.withColumn("_nth", newest).where("_nth = 1").drop("_nth")
    seen = _applied(audit.where(F.col("known_day") < F.lit(as_of)), prices, as_of).select("*", version)
    whole = made.unionByName(decided, allowMissingColumns=True).unionByName(seen, allowMissingColumns=True)
    names = contracts.load("pricing.audit").schema().fieldNames()
    return whole.select(*names)


def _shared(frame: DataFrame) -> list[Column]:
    """The columns of a suggestion that the audit keeps under their own names."""
    kept = contracts.load("pricing.audit").columns
    return [F.col(name) for name in frame.columns if name in kept and name not in ("item_id", "known_day")]


def _applied(before: DataFrame, prices: DataFrame, as_of: date) -> DataFrame:
    """Suggestions of earlier nights, approved or edited or never answered, whose price is in force tomorrow."""
    tomorrow = as_of + timedelta(days=1)
    in_force = (
        prices.where(F.col("valid_from") <= F.lit(tomorrow))
        .groupBy("item_id")
        .agg(F.max_by("price", "valid_from").alias("price"), F.max("valid_from").alias("valid_from"))
    )
    since = F.lit(as_of - timedelta(days=APPLIED_DAYS))
    key = ["suggested_on", "item_id"]
    wanted = before.where(F.col("happened").isin("suggested", "edited") & (F.col("suggested_on") >= since))
    last = wanted.groupBy(*key).agg(F.max_by("new_price", (F.col("happened") == "edited").cast("int")).alias("wanted"))
    done = before.where("happened = 'applied'").select(*key)
    found = last.join(done, key, "left_anti").join(in_force, "item_id", "inner")
    found = found.where(
        (F.col("valid_from") > F.col("suggested_on")) & (F.abs(F.col("price") / F.col("wanted") - 1) <= SAME)
    )
    # of several suggestions of one price the newest was the one applied
    newest = F.expr("row_number() OVER (PARTITION BY item_id ORDER BY suggested_on DESC)")
    return (
        found.withColumn("_nth", newest)
        .where("_nth = 1")
        .select(
            "suggested_on",
            "item_id",
            F.lit("applied").alias("happened"),
            F.col("price").alias("new_price"),
            F.lit(False).alias("is_exploration"),
            F.lit(as_of).alias("known_day"),
        )
    )
