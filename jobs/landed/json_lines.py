"""JSON lines: one object a line. Values become text that loses nothing; what is nested stays JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from jobs.landed.streams import Refused, Text

ROWS = 20_000
LONGEST_LINE = 16 << 20
HALF = re.compile("[\ud800-\udfff]")


class Number(str):
    """A number as the file spells it: 1.10 stays 1.10."""


DECODER = json.JSONDecoder(parse_float=Number, parse_int=Number, parse_constant=Number)


def batches(text: Text) -> Iterator[tuple[pa.RecordBatch, frozenset[str] | None]]:
    """Batches of text columns with the keys that every row of the batch has (None for a batch without rows)."""
    yield pa.RecordBatch.from_pylist([], schema=pa.schema([])), None
    rows: list[dict[str, Any]] = []
    size = 0
    for number, line in enumerate(_lines(text), 1):
        if line.strip():
            rows.append(_object(line, number))
            size += len(line)
        if len(rows) == ROWS or size > LONGEST_LINE:
            yield _batch(rows)
            rows, size = [], 0
    if rows:
        yield _batch(rows)


def _lines(text: Text) -> Iterator[bytes]:
    lines = text.buffered()
    while line := lines.readline(LONGEST_LINE + 1):
        if len(line) > LONGEST_LINE:
            raise Refused("json", f"a line is longer than {LONGEST_LINE >> 20} MiB; expected one object a line")
        yield line


def _object(line: bytes, number: int) -> dict[str, Any]:
    try:
        value = DECODER.decode(line.strip().decode("utf-8-sig" if number == 1 else "utf-8"))
    except json.JSONDecodeError as error:
        where = f"line {number}, column {error.colno}"
        raise Refused("json", f"{where}: {error.msg}; expected one JSON object a line") from None
    except RecursionError:
        raise Refused("json", f"line {number}: nested too deep") from None
    if not isinstance(value, dict):
        raise Refused("json", f"line {number}: expected one JSON object a line, found something else")
    return _whole(value) if b"\\u" in line else value


def _whole(value: Any) -> Any:
    """The value without half characters: a text cut within an emoji ends in an escape (``\\ud83d``) that no encoding
    has, and only that is replaced by U+FFFD."""
    if isinstance(value, dict):
        return {_whole(name): _whole(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_whole(each) for each in value]
    if isinstance(value, str) and HALF.search(value):
        return HALF.sub("\ufffd", value)
    return value


def _batch(rows: list[dict[str, Any]]) -> tuple[pa.RecordBatch, frozenset[str]]:
    names = list(dict.fromkeys(name for row in rows for name in row))
    columns = [pa.array([_text(row.get(name)) for row in rows], pa.string()) for name in names]
    always = frozenset(names).intersection(*(row.keys() for row in rows))
    batch = pa.RecordBatch.from_arrays(columns, schema=pa.schema([(name, pa.string()) for name in names]))
    return batch, always


def _text(value: Any) -> str | None:
    """A value as text: text and numbers as they are, true and false, JSON for what is nested; None for null."""
    if value is None or isinstance(value, str):
        return value
    return _json(value)


def _json(value: Any) -> str:
    """Compact JSON in which numbers keep their spelling."""
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, dict):
        pairs = (f"{json.dumps(key, ensure_ascii=False)}: {_json(one)}" for key, one in value.items())
        return "{" + ", ".join(pairs) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_json, value)) + "]"
    return json.dumps(value, ensure_ascii=False)
