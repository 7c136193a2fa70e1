"""One table's rows of one batch of days, on their way from cast text to a commit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import date, timedelta

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.lib import contracts, mappings, quality
from jobs.lib.stages import Night
from jobs.lib.tables import SUPERSEDED
from jobs.validated import arrivals, deliveries, events, order_lines, rules
from jobs.validated.arrivals import Span
from jobs.validated.rules import Finding

RESULTS = "quality.results"
LINEAGE = ("_file", "_file_version", "_row")
MARKS = ("is_bot", "is_test", "is_product", "is_cancellation")


class Batch(AbstractContextManager):
    """The rows of ``validated.<table>`` that a run makes of what became known on ``span``'s days.

    Spark computes a frame again each time it is asked; those that several steps read are kept until the block ends.
    """

    def __init__(self, night: Night, table: str, cast: DataFrame, reads: Sequence[str], span: Span) -> None:
        self.night, self.table, self.reads, self.span = night, table, reads, span
        self.contract = contracts.load(f"validated.{table}")
        self.columns = self.contract.schema().fieldNames()
        self._kept: list[DataFrame] = []
        self.rows = self._keep(_judged(cast, self.contract, night.store.currency))
        self.known = known_before(night, self.contract.name, span)
        self.snapshots = arrivals.snapshot_days(night, [night.store.sources[name] for name in reads], span)
        self.settled = self._keep(self._settled())
        self.accepted = self._keep(self._cleaned())

    def __exit__(self, *error: object) -> None:
        for frame in self._kept:
            frame.unpersist()

    def summary(self) -> str:
        """What the batch wrote, for the log."""
        return f"{self._written:,} rows"

    def judged(self) -> list[Finding]:
        """Everything that was found: row rules day by day, counts, and the table rules of the night's own day."""
        return [*self._row_findings(), *self._counts(), *self._table_findings()]

    def keep_findings(self, findings: list[Finding]) -> None:
        """Writes quality.results and the quarantine of the batch's days, in place of what an earlier run found."""
        tables, name = self.night.tables, self.contract.name
        tables.replace_where(RESULTS, rules.frame(self.night.spark, findings), self.span.condition(name), rows=len(findings))
        broken = self.rows.where("_is_broken").select("*", F.explode("_critical").alias("_rule"))
        quarantined = broken.select(
            F.col("_file").alias("file"),
            F.col("_file_version").alias("file_version"),
            F.col("_row").alias("row"),
            F.col("_rule.column").alias("column"),
            F.col("_rule.rule").alias("rule"),
            F.col("_rule.value").alias("value"),
            "known_day",
        )
        tables.replace_where(f"quarantine.{self.table}", quarantined.coalesce(1), self.span.condition())

    def commit(self) -> None:
        """Replaces the table's days by the accepted rows, one commit, and what they supersede by another before it."""
        tables, name = self.night.tables, self.contract.name
        if self.contract.history == "events":
            gone = self.settled.where(F.col("_until").isNotNull() & ~F.col("_is_repeat") & self.span.holds("_until"))
            gone = gone.where(F.col("_until") > F.col("known_day")).select(
                F.lit(name).alias("table"), row_key(self.contract).alias("row_key"), F.col("_until").alias("known_day"), *LINEAGE
            )
            tables.replace_where(SUPERSEDED, gone.coalesce(1), self.span.condition(name))
        ordered = self.accepted.repartition("known_day").sortWithinPartitions("known_day", *self.contract.key)
        self._written = tables.replace_where(name, ordered, self.span.condition()).rows

    def _keep(self, frame: DataFrame) -> DataFrame:
        self._kept.append(frame.persist())
        return self._kept[-1]

    def _settled(self) -> DataFrame:
        good = self.rows.where(~F.col("_is_broken")).select(*self.columns)
        if self.contract.history == "versions":
            broken = self.rows.where("_is_broken").select(*self.contract.key, "known_day")
            return deliveries.settled_versions(good, self.known, self.contract, self.snapshots, broken)
        if self.table == "order_lines":
            twice = order_lines.sent_twice(good, self.known)
            self.twice = self._keep(good.join(twice, ["order_id", "_file", "_file_version"], "left_semi"))
            good = good.join(twice, ["order_id", "_file", "_file_version"], "left_anti").select(*self.columns)
        return deliveries.settled_events(good, self.known, self.contract, arrivals.versions(self.night, self.reads, self.span))

    def _cleaned(self) -> DataFrame:
        """The rows to write, in the contract's columns; a row replaced on the day it came was never known."""
        new = self.settled.where(~F.col("_is_repeat"))
        if self.contract.history == "versions":
            return new.select(*self.columns)
        new = new.where(F.col("_is_new") & (F.col("_until").isNull() | (F.col("_until") > F.col("known_day"))))
        if self.table == "order_lines":
            touched = self.settled.where(~F.col("_is_new")).select(*LINEAGE, *self.contract.key, "_until")
            past = self.known.join(touched, [*LINEAGE, *self.contract.key], "left").select(*self.columns, "_until")
            return order_lines.order_lines(new.select(*self.columns, "_until"), past).select(*self.columns)
        if self.table == "events":
            return events.events(new.select(*self.columns), self._lately(events.PARAMS.memory_days))
        return new.select(*self.columns)

    def _lately(self, days: int) -> DataFrame:
        """Rows as they were known on the ``days`` before the batch, whatever became of them since."""
        stored = self.night.tables.raw(self.contract.name)
        if stored is None:
            return self.night.spark.createDataFrame([], self.contract.schema())
        since = self.span.first - timedelta(days=days)
        return stored.where(F.col("known_day").between(F.lit(since), F.lit(self.span.before))).select(*self.columns)

    def _row_findings(self) -> list[Finding]:
        """A finding for each rule that some row of a day broke; rows are never shown."""
        totals = {row["known_day"]: row["rows"] for row in self.rows.groupBy("known_day").agg(F.count(F.lit(1)).alias("rows")).collect()}
        every = self.rows.select("known_day", F.explode(F.concat("_critical", "_told")).alias("rule"))
        counted = every.groupBy("known_day", "rule.rule", "rule.column", "rule.severity").agg(F.count(F.lit(1)).alias("broken"))
        self.totals = totals
        return [
            Finding(
                self.contract.name, row["known_day"], row["rule"], row["column"] or "", row["severity"], totals[row["known_day"]],
                row["broken"], f"{row['broken']} of {totals[row['known_day']]} rows", None, False,
            )
            for row in counted.collect()
        ]  # fmt: skip

    def _counts(self) -> list[Finding]:
        """What was found and kept out of learning, or not taken in twice, by day."""
        repeats = self.settled.where("_is_repeat").select("known_day", F.lit("delivered_twice").alias("what"))
        if self.table == "order_lines":
            repeats = repeats.unionByName(self.twice.select("known_day", F.lit("delivered_twice").alias("what")))
        marks: dict[str, Column] = {name: F.col(name) for name in MARKS if name in self.columns}
        if "is_product" in marks:
            marks["is_product"] = ~F.col("is_product")
        if "cancels_order_id" in self.columns:
            marks["paired_cancellation"] = F.col("cancels_order_id").isNotNull()
        if "is_deleted" in self.columns:
            marks["is_deleted"] = F.col("is_deleted")
        named = {"is_bot": "bots", "is_test": "tests", "is_product": "no_products", "is_cancellation": "cancellations", "is_deleted": "gone"}
        found = [F.when(marked, F.lit(named.get(name, name))) for name, marked in marks.items()]
        flagged = self.accepted.select("known_day", F.explode(F.array_compact(F.array(*found))).alias("what")) if found else None
        every = repeats.unionByName(flagged) if flagged is not None else repeats
        counted = every.groupBy("known_day", "what").agg(F.count(F.lit(1)).alias("rows")).collect()
        return [
            Finding(
                self.contract.name, row["known_day"], row["what"], "", "count", self.totals.get(row["known_day"], 0), row["rows"],
                f"{row['rows']} rows", None, False,
            )
            for row in counted
        ]  # fmt: skip

    def _table_findings(self) -> list[Finding]:
        """The rules about the night's own day; none of them looks at the history loaded with it."""
        night, contract, day = self.night, self.contract, self.night.as_of
        todays = self.accepted.where(F.col("known_day") == F.lit(day))
        quarantined = self.rows.where("_is_broken").where(F.col("known_day") == F.lit(day)).count()
        findings = rules.quarantined_share(contract, day, self.totals.get(day, 0), quarantined)
        findings += self._of_events(todays) if contract.history == "events" else self._of_snapshot()
        for column, reference in contract.limits.references.items():
            if reference.table.split(".", 1)[1] in night.store.mappings:
                findings += rules.reference(contract, day, column, todays, self._referred(reference.table, column))
        return [*findings, *self._plain()]

    def _of_events(self, todays: DataFrame) -> list[Finding]:
        night, contract, day = self.night, self.contract, self.night.as_of
        delivered: dict[date, int] = {}
        for name in self.reads:
            delivered |= arrivals.delivered_days(night, name, day - timedelta(days=60))
        findings = rules.missing_day(contract, night.store, day, delivered)
        if day not in delivered:
            return findings
        limits = contract.limits.volume
        since = day - timedelta(days=14 * limits.weeks) if limits else day
        counts = _by_day(self.accepted, since)
        for past, rows in _by_day(self.known, since).items():
            counts[past] = counts.get(past, 0) + rows
        newest = todays.agg(F.max(contract.event_day)).first()[0] if contract.event_day else None
        findings += rules.volume(contract, night.store, day, counts)
        findings += rules.freshness(contract, day, newest, counts.get(day, 0))
        if rules.is_open(night.store, day):
            results = quality.check(todays, contract, full=True)
            findings += [_finding(result, day) for result in results]
        return findings

    def _of_snapshot(self) -> list[Finding]:
        day = self.night.as_of
        if not self.snapshots or day not in self.snapshots:
            return []
        keys = self.rows.where((F.col("known_day") == F.lit(day)) & ~F.col("_is_broken")).select(*self.contract.key).distinct().count()
        return rules.snapshot_share(self.contract, day, keys, self.known.count())

    def _referred(self, table: str, column: str) -> DataFrame:
        known = self.night.tables.pinned({}).raw(table)
        if known is None:
            return self.night.spark.createDataFrame([], contracts.load(table).schema())
        return known.where(F.col("known_day") <= F.lit(self.night.as_of))

    def _plain(self) -> list[Finding]:
        """Schema, nulls and keys of the whole batch: a key may come again on a later day, as a correction."""
        dated = replace(self.contract, key=(*self.contract.key, "known_day"), checks=())
        return [_finding(result, self.night.as_of) for result in quality.check(self.accepted, dated, full=False) if result.is_broken]


