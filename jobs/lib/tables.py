"""The only door to Delta: tables by name, read as of a day, replaced by whole days, each only after its contract held.

A table's name is ``layer.table`` and its place ``<lake>/<store>/<layer>/<table>``. What a run wrote is remembered
and becomes the stage's completion (:mod:`jobs.lib.lineage`) once all of it is there.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from functools import reduce
from threading import Lock

from pyspark.errors import AnalysisException
from pyspark.sql import Column, DataFrame, Row, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.window import Window

from jobs.lib import contracts, delta, quality
from jobs.lib.contracts import Contract
from jobs.lib.errors import DaybreakError, RuleBroken

SUPERSEDED = "validated.superseded"
# What names a validated row: its place in the delivery, and its key where one delivered row became several.
REPLACED = ("_file", "_file_version", "_row", "row_key")
# Files are named by their days: yesterday's file, sent again beside today's, does not undo today's.
FILE_ORDER = ("known_day", "_file", "_file_version", "_row")


@dataclass(frozen=True)
class Written:
    """One committed write: the table, the Delta version it made and the rows of the days written."""

    table: str
    version: int
    rows: int


@dataclass
class Tables:
    """The tables of one store's lake. ``pins`` are the versions that a night's earlier stages completed with;
    tables not among them are read as they are now."""

    spark: SparkSession
    lake: str
    store: str
    pins: Mapping[str, int] = field(default_factory=dict)
    written: list[Written] = field(default_factory=list)
    made: dict[str, DataFrame] = field(default_factory=dict)
    kept: dict[str, DataFrame] = field(default_factory=dict)
    # Tables are built two at a time, and both may log to the same one.
    writers: dict[str, Lock] = field(default_factory=lambda: defaultdict(Lock))

    def pinned(self, pins: Mapping[str, int]) -> Tables:
        """The same lake read at these versions, with a list of writes of its own."""
        return replace(self, pins=dict(pins), written=[], made={}, kept={})

    @contextmanager
    def keeping(self, names: Iterable[str]) -> Iterator[None]:
        """Reads these tables from their files once for as long as the block lasts."""
        loaded = {name: self.contracted(name) for name in names}
        self.kept = {name: frame.persist() for name, frame in loaded.items() if frame is not None}
        try:
            yield
        finally:
            while self.kept:
                self.kept.popitem()[1].unpersist()

    def make(self, name: str, frame: DataFrame, day: date) -> None:
        """Lets this view read ``frame`` as the day's table ``name``, without writing it anywhere; see ``release``."""
        self.made[name] = _shaped(frame, contracts.load(name), day).persist()

    def release(self) -> None:
        """Gives back the memory of what was made."""
        while self.made:
            self.made.popitem()[1].unpersist()

    def path(self, name: str) -> str:
        """Where a table lies."""
        layer, table = name.split(".", 1)
        root = self.lake.replace("s3://", "s3a://", 1)
        return f"{root}/{self.store}/{layer}/{table}"

    def exists(self, name: str) -> bool:
        """Whether the table has been written at least once."""
        return self.raw(name) is not None

    def known(self, names: Iterable[str], as_of: date) -> set[str]:
        """Those of these tables of which any row was known by the end of ``as_of``, be it one that says deleted."""
        found = {name: self.contracted(name) for name in names}
        firsts = [
            frame.where(F.col("known_day") <= F.lit(as_of)).limit(1).select(F.lit(name).alias("name"))
            for name, frame in found.items()
            if frame is not None
        ]
        return {row["name"] for row in reduce(DataFrame.unionByName, firsts).collect()} if firsts else set()

    def read(self, name: str, as_of: date, since: date | None = None, dated: bool = True) -> DataFrame:
        """What was known of a table by the end of ``as_of``, in the contract's columns; empty where nothing was.

        ``history: events``: rows known and dated by then and not superseded by then, those dated ``since`` or later;
        without ``dated`` also rows known by then that are dated later.
        ``history: versions``: the last row known of each key, unless it says deleted.
        ``history: daily``: the rows of that day's run.
        """
        if name in self.made:
            return self.made[name]
        contract = contracts.load(name)
        frame = self.kept.get(name) or self.contracted(name)
        if frame is None:
            return self.spark.createDataFrame([], contract.schema())
        if contract.history == "daily":
            return frame.where(F.col("as_of") == F.lit(as_of))
        known = frame.where(F.col("known_day") <= F.lit(as_of))
        if contract.history == "versions":
            return _latest(known, contract)
        if contract.event_day and dated:
            known = known.where(F.col(contract.event_day) <= F.lit(as_of))
            if since is not None:
                known = known.where(F.col(contract.event_day) >= F.lit(since))
        return self._without_superseded(known, name, as_of) if contract.layer == "validated" else known

    def read_changes(self, name: str, after: date | None, through: date) -> DataFrame:
        """What changed in an events table by what became known after ``after`` (None: ever) and by ``through``.

        Its new rows with ``_sign`` +1, the rows superseded in those days with -1 and the day of their replacement as
        known_day.
        """
        contract = contracts.load(name)
        columns = contract.schema().fieldNames()
        frame = self.kept.get(name) or self.contracted(name)
        if frame is None:
            return self.spark.createDataFrame([], contract.schema()).withColumn("_sign", F.lit(1))
        new = F.col("known_day") <= F.lit(through)
        if after is not None:
            new &= F.col("known_day") > F.lit(after)
        came = frame.where(new).select(*columns, F.lit(1).alias("_sign"))
        replaced = self._load(SUPERSEDED, self.pins.get(SUPERSEDED))
        if replaced is None:
            return came
        gone = replaced.where((F.col("table") == name) & new).select(*REPLACED, "known_day")
        keyed = frame.drop("known_day").withColumn("row_key", row_key(contract))
        went = keyed.join(gone, list(REPLACED), "inner")
        return came.unionByName(went.select(*columns, F.lit(-1).alias("_sign")))

    def replace_day(
        self, name: str, frame: DataFrame, day: date, first_day: date | None = None, full: bool | None = None
    ) -> Written:
        """Checks ``frame`` against the contract, then puts it in the place of its days, in one commit.

        ``full`` runs the whole suite of expectations (by default for published outputs), otherwise schema, key and
        volume. Raises RuleBroken, with nothing written, when a critical rule does not hold.
        """
        contract = contracts.load(name)
        selected = _shaped(frame, contract, day).persist()
        try:
            wanted = full if full is not None else contract.layer not in ("landed", "validated", "features", "quality")
            results = quality.check(selected, contract, full=wanted)
            for result in results:
                if result.is_broken and result.severity == "critical":
                    raise RuleBroken(
                        name, result.rule, f"column {result.column}: {result.observed} (allowed {result.limit})"
                    )
            return self.replace_where(name, selected, _days(contract.day_column, first_day, day), selected.count())
        finally:
            selected.unpersist()

    def replace_where(self, name: str, frame: DataFrame, condition: str, rows: int) -> Written:
        """One commit that puts the ``rows`` rows of ``frame`` in the place of those that meet ``condition`` (all of
        ``frame`` must)."""
        contract = contracts.load(name)
        with self.writers[name]:
            delta.prepare(self.spark, self._load(name), contract, self.path(name))
            writer = delta.laid_out(frame, contract, rows).write.format("delta").mode("overwrite")
            writer.option("replaceWhere", condition).save(self.path(name))
            return self._remember(name, rows)

    def append_landed(self, source: str, frame: DataFrame, rows: int) -> Written:
        """One commit of new files' rows to ``landed.<source>``, whose text columns grow with the headers that come."""
        name = f"landed.{source}"
        writer = frame.write.format("delta").mode("append").option("mergeSchema", "true")
        if not self.exists(name):
            # Names as in the header: blanks and commas in them are legal only under column mapping.
            # Nobody's name gets into the log as a smallest or largest value; a night finds its own days by these two.
            writer = writer.option("delta.columnMapping.mode", "name")
            writer = writer.option("delta.dataSkippingStatsColumns", "_known_day,_row")
        writer.save(self.path(name))
        return self._remember(name, rows)

    def replace_landed(self, source: str, frame: DataFrame, condition: str, rows: int) -> Written:
        """One commit that puts ``frame``, of which ``rows`` rows are other than before, in the place of the rows of
        ``landed.<source>`` that meet ``condition``; for a repair alone."""
        name = f"landed.{source}"
        frame.write.format("delta").mode("overwrite").option("replaceWhere", condition).save(self.path(name))
        return self._remember(name, rows)

    def read_landed(self, source: str) -> DataFrame | None:
        """All rows of ``landed.<source>``, those of row 0 (a file's own) among them; None before the first file."""
        return self.raw(f"landed.{source}")

    def raw(self, name: str) -> DataFrame | None:
        """A log or ledger table as it is, all rows and columns; None where it is not there yet."""
        return self._load(name, self.pins.get(name))

    def _remember(self, name: str, rows: int) -> Written:
        history = self.spark.sql(f"DESCRIBE HISTORY delta.`{self.path(name)}` LIMIT 1")
        done = Written(name, int(only_row(history.select("version"))[0]), rows)
        self.written.append(done)
        return done

    def _load(self, name: str, version: int | None = None) -> DataFrame | None:
        reader = self.spark.read.format("delta")
        if version is not None:
            reader = reader.option("versionAsOf", version)
        try:
            frame = reader.load(self.path(name))
            frame.schema  # noqa: B018 - Connect resolves lazily: the schema is what fails for a missing table
            return frame
        except AnalysisException as error:
            if not delta.is_missing(error):
                raise
            if version is not None:
                raise DaybreakError(
                    f"{name}: version {version} is no longer kept (retention): run the night's earlier stages again"
                ) from error
            return None

    def contracted(self, name: str) -> DataFrame | None:
        """The contract's columns of a table; one that a table from before it lacks, and that may be null, is null."""
        frame = self._load(name, self.pins.get(name))
        if frame is None:
            return None
        have = set(frame.columns)
        return frame.select(
            *(
                F.lit(None).cast(one.dataType).alias(one.name)
                if one.nullable and one.name not in have
                else F.col(one.name)
                for one in contracts.load(name).schema()
            )
        )

    def _without_superseded(self, frame: DataFrame, name: str, as_of: date) -> DataFrame:
        replaced = self._load(SUPERSEDED, self.pins.get(SUPERSEDED))
        if replaced is None:
            return frame
        gone = replaced.where((F.col("table") == name) & (F.col("known_day") <= F.lit(as_of))).select(*REPLACED)
        keyed = frame.withColumn("row_key", row_key(contracts.load(name)))
        return keyed.join(gone, list(REPLACED), "left_anti").select(*frame.columns)


