"""The rows of the files that were taken, as the frame that one commit appends to ``landed.<source>``.

Read in Spark tasks, a block of a file at a time. The file's own row (row 0) comes last and only when the bytes are
still those that were looked at; rows with a card number never leave the task.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta

import pyarrow as pa
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.pandas.types import from_arrow_schema

from jobs.landed import cards
from jobs.landed.decisions import Taken
from jobs.landed.looks import tasks
from jobs.landed.rows import Delivered
from jobs.lib.mappings import ZONED
from jobs.lib.objects import Object, ObjectStore
from jobs.lib.stores import Known, Source

CHANGED = "changed while it was being landed"
TASK = pa.schema(
    [
        ("file", pa.string()),
        ("version", pa.int32()),
        ("sha256", pa.string()),
        ("modified_at", pa.timestamp("us", "UTC")),
        ("known_day", pa.date32()),
    ]
)
# What a task adds to the text columns; _received_at and the days that rows tell are added to the frame.
ADDED = (
    ("_file", pa.string()),
    ("_file_version", pa.int32()),
    ("_sha256", pa.string()),
    ("_row", pa.int64()),
    ("_rows", pa.int64()),
    ("_bytes", pa.int64()),
    ("_modified_at", pa.timestamp("us", "UTC")),
    ("_columns", pa.list_(pa.string())),
    ("_known_day", pa.date32()),
)


def columns_of(taken: Sequence[Taken], present: Sequence[str]) -> list[str]:
    """The text columns of a commit: ``present`` ones (of the table, or of store.yml) under their spelling, then new
    ones as they come."""
    columns: dict[str, str] = {}
    for name in present:
        columns.setdefault(name.casefold(), name)
    for one in taken:
        for name in one.look.columns:
            columns.setdefault(name.casefold(), name)
    return list(columns.values())


def rows_of(
    spark: SparkSession,
    place: ObjectStore,
    source: Source,
    taken: Sequence[Taken],
    files: dict[str, Object],
    columns: Sequence[str],
) -> DataFrame:
    """One row per data row and one per file, ``columns`` and landing's own; ``_known_day`` null where rows tell it."""
    listed = [files[one.look.file] for one in taken]
    facts = [
        (one.look.file, one.version, one.look.sha256, file.modified_at, one.known_day)
        for one, file in zip(taken, listed, strict=True)
    ]
    frame = spark.createDataFrame(facts, from_arrow_schema(TASK)).repartition(tasks(listed))
    schema = pa.schema([(name, pa.string()) for name in columns] + list(ADDED))
    return frame.mapInArrow(_lander(place, source, tuple(columns), schema), from_arrow_schema(schema))


def dated(
    frame: DataFrame, known: Known, zone: str, as_of: date, closed: date | None, received_at: datetime
) -> DataFrame:
    """The frame with the day from which each row counts: what its file told, else what the row tells, else ``as_of``;
    never a day whose night is closed. ``zone`` is the store's."""
    day = F.col("_known_day")
    if known.column is not None:
        told = F.when(F.col("_row") > 0, F.date_add(_local_day(known, zone), known.lag_days))
        day = F.coalesce(day, told, F.lit(as_of))
    if closed is not None:
        day = F.greatest(day, F.lit(closed + timedelta(days=1)))
    return frame.withColumn("_known_day", day).withColumn("_received_at", F.lit(received_at))


def _local_day(known: Known, zone: str) -> Column:
    """The store's day of the moment that a row's text tells; null where it tells none. A moment that names its zone
    is taken as such, any other as the store's own clock. A week's number tells the week's last day."""
    text = F.trim(F.col(f"`{known.column}`"))
    if known.first_week is not None:
        before = known.first_week - timedelta(days=1)
        return F.date_add(F.lit(before), 7 * text.try_cast("int"))
    if known.format is None:
        moment = text.try_cast("timestamp")
    else:
        moment = F.try_to_timestamp(text, F.lit(known.format))
        if set(known.format) & set("XxZVOz"):
            return F.from_utc_timestamp(moment, zone).cast("date")
    return F.when(text.rlike(ZONED), F.from_utc_timestamp(moment, zone)).otherwise(moment).cast("date")


def _lander(
    place: ObjectStore, source: Source, columns: tuple[str, ...], schema: pa.Schema
) -> Callable[[Iterable[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    def run(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for task in batch.to_pylist():
                yield from _landed(place, source, columns, schema, task)

    return run


def _landed(
    place: ObjectStore, source: Source, columns: tuple[str, ...], schema: pa.Schema, task: dict
) -> Iterator[pa.RecordBatch]:
    """The rows of one file, its own row last. Raises when its bytes are not those that were looked at."""
    delivered = Delivered(lambda: place.open(task["file"]), source)
    exempt, before = frozenset(name.casefold() for name in source.ids), 0
    fixed = {
        "_file": task["file"],
        "_file_version": task["version"],
        "_sha256": task["sha256"],
        "_known_day": task["known_day"],
    }
    for batch in delivered.batches():
        numbers = range(before + 1, before + batch.num_rows + 1)
        before += batch.num_rows
        if batch.num_rows:
            refused = {index for index, _ in cards.found_in(batch, exempt)}
            full = _filled(batch, columns, schema, {**fixed, "_row": pa.array(numbers, pa.int64())})
            kept = pa.array([index for index in range(batch.num_rows) if index not in refused]) if refused else None
            yield full if kept is None else full.take(kept)
    if delivered.sha256 != task["sha256"]:
        raise RuntimeError(f"{task['file']} {CHANGED}")
    own = {"_row": 0, "_rows": delivered.rows, "_bytes": delivered.bytes, "_modified_at": task["modified_at"]}
    yield pa.RecordBatch.from_pylist([{**fixed, **own, "_columns": list(delivered.required)}], schema=schema)


def _filled(batch: pa.RecordBatch, columns: tuple[str, ...], schema: pa.Schema, values: dict) -> pa.RecordBatch:
    """A batch in the commit's columns: the file's text where it has the column, a value for all rows, or nulls."""
    places = {name.casefold(): place for place, name in enumerate(batch.schema.names)}
    arrays = []
    for field in schema:
        place = places.get(field.name.casefold()) if field.name in columns else None
        value = values.get(field.name)
        if place is not None:
            arrays.append(batch.column(place))
        elif isinstance(value, pa.Array):
            arrays.append(value)
        elif value is None:
            arrays.append(pa.nulls(batch.num_rows, field.type))
        else:
            arrays.append(pa.repeat(pa.scalar(value, field.type), batch.num_rows))
    return pa.RecordBatch.from_arrays(arrays, schema=schema)
