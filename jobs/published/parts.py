"""An output's rows as Parquet objects: written by Spark's tasks, each read back and compared before it counts.

Plain Parquet that pandas, DuckDB and the warehouses read alike. One column needs a word: ``as_of`` stands in the rows
and in the path, and pyarrow reads many files only when both have one type; so the file's is ISO text, as a path's is.
"""

from __future__ import annotations

import hashlib
import math
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from pyspark import TaskContext
from pyspark.sql import DataFrame

from jobs.lib.contracts import Contract
from jobs.lib.errors import DaybreakError
from jobs.lib.objects import ObjectStore, measured

ROWS_PER_PART = 1_000_000
ROWS_PER_GROUP = 100_000

_ARROW = {
    "id": pa.string(),
    "string": pa.string(),
    "int": pa.int32(),
    "long": pa.int64(),
    "double": pa.float64(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us", tz="UTC"),
    "array<string>": pa.list_(pa.string()),
}


@dataclass(frozen=True)
class Part:
    """One object: its key below the product, rows, size in bytes and sha256; ``error`` instead where it failed."""

    key: str
    rows: int
    bytes: int
    sha256: str
    error: str = ""


def write_parts(frame: DataFrame, contract: Contract, rows: int, store: ObjectStore, folder: str) -> list[Part]:
    """Write ``frame`` (``rows`` rows) below ``folder`` in the order of the key; at most about ROWS_PER_PART rows each.

    An empty frame gives one part with a schema and no rows. Raises DaybreakError when an object could not be written
    or reads back as something else.
    """
    schema = arrow_schema(contract)
    if rows == 0:
        parts = list(_written(iter(()), store, folder, schema, 0)) or [_empty(store, folder, schema)]
    else:
        key = [name for name in contract.key if name != "as_of"]
        ordered = frame.select(*schema.names).repartitionByRange(math.ceil(rows / ROWS_PER_PART), *key)
        ordered = ordered.sortWithinPartitions(*key)
        write = partial(_task, store=store, folder=folder, schema=schema)
        shape = "key string, rows long, bytes long, sha256 string, error string"
        parts = [Part(**row.asDict()) for row in ordered.mapInArrow(write, shape).collect()]
    for part in parts:
        if part.error:
            raise DaybreakError(part.error)
    if sum(part.rows for part in parts) != rows:
        raise DaybreakError(
            f"{contract.name}: {rows} rows were to be published, {sum(p.rows for p in parts)} were written."
        )
    return sorted(parts, key=lambda part: part.key)


def arrow_schema(contract: Contract) -> pa.Schema:
    """The types of the published files, in the contract's order of columns."""
    as_of = pa.dictionary(pa.int32(), pa.string())
    types = [(c.name, as_of if c.name == "as_of" else _ARROW[c.type]) for c in contract.columns.values()]
    return pa.schema(types)


def _task(
    batches: Iterator[pa.RecordBatch], store: ObjectStore, folder: str, schema: pa.Schema
) -> Iterator[pa.RecordBatch]:
    context = TaskContext.get()
    try:
        parts = list(_written(batches, store, folder, schema, context.partitionId() if context else 0))
    except DaybreakError as error:  # travels as a value: Spark would bury it in traces of two languages
        parts = [Part("", 0, 0, "", str(error))]
    columns = [[asdict(part)[field.name] for part in parts] for field in fields(Part)]
    types = [pa.string(), pa.int64(), pa.int64(), pa.string(), pa.string()]
    arrays = [pa.array(values, kind) for values, kind in zip(columns, types, strict=True)]
    yield pa.RecordBatch.from_arrays(arrays, names=[field.name for field in fields(Part)])


def _written(
    batches: Iterator[pa.RecordBatch], store: ObjectStore, folder: str, schema: pa.Schema, partition: int
) -> Iterator[Part]:
    """The parts of one task; holds one row group in memory and one part on disk."""
    groups = _groups(batches)
    with tempfile.TemporaryDirectory() as scratch:
        path, group, nth = Path(scratch) / "part.parquet", next(groups, None), 0
        while group is not None:
            rows = 0
            with pq.ParquetWriter(path, schema) as writer:
                while group is not None and rows < ROWS_PER_PART:
                    writer.write_table(_typed(group, schema))
                    rows += group.num_rows
                    group = next(groups, None)
            yield _upload(path, store, folder, f"part-{partition:05d}-{nth:03d}", rows)
            nth += 1


def _groups(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.Table]:
    waiting: list[pa.RecordBatch] = []
    for batch in batches:
        if batch.num_rows:
            waiting.append(batch)
        if sum(held.num_rows for held in waiting) >= ROWS_PER_GROUP:
            yield pa.Table.from_batches(waiting)
            waiting = []
    if waiting:
        yield pa.Table.from_batches(waiting)


def _typed(group: pa.Table, schema: pa.Schema) -> pa.Table:
    columns = []
    for field in schema:
        column = group.column(field.name)
        if pa.types.is_dictionary(field.type):
            column = column.cast(pa.string()).dictionary_encode()
        columns.append(column.cast(field.type))
    return pa.Table.from_arrays(columns, schema=schema)


def _empty(store: ObjectStore, folder: str, schema: pa.Schema) -> Part:
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "part.parquet"
        pq.write_table(schema.empty_table(), path)
        return _upload(path, store, folder, "part-00000-000", 0)


def _upload(path: Path, store: ObjectStore, folder: str, name: str, rows: int) -> Part:
    """Upload under a name that tells the content, so that no other content can ever come to lie under it."""
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    part = Part(f"{folder}/{name}-{digest[:12]}.parquet", rows, path.stat().st_size, digest)
    store.put(part.key, path)
    verify(store, part)
    return part


def verify(store: ObjectStore, part: Part) -> None:
    """Read the object back; raises DaybreakError when size or sha256 differ from what was written."""
    size, sha256 = measured(store, part.key)
    if (size, sha256) != (part.bytes, part.sha256):
        raise DaybreakError(
            f"{store.uri(part.key)} reads back as {size} bytes with sha256 {sha256[:12]}, written were "
            f"{part.bytes} with {part.sha256[:12]}: the storage is not to be trusted. Nothing was published; run again."
        )