def row_key(contract: Contract) -> Column:
    """A row's key as one text."""
    return F.concat_ws("\x1f", *[F.col(name).cast("string") for name in contract.key])


def only_row(frame: DataFrame) -> Row:
    """The row of a frame that has exactly one, as an aggregate without groups has."""
    (row,) = frame.collect()
    return row


def content_hash(frame: DataFrame, columns: Iterable[str]) -> str:
    """A hash of the rows whatever their order; floats count to six decimals: equal content, equal hash, anywhere."""
    shown = [_hashable(frame, name) for name in sorted(columns)]
    row = F.xxhash64(*shown)
    total = F.sum(row.cast("decimal(38,0)")).alias("total")
    folded = F.bit_xor(row).alias("folded")
    got = only_row(frame.agg(F.count(F.lit(1)).alias("rows"), total, folded))
    digest = (int(got["total"] or 0) * 1_000_003 + int(got["folded"] or 0) * 7 + int(got["rows"])) % 2**128
    return f"{digest:032x}"


def _hashable(frame: DataFrame, name: str) -> Column:
    kind = frame.schema[name].dataType.typeName()
    value = F.col(f"`{name}`")
    if kind in ("double", "float"):
        value = F.round(value, 6) + F.lit(0.0)
    # xxhash64 passes over nulls: without the marker (1, null) and (null, 1) would be the same row.
    return F.coalesce(value.cast("string"), F.lit("\x00null"))


def _latest(frame: DataFrame, contract: Contract) -> DataFrame:
    newest = Window.partitionBy(*contract.key).orderBy(*[F.col(name).desc() for name in FILE_ORDER])
    last = frame.withColumn("_nth", F.row_number().over(newest)).where(F.col("_nth") == 1).drop("_nth")
    return last.where(~F.col("is_deleted")) if "is_deleted" in contract.columns else last


def _shaped(frame: DataFrame, contract: Contract, day: date) -> DataFrame:
    if contract.day_column == "as_of" and "as_of" not in frame.columns:
        frame = frame.withColumn("as_of", F.lit(day))
    missing = [name for name in contract.schema().fieldNames() if name not in frame.columns]
    if missing:
        raise DaybreakError(f"{contract.name}: the frame lacks {', '.join(missing)}, which {contract.path} promises")
    return frame.select(*[F.col(field.name).cast(field.dataType).alias(field.name) for field in contract.schema()])


def _days(column: str, first_day: date | None, day: date) -> str:
    if first_day is None:
        return f"{column} = DATE'{day}'"
    return f"{column} >= DATE'{first_day}' AND {column} <= DATE'{day}'"