def row_key(contract: contracts.Contract) -> Column:
    """A row's key as one text."""
    return F.concat_ws("\x1f", *[F.col(name).cast("string") for name in contract.key])


def known_before(night: Night, name: str, span: Span) -> DataFrame:
    """The rows that stood before the batch: of versions the last of each key, of events those not superseded by then."""
    contract = contracts.load(name)
    before = span.before
    stored = night.tables.raw(name)
    if stored is None or contract.history == "versions":
        return night.tables.read(name, before)
    known = stored.where(F.col("known_day") <= F.lit(before)).select(*contract.schema().fieldNames())
    replaced = night.tables.raw(SUPERSEDED)
    if replaced is None:
        return known
    gone = replaced.where((F.col("table") == name) & (F.col("known_day") <= F.lit(before))).select(*LINEAGE, "row_key")
    return known.withColumn("row_key", row_key(contract)).join(gone, [*LINEAGE, "row_key"], "left_anti").drop("row_key")


def _judged(cast: DataFrame, contract: contracts.Contract, currency: str) -> DataFrame:
    """``cast`` with ``_critical`` and ``_told``, arrays of (column, rule, severity, value), and ``_is_broken``."""
    judged = quality.broken(cast, contract)
    unread = F.transform(mappings.UNCAST, lambda entry: entry["column"])
    # What could not be read is null now, and that it may not be null is no second finding.
    rest = F.filter(
        quality.BROKEN, lambda entry: ~(entry["rule"].contains("to_not_be_null") & F.array_contains(unread, entry["column"]))
    )
    found = F.concat(mappings.UNCAST, F.transform(rest, _with_value(contract)), *_store_currency(contract, currency))
    judged = judged.withColumn("_found", found.cast(mappings.UNCAST_TYPE)).drop(mappings.UNCAST, quality.BROKEN)
    judged = judged.withColumn("_is_good", F.size(F.filter("_found", _is_critical)) == 0)
    once = F.col("_is_good") & deliveries.ambiguous(contract, "_is_good")
    twice = F.when(once, F.array(F.struct(*_entry("unique_key", contract.key[0], None)))).otherwise(F.array())
    critical = F.concat(F.filter("_found", _is_critical), twice.cast(mappings.UNCAST_TYPE))
    told = F.filter("_found", lambda entry: entry["severity"] == "warning")
    return judged.withColumns({"_critical": critical, "_told": told}).withColumn("_is_broken", F.size("_critical") > 0).drop("_found", "_is_good")


