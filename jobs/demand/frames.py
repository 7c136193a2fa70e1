"""From the lake's tables to the long frames that models work on; nothing that grows with items is collected."""

from __future__ import annotations

from datetime import date

import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.demand.calendar import Calendar, calendar
from jobs.demand.history import WHOLE, History, history
from jobs.demand.places import raised
from jobs.demand.segments import NEW_DAYS
from jobs.lib.stores import Store

HORIZON_DAYS = {"day": 28, "week": 56}
# What is told of an item beside its row in the catalogue, in texts: a column of them each, and what stands in one.
SPANS = {
    "campaigns": ("starts_on", "ends_on", "known_from", "known_until", "depth"),
    "prices": ("valid_from", "known_from", "known_until", "price"),
}
AMOUNTS = ("units", "withdrawn", "lines", "revenue")


def item_days(item_daily: DataFrame) -> DataFrame:
    """Partials added up: one row an item and day, at :data:`WHOLE`."""
    return _added_up(item_daily, "item_id", "day").withColumn("location_id", F.lit(WHOLE))


def place_days(item_location_daily: DataFrame, of: Calendar) -> DataFrame:
    """Partials added up by place: one row an item, place and day, of what ever sold at a place that is open. One that
    sold nothing in the four weeks (weekly sums: eight) up to the store's last sale is taken for closed: where all shut
    for a holiday none has closed. One place alone is the store as a whole, and so is what a store itself calls
    :data:`WHOLE`."""
    days = _added_up(item_location_daily, "item_id", "location_id", "day")
    sold = days.where((F.col("lines") > 0) & (F.col("location_id") != WHOLE))
    begun = of.days[: of.past][of.lines > 0]
    last = begun[-1] if len(begun) else of.days[of.past - 1]
    lately = F.col("day") > F.lit((last - of.horizon * of.period).astype(date))
    places = sold.where(lately).agg(F.collect_set("location_id").alias("open")).where(F.size("open") > 1)
    kept = sold.select("item_id", "location_id").distinct()
    kept = kept.join(F.broadcast(places.select(F.explode("open").alias("location_id"))), "location_id", "left_semi")
    return days.join(kept, ["item_id", "location_id"], "left_semi")


def _added_up(parts: DataFrame, *key: str) -> DataFrame:
    sums = [F.sum(name).alias(name) for name in AMOUNTS]
    # The last count that there is: a part that became known later may bring none.
    counted = F.when(F.col("on_hand").isNotNull(), F.col("known_day"))
    return parts.groupBy(*key).agg(*sums, F.max_by("on_hand", counted).alias("on_hand"))


def store_days(days: DataFrame) -> pd.DataFrame:
    """What the whole store sold on each day, on the driver: as many rows as the store has days. Units are those wanted:
    one slip that was taken back at once would move the store's level in every item's features."""
    sold = days.where(F.col("lines") > 0).withColumn("units", F.col("units") - F.col("withdrawn"))
    sums = [F.sum(name).alias(name) for name in ("lines", "units")]
    return sold.groupBy("day").agg(*sums, F.count(F.lit(1)).alias("items")).orderBy("day").toPandas()


def with_facts(
    days: DataFrame,
    item: DataFrame,
    campaigns: DataFrame,
    prices: DataFrame,
    as_of: date,
    items: DataFrame | None = None,
) -> DataFrame:
    """Item-days, of wholes and of places, and beneath them a row (``day`` null) for each item
    with what the catalogue, the ``campaigns`` (:func:`jobs.features.campaigns.campaigns`) and the ``prices``
    (:func:`jobs.features.list_prices.list_prices`) say; also for items launched in the last 28 days or tomorrow that
    have not sold yet. When each will end the catalogue (``items``) tells where it is given."""
    since = F.date_sub(F.lit(as_of), NEW_DAYS)
    is_launched = item.where(F.col("is_active") & F.col("available_from").between(since, F.date_add(F.lit(as_of), 1)))
    known = days.select("item_id").union(is_launched.select("item_id")).distinct()
    # What is no longer sold is ended; what is not sold yet is not.
    has_begun = F.coalesce(F.col("available_from") <= F.lit(as_of), F.lit(True))
    listed = item.select(
        "item_id", "title", "category", "available_from", (~F.col("is_active") & has_begun).alias("is_ended")
    )
    facts = known.join(listed, "item_id", "left")
    if items is not None:
        facts = facts.join(items.select("item_id", "discontinued_on"), "item_id", "left")
    for name, told in {"campaigns": campaigns, "prices": prices}.items():
        span = F.concat_ws("/", *[F.coalesce(F.col(part).cast("string"), F.lit("")) for part in SPANS[name]])
        of_item = told.groupBy("item_id").agg(F.sort_array(F.collect_set(span)).alias(name))
        facts = facts.join(of_item, "item_id", "left")
    return days.unionByName(facts, allowMissingColumns=True)


def with_unlisted(item: DataFrame, items_changes: DataFrame) -> DataFrame:
    """``item`` in which what the catalogue never listed is active: unlike what it dropped, such an item ends only when
    it no longer sells."""
    listed = items_changes.select("item_id", F.lit(True).alias("_was_listed")).distinct()
    is_active = F.col("is_active") | F.col("_was_listed").isNull()
    return item.join(listed, "item_id", "left").withColumn("is_active", is_active).drop("_was_listed")


def dense(rows: pd.DataFrame, of: Calendar) -> History:
    """The history of the items of a frame of :func:`with_facts`, wholes raised by what their places lacked."""
    is_fact = rows["day"].isna()
    facts, days = rows[is_fact], rows[~is_fact]
    told = {}
    for name, parts in SPANS.items():
        texts = facts[["item_id", name]].explode(name).dropna()
        spans = [text.split("/") for text in texts[name]]
        told[name] = pd.DataFrame(spans, columns=list(parts)).assign(item_id=texts["item_id"].to_numpy())
    return raised(history(days.assign(day=pd.to_datetime(days["day"])), of, facts, **told))


def calendar_of(days: DataFrame, store: Store, as_of: date) -> Calendar:
    """The store's calendar as of a day, with the horizon that its period has."""
    return calendar(store_days(days), store, as_of, HORIZON_DAYS[store.period])


def series_count(days: DataFrame) -> int:
    """How many items (at a place) ever sold. Of a long tail few sell on any one day, but a forecast holds the history
    of all."""
    return days.select("item_id", "location_id").distinct().count()
