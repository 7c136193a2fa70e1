"""Parquet: typed columns as text that casts back to the same values.

Moments with a zone are written in UTC with a Z; those without stay without (the store's own time); floats in the
shortest digits that read back the same; bytes must be UTF-8 text; lists, maps and structs become JSON.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from jobs.landed.streams import Refused

ROWS = 50_000


def batches(file: BinaryIO) -> Iterator[pa.RecordBatch]:
    """Batches of text columns, the first one without rows. ``file`` must be seekable."""
    try:
        table = pq.ParquetFile(file)
        names = table.schema_arrow.names
        yield pa.RecordBatch.from_arrays([pa.array([], pa.string())] * len(names), names=names)
        for batch in table.iter_batches(batch_size=ROWS):
            yield pa.RecordBatch.from_arrays(
                [_text(column, name) for name, column in zip(names, batch.columns, strict=True)], names=names
            )
    except (pa.ArrowException, OSError) as error:
        raise Refused(
            "parquet",
            f"not readable as Parquet ({type(error).__name__}): the file is cut off or damaged, "
            "or of another format; deliver it again",
        ) from None


def _text(column: pa.Array, name: str) -> pa.Array:
    kind = column.type
    if pa.types.is_dictionary(kind):
        column, kind = column.dictionary_decode(), kind.value_type
    if pa.types.is_nested(kind):
        return pa.array(
            [None if one is None else json.dumps(one, default=str, ensure_ascii=False) for one in column.to_pylist()],
            pa.string(),
        )
    if pa.types.is_timestamp(kind) and kind.tz:
        moments = column.cast(pa.timestamp(kind.unit, "UTC")).cast(pa.timestamp(kind.unit)).cast(pa.string())
        return pc.binary_join_element_wise(moments, "Z", "")
    try:
        return column.cast(pa.string())
    except pa.ArrowException:
        raise Refused(
            "parquet",
            f"the column {name!r} holds {kind}, which is no text; expected text, numbers, booleans, days or moments",
        ) from None
