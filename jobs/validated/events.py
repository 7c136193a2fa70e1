"""Events, cleaned: visitors that behave like machines are marked, from what they did and nothing else.

One row is one thing that a visitor did or was shown. A machine's rows stay, with ``is_bot``, and are kept out of
learning. The signs are those by which web robots are told from people in access logs: sustained click rate, evenness
of the pauses, length of a visit without a pause, breadth without any interest (Tan and Kumar 2002, "Discovery of Web
Robot Sessions Based on their Navigational Patterns"; Stassopoulou and Dikaiakos 2009, "Web robot detection: a
probabilistic reasoning approach"; Doran and Gokhale 2011, "Web robot detection techniques").
"""

from __future__ import annotations

from dataclasses import dataclass

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.window import Window


@dataclass(frozen=True)
class Params:
    """Thresholds, each far beyond what people do, of a visitor's actions on one day (impressions are the site's doing
    and do not count). One sign is enough.

    ``burst``: actions within ``burst_seconds``. ``even_gaps``: at least so many pauses whose standard deviation is at
    most ``even_variation`` of their mean (people's pauses vary by more than their mean). ``visit_hours``: a visit of so
    many hours without a pause of ``pause_seconds``, with at least ``visit_actions``. ``breadth_items``: so many
    different items looked at with neither cart, purchase nor removal, hardly any of them twice (``breadth_share``
    distinct). ``memory_days``: days for which a machine once seen is taken for one.
    """

    burst: int = 45
    burst_seconds: int = 60
    even_gaps: int = 25
    even_variation: float = 0.25
    visit_hours: float = 5.0
    visit_actions: int = 120
    pause_seconds: int = 1800
    breadth_items: int = 150
    breadth_share: float = 0.9
    memory_days: int = 7


PARAMS = Params()
INTEREST = ("cart", "purchase", "remove")
DAY = ("_visitor", "known_day", "event_date")


def events(events: DataFrame, past: DataFrame, params: Params = PARAMS) -> DataFrame:
    """``events`` new to this batch with ``is_bot`` filled.

    ``past``: rows known in the ``memory_days`` before the batch. A row known on day d is judged by its visitor's rows
    known on d that happened on its own day, and by those of the days before: nothing later.
    """
    columns = ["event_at", "event_date", "event_type", "item_id", "known_day"]
    seen = events.select(visitor().alias("_visitor"), *columns).unionByName(
        past.select(visitor().alias("_visitor"), *columns)
    )
    machines = machine_days(seen, params)
    that_day = machines.withColumn("_machine", F.lit(True))
    later = F.sequence(F.date_add("known_day", 1), F.date_add("known_day", params.memory_days))
    remembered = machines.select("_visitor", F.explode(later).alias("known_day"), F.lit(True).alias("_remembered"))
    marked = (
        events.withColumn("_visitor", visitor())
        .join(that_day, ["_visitor", "known_day", "event_date"], "left")
        .join(remembered.distinct(), ["_visitor", "known_day"], "left")
    )
    is_machine = F.coalesce("_machine", "_remembered", F.lit(False))
    return marked.withColumn("is_bot", F.col("is_bot") | is_machine).select(*events.columns)


def visitor() -> Column:
    """Who acts: the browser, else the customer, else the session; null where an event names none."""
    return F.coalesce("visitor_id", "customer_id", "session_id")


def machine_days(seen: DataFrame, params: Params = PARAMS) -> DataFrame:
    """(_visitor, known_day, event_date) of the days on which a visitor behaved like a machine, in what came of a day at
    once: a month that is delivered on one day is thirty days."""
    day = Window.partitionBy(*DAY).orderBy("_ms")
    lately = day.rangeBetween(-1000 * params.burst_seconds + 1, 0)
    acts = seen.where(F.col("_visitor").isNotNull() & (F.col("event_type") != "impression")).withColumn(
        "_ms", F.unix_millis("event_at")
    )
    gap = F.col("_ms") - F.lag("_ms").over(day)
    paced = acts.withColumns({"_gap": gap, "_rate": F.count(F.lit(1)).over(lately)})
    paused = F.coalesce(F.col("_gap") >= 1000 * params.pause_seconds, F.lit(True))
    visits = paced.withColumns({"_paused": paused, "_visit": F.sum(paused.cast("int")).over(day)})
    begun = F.min("_ms").over(Window.partitionBy(*DAY, "_visit"))
    visits = visits.withColumns(
        {
            "_since": F.col("_ms") - begun,
            "_nth": F.row_number().over(Window.partitionBy(*DAY, "_visit").orderBy("_ms")),
        }
    )
    within = F.when(~F.col("_paused"), F.col("_gap"))
    item = F.when(F.col("event_type") == "view", F.col("item_id"))
    long_visit = (F.col("_since") >= 3_600_000 * params.visit_hours) & (F.col("_nth") >= params.visit_actions)
    days = visits.groupBy(*DAY).agg(
        F.max("_rate").alias("rate"),
        F.max(long_visit).alias("is_long"),
        F.count(within).alias("gaps"),
        F.sum(within).alias("gap_sum"),
        F.sum(within * within).alias("gap_squares"),
        F.count(item).alias("views"),
        F.count_distinct(item).alias("items"),
        F.max(F.col("event_type").isin(*INTEREST)).alias("is_interested"),
    )
    return days.where(_is_machine(params)).select(*DAY)


def _is_machine(params: Params) -> Column:
    # Whole milliseconds add up alike in any order; n·Σx² − (Σx)² = n²·variance, against (share · Σx)².
    spread = F.col("gaps").cast("double") * F.col("gap_squares") - F.col("gap_sum").cast("double") * F.col("gap_sum")
    even = (F.col("gaps") >= params.even_gaps) & (
        spread <= (params.even_variation * F.col("gap_sum").cast("double")) ** 2
    )
    broad = (F.col("items") >= params.breadth_items) & (F.col("items") >= params.breadth_share * F.col("views"))
    return F.coalesce(
        (F.col("rate") >= params.burst) | F.col("is_long") | even | (broad & ~F.col("is_interested")), F.lit(False)
    )
