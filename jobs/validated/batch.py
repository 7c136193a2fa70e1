"""One table's rows of one batch of days, on their way from cast text to a commit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

from pyspark import StorageLevel
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.lib import contracts, quality
from jobs.lib.tables import SUPERSEDED, row_key
from jobs.validated import arrivals, deliveries, events, judgement, order_lines, rules
from jobs.validated.arrivals import Arrivals
from jobs.validated.rules import Finding

LINEAGE = ("_file", "_file_version", "_row")
ACCEPTED = "accepted"


class Batch:
    """The rows of ``validated.<table>`` that a run makes of what became known on the batch's days.

    Spark computes a frame again each time it is asked; those that several steps read are kept.
    """

    def __init__(self, came: Arrivals, table: str, cast: DataFrame, reads: Sequence[str]) -> None:
        self.night, self.span, self.came, self.table, self.reads = came.night, came.span, came, table, reads
        self.contract = contracts.load(f"validated.{table}")
        self.columns = self.contract.schema().fieldNames()
        self.rows = self._keep(judgement.judged(cast, self.contract, self.night.store.currency))
        # What stood before the batch. A row dated after its own known day is one that the batch may repeat or correct.
        self.known = self.night.tables.read(self.contract.name, self.span.before, dated=False)
        self.snapshots = came.snapshot_days([self.night.store.sources[name] for name in reads])
        self.settled = self._keep(self._settled())
        self.accepted = self._keep(self._cleaned())
        self.received: dict[date, tuple[int, int]] = {}
        self.counts: dict[tuple[date, str], tuple[int, date | None]] = {}

    @property
    def accepted_rows(self) -> int:
        """Rows that the batch writes."""
        return sum(rows for (_, what), (rows, _) in self.counts.items() if what == ACCEPTED)

    @property
    def quarantined_rows(self) -> int:
        """Rows of the batch that broke a critical row rule."""
        return sum(quarantined for _, quarantined in self.received.values())

    def judged(self) -> list[Finding]:
        """Everything that was found: row rules day by day, counts, and the table rules of the night's own day."""
        return [*self._row_findings(), *self._counts(), *self._table_findings()]

    def quarantine(self) -> None:
        """Writes ``quarantine.<table>`` of the batch's days in place of what an earlier run wrote."""
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
        self._log_rows(f"quarantine.{self.table}", quarantined, self.span.condition, self.quarantined_rows)

    def commit(self) -> None:
        """Replaces the table's days by the accepted rows, one commit, and what they supersede by another before it."""
        name = self.contract.name
        if self.contract.history == "events":
            gone = self._superseded().select(
                F.lit(name).alias("table"),
                row_key(self.contract).alias("row_key"),
                F.col("_until").alias("known_day"),
                *LINEAGE,
            )
            rows = sum(rows for (_, what), (rows, _) in self.counts.items() if what == "superseded")
            self._log_rows(SUPERSEDED, gone, f"{self.span.condition} AND `table` = '{name}'", rows)
        self.night.tables.replace_where(name, self.accepted, self.span.condition, rows=self.accepted_rows)

    def _log_rows(self, name: str, frame: DataFrame, condition: str, rows: int) -> None:
        """Replaces the rows under ``condition``; on most nights there are none before and none after, and no commit."""
        present = self.night.tables.raw(name)
        if rows or (present is not None and not present.where(condition).isEmpty()):
            self.night.tables.replace_where(name, frame, condition, rows=rows)

    def _superseded(self) -> DataFrame:
        gone = self.settled.where(F.col("_until").isNotNull() & ~F.col("_is_repeat") & self.span.holds("_until"))
        return gone.where(F.col("_until") > F.col("known_day"))

    def _keep(self, frame: DataFrame) -> DataFrame:
        """The frame's rows, read once. A cached plan would be compared with every later query of the batch, which cost
        more than the queries themselves; a local checkpoint forgets how its rows came about."""
        # On a cluster twice: rows that forgot how they came about die with the only executor that has them.
        level = StorageLevel.DISK_ONLY_2 if self.night.settings.is_cluster else StorageLevel.DISK_ONLY
        return frame.localCheckpoint(eager=True, storageLevel=level)

    def _settled(self) -> DataFrame:
        good = self.rows.where(~F.col("_is_broken")).select(*self.columns)
        if self.contract.history == "versions":
            broken = self.rows.where("_is_broken").select(*self.contract.key, "known_day")
            return deliveries.settled_versions(good, self.known, self.contract, self.snapshots, broken)
        if self.table == "order_lines":
            twice = order_lines.sent_twice(good, self.known).withColumn("_is_again", F.lit(True))
            marked = self._keep(good.join(twice, ["order_id", "_file", "_file_version"], "left"))
            self.twice = marked.where("_is_again")
            good = marked.where(F.col("_is_again").isNull()).select(*self.columns)
        return deliveries.settled_events(good, self.known, self.contract, self.came.versions(self.reads))

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
        stored = self.night.tables.contracted(self.contract.name)
        if stored is None:
            return self.night.spark.createDataFrame([], self.contract.schema())
        since = self.span.first - timedelta(days=days)
        return stored.where(F.col("known_day").between(F.lit(since), F.lit(self.span.before))).select(*self.columns)

    def _row_findings(self) -> list[Finding]:
        """A finding for each rule that some row of a day broke; rows are never shown."""
        by_day = self.rows.groupBy("known_day").agg(
            F.count(F.lit(1)).alias("rows"), F.count_if("_is_broken").alias("broken")
        )
        self.received = {row["known_day"]: (row["rows"], row["broken"]) for row in by_day.collect()}
        every = self.rows.select("known_day", F.explode(F.concat("_critical", "_told")).alias("rule"))
        counted = every.groupBy("known_day", "rule.rule", "rule.column", "rule.severity").agg(
            F.count(F.lit(1)).alias("broken")
        )
        return [
            self._finding(row["known_day"], row["rule"], row["column"] or "", row["severity"], row["broken"])
            for row in counted.collect()
        ]

    def _counts(self) -> list[Finding]:
        """What was taken in by day, what of it is kept out of learning, and what was not taken in twice."""
        event_day = F.col(self.contract.event_day) if self.contract.event_day else F.lit(None)
        found = [F.lit(ACCEPTED), *[F.when(condition, F.lit(name)) for name, condition in self._marks().items()]]
        told = self.accepted.select(
            "known_day",
            event_day.cast("date").alias("newest"),
            F.explode(F.array_compact(F.array(*found))).alias("what"),
        )
        none = F.lit(None).cast("date").alias("newest")
        told = told.unionByName(
            self.settled.where("_is_repeat").select("known_day", none, F.lit("delivered_twice").alias("what"))
        )
        if self.contract.history == "events":
            told = told.unionByName(
                self._superseded().select(F.col("_until").alias("known_day"), none, F.lit("superseded").alias("what"))
            )
        if self.table == "order_lines":
            told = told.unionByName(self.twice.select("known_day", none, F.lit("delivered_twice").alias("what")))
        counted = (
            told.groupBy("known_day", "what")
            .agg(F.count(F.lit(1)).alias("rows"), F.max("newest").alias("newest"))
            .collect()
        )
        self.counts = {(row["known_day"], row["what"]): (row["rows"], row["newest"]) for row in counted}
        return [self._finding(day, what, "", "count", rows) for (day, what), (rows, _) in self.counts.items()]

    def _marks(self) -> dict[str, Column]:
        marks = {
            "bots": ("is_bot", F.col("is_bot")),
            "tests": ("is_test", F.col("is_test")),
            "no_products": ("is_product", ~F.col("is_product")),
            "cancellations": ("is_cancellation", F.col("is_cancellation")),
            "paired_cancellations": ("cancels_order_id", F.col("cancels_order_id").isNotNull()),
            "gone": ("is_deleted", F.col("is_deleted")),
        }
        return {name: condition for name, (column, condition) in marks.items() if column in self.columns}

    def _finding(self, day: date, rule: str, column: str, severity: str, rows: int) -> Finding:
        received = self.received.get(day, (0, 0))[0]
        said = f"{rows} of {received} rows"
        return rules.judged(
            self.contract, day, rule, received, said, None, False, broken=rows, column=column, severity=severity
        )

    def _table_findings(self) -> list[Finding]:
        """The rules about the night's own day; none of them looks at the history loaded with it."""
        contract, day = self.contract, self.night.as_of
        todays = self.accepted.where(F.col("known_day") == F.lit(day))
        findings = rules.quarantined_share(contract, day, *self.received.get(day, (0, 0)))
        findings += self._of_events(todays) if contract.history == "events" else self._of_snapshot()
        for column, reference in contract.limits.references.items():
            if reference.table.split(".", 1)[1] not in self.night.store.mappings:
                continue
            # Where nothing of a table has come yet, nothing can be missing in it.
            if (known := self._referred(reference.table)) is not None:
                findings += rules.reference(contract, day, column, todays, known)
        return findings if self.span.first == day else [*findings, *self._of_batch()]

    def _of_events(self, todays: DataFrame) -> list[Finding]:
        store, contract, day = self.night.store, self.contract, self.night.as_of
        delivered = self.came.delivered(self.reads)
        dated = [name for name in self.reads if name in self.came.days and store.sources[name].known.kind != "always"]
        findings = rules.missing_day(contract, store, day, delivered) if dated else []
        if day not in delivered:
            return findings
        counts = {known: rows for (known, what), (rows, _) in self.counts.items() if what == ACCEPTED}
        since = day - timedelta(days=arrivals.LOOK_BACK)
        for past, rows in _by_day(self.known, since).items():
            counts[past] = counts.get(past, 0) + rows
        rows, newest = self.counts.get((day, ACCEPTED), (0, None))
        findings += rules.volume(contract, store, day, counts)
        lag = max((store.sources[name].known.lag_days for name in self.reads), default=0)
        findings += rules.freshness(contract, store, day, newest, rows, lag)
        # Of a day without any row volume judges; a small shop may have one.
        if rules.is_open(store, day) and rows:
            findings += [_found(result, day) for result in quality.check(todays, contract, full=True)]
        return findings

    def _of_snapshot(self) -> list[Finding]:
        day = self.night.as_of
        if not self.snapshots or day not in self.snapshots:
            return []
        keys = (
            self.rows.where((F.col("known_day") == F.lit(day)) & ~F.col("_is_broken"))
            .select(*self.contract.key)
            .distinct()
            .count()
        )
        sources = self.night.store.sources
        delivered = self.came.delivered([name for name in self.reads if sources[name].delivers == "snapshot"])
        _, before = max(((past, rows) for past, rows in delivered.items() if past < day and rows), default=(day, 0))
        return rules.snapshot_share(self.contract, day, keys, self.known.count(), before)

    def _referred(self, table: str) -> DataFrame | None:
        """All rows of a table that are known by the night; None where there are none."""
        known = self.night.tables.pinned({}).raw(table)
        if known is None:
            return None
        found = known.where(F.col("known_day") <= F.lit(self.night.as_of))
        return None if found.isEmpty() else found

    def _of_batch(self) -> list[Finding]:
        """Schema, nulls and keys of the days before: a key may come again on a later day, as a correction."""
        dated = replace(self.contract, key=(*self.contract.key, "known_day"), checks=())
        return [
            _found(result, self.night.as_of)
            for result in quality.check(self.accepted, dated, full=False)
            if result.is_broken
        ]


def _by_day(frame: DataFrame, since: date) -> dict[date, int]:
    counted = frame.where(F.col("known_day") >= F.lit(since)).groupBy("known_day").agg(F.count(F.lit(1)).alias("rows"))
    return {row["known_day"]: row["rows"] for row in counted.collect()}


def _found(result: quality.Result, day: date) -> Finding:
    return Finding(
        result.table, day, result.rule, result.column or "", result.severity, result.rows,
        result.broken or int(result.is_broken), result.observed, result.limit, result.is_broken,
    )  # fmt: skip