def _is_critical(entry: Column) -> Column:
    return entry["severity"] == "critical"


def _with_value(contract: contracts.Contract) -> Callable[[Column], Column]:
    """Adds to an entry of a broken rule what stood in its column, where nothing personal can stand there."""
    shown = [column.name for column in contract.own_columns if column.privacy == "none"]
    values = F.create_map(*[part for name in shown for part in (F.lit(name), F.col(name).cast("string"))])
    return lambda entry: F.struct(
        entry["column"].alias("column"),
        entry["rule"].alias("rule"),
        entry["severity"].alias("severity"),
        F.try_element_at(values, entry["column"]).alias("value"),
    )


def _store_currency(contract: contracts.Contract, currency: str) -> list[Column]:
    """Amounts in another currency than the store's cannot be added to the others."""
    if "currency" not in contract.columns:
        return []
    other = F.array(F.struct(*_entry("store_currency", "currency", F.col("currency"))))
    return [F.when(F.col("currency") != currency, other).otherwise(F.array()).cast(mappings.UNCAST_TYPE)]


def _entry(rule: str, column: str, value: Column | None) -> list[Column]:
    shown = value if value is not None else F.lit(None).cast("string")
    return [F.lit(column).alias("column"), F.lit(rule).alias("rule"), F.lit("critical").alias("severity"), shown.alias("value")]


def _by_day(frame: DataFrame, since: date) -> dict[date, int]:
    counted = frame.where(F.col("known_day") >= F.lit(since)).groupBy("known_day").agg(F.count(F.lit(1)).alias("rows"))
    return {row["known_day"]: row["rows"] for row in counted.collect()}


def _finding(result: quality.Result, day: date) -> Finding:
    return Finding(
        result.table, day, result.rule, result.column or "", result.severity, result.rows, result.broken or int(result.is_broken),
        result.observed, result.limit, result.is_broken,
    )  # fmt: skip
