"""What became of every suggestion: made, decided on by a person, seen in force. Rows are only ever added.

A night adds one row an item: a change that was suggested, or a price that was kept and the rule that kept it. What has
a markdown plan is told as the plan has it, since its row of ``pricing.price_suggestions`` only says so.
"""

from __future__ import annotations

from datetime import date, timedelta

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.lib import contracts
from jobs.lib.registry import Champion
from jobs.pricing.bounds import SAME
from jobs.pricing.hand_over import MARKDOWN, PRICE

APPLIED_DAYS = 28  # a price that comes into force later than this after its suggestion came for another reason
SUGGESTED, KEPT = "suggested", "kept"
DECISIONS = ("approved", "edited", "refused")


def audit(
    price_suggestions: DataFrame,
    markdown_plan: DataFrame,
    price_approvals_changes: DataFrame,
    price_approvals: DataFrame,
    prices: DataFrame,
    audit: DataFrame,
    as_of: date,
    champion: Champion,
) -> DataFrame:
    """Tonight's suggestions, the decisions that became known since the last night, and earlier suggestions that the
    table of prices, or where no list has the item a decision whose day has come, shows for the first time."""
    version = F.lit(champion.version).alias("model_version")
    made = _made(price_suggestions, markdown_plan, as_of).select("*", version)
    decided = price_approvals_changes.where(~F.col("is_deleted")).select(
        "suggested_on", "item_id", F.col("decision").alias("happened"), F.col("price").alias("new_price"), "known_day",
        F.lit(False).alias("is_exploration"), version,
    )  # fmt: skip
    newest = F.expr("row_number() OVER (PARTITION BY suggested_on, item_id, happened ORDER BY known_day DESC)")
    decided = decided.withColumn("_nth", newest).where("_nth = 1").drop("_nth")
    in_force = _in_force(prices, price_approvals, as_of + timedelta(days=1))
    seen = _applied(audit.where(F.col("known_day") < F.lit(as_of)), in_force, as_of).select("*", version)
    whole = made.unionByName(decided, allowMissingColumns=True).unionByName(seen, allowMissingColumns=True)
    names = contracts.load("pricing.audit").schema().fieldNames()
    return whole.select(*names)


def _made(price_suggestions: DataFrame, markdown_plan: DataFrame, as_of: date) -> DataFrame:
    """One row an item: the coming week of its markdown plan with the evidence behind it, else its suggestion."""
    kept = contracts.load("pricing.audit").columns
    shared = [name for name in price_suggestions.columns if name in kept and name not in ("item_id", "model_version")]
    suggested = price_suggestions.select(
        "item_id",
        F.col("current_price").alias("old_price"),
        F.col("suggested_price").alias("new_price"),
        F.lit(PRICE).alias("kind"),
        _happened("suggested_price", F.lit(True)),
        *shared,
    )
    believed = price_suggestions.select("item_id", "evidence", "elasticity", "expected_units_now")
    coming = markdown_plan.where(F.col("week") == F.lit(as_of + timedelta(days=1)))
    planned = coming.select(
        "item_id",
        F.col("current_price").alias("old_price"),
        F.when(F.col("held_by").isNull(), F.col("price")).otherwise(F.col("current_price")).alias("new_price"),
        F.lit(MARKDOWN).alias("kind"),
        _happened("price", F.col("held_by").isNull()),
        F.col("held_by").alias("bound_by"),
        F.col("expected_units").alias("expected_units_suggested"),
        F.lit(False).alias("is_exploration"),
        F.lit(1.0).alias("propensity"),
        "reason",
    ).join(believed, "item_id", "left")
    whole = suggested.join(planned.select("item_id"), "item_id", "left_anti")
    return whole.unionByName(planned, allowMissingColumns=True).select(
        "*", F.lit(as_of).alias("suggested_on"), F.lit(as_of).alias("known_day")
    )


def _happened(price: str, is_free: Column) -> Column:
    """Whether a change was suggested or the price kept."""
    moved = F.abs(F.col(price) / F.col("current_price") - 1) > SAME
    return F.when(moved & is_free, SUGGESTED).otherwise(KEPT).alias("happened")


def _in_force(prices: DataFrame, price_approvals: DataFrame, day: date) -> DataFrame:
    """``item_id, price, valid_from`` of a day's list; of what is on none, the last decision."""
    unlisted = price_approvals.where("decision <> 'refused'").join(prices, "item_id", "left_anti")
    told = ["item_id", "price", "valid_from"]
    parts = (prices.select(*told, F.lit(None).cast("date").alias("_on")), unlisted.select(*told, "suggested_on"))
    known = parts[0].union(parts[1]).where(F.col("valid_from") <= F.lit(day))
    price = F.max_by("price", F.struct("valid_from", "_on")).alias("price")
    return known.groupBy("item_id").agg(price, F.max("valid_from").alias("valid_from"))


def _applied(before: DataFrame, in_force: DataFrame, as_of: date) -> DataFrame:
    """Suggestions of earlier nights, approved or edited or never answered, whose price is in force tomorrow."""
    since = F.lit(as_of - timedelta(days=APPLIED_DAYS))
    key = ["suggested_on", "item_id"]
    lately = before.where(F.col("suggested_on") >= since)
    is_decision = F.col("happened").isin(*DECISIONS)
    # The last word of a person counts; of those of one day the same one every time.
    newest_word = F.struct(is_decision, "known_day", "happened")
    said = lately.where(is_decision | (F.col("happened") == SUGGESTED)).groupBy(*key)
    last = said.agg(F.max_by(F.struct("happened", "new_price"), newest_word).alias("last"))
    wanted = last.where("last.happened <> 'refused'").select(*key, F.col("last.new_price").alias("wanted"))
    found = wanted.join(in_force, "item_id", "inner").where(
        (F.col("valid_from") > F.col("suggested_on")) & (F.abs(F.col("price") / F.col("wanted") - 1) <= SAME)
    )
    # Of several suggestions of one price the newest was the one applied, and once that is told so are the others.
    newest = F.expr("row_number() OVER (PARTITION BY item_id ORDER BY suggested_on DESC)")
    done = lately.where("happened = 'applied'").select(*key)
    return (
        found.withColumn("_nth", newest)
        .where("_nth = 1")
        .join(done, key, "left_anti")
        .select(
            "suggested_on",
            "item_id",
            F.lit("applied").alias("happened"),
            F.col("price").alias("new_price"),
            F.lit(False).alias("is_exploration"),
            F.lit(as_of).alias("known_day"),
        )
    )
