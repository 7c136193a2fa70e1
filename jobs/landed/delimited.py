"""CSV and its kin: one header line, one row a line, fields parted by one character, line breaks allowed in quotes."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.csv as arrow_csv

from jobs.landed.streams import Refused, Text
from jobs.lib.stores import Source

BLOCK = 4 << 20  # bytes of text parsed at a time; also the longest row there may be


def batches(text: Text, source: Source) -> Iterator[pa.RecordBatch]:
    """Batches of text columns named as the header names them, the first one without rows.

    Raises Refused; with rule ``fields`` or ``quotes`` its line is found by ``place`` in a second look at the file.
    """
    lines = text.buffered()
    columns = _header(lines, source)
    yield pa.RecordBatch.from_arrays([pa.array([], pa.string())] * len(columns), names=columns)
    if not lines.peek(1):
        return
    ragged: list[int | None] = []
    try:
        for batch in _parsed(lines, source, len(columns), ragged):
            if not ragged:
                yield pa.RecordBatch.from_arrays(batch.columns, names=columns)
    except pa.ArrowInvalid as error:
        raise text.problem or _unparsed(error) from None
    if ragged:
        raise Refused("fields", f"row {ragged[0]} has more or fewer fields than the header's {len(columns)}")
    if text.quotes % 2 and not source.escape:
        raise Refused("quotes", f"the file holds an odd number of {source.quote}")


def place(text: Text, source: Source) -> str | None:
    """Where and how the rows break the form, with the line; None where a careful second look finds nothing wrong.

    Python's own reader: slow, but it counts lines and minds quotes; only files that are suspect get here.
    """
    lines = text.buffered()
    csv.field_size_limit(BLOCK)
    reader = csv.reader(
        _decoded(lines), delimiter=source.delimiter, quotechar=source.quote, escapechar=source.escape, strict=True
    )
    width = len(source.columns or ()) if not source.header else 0
    begins = 1
    try:
        for row in reader:
            if row and not width and any(field.strip() for field in row):
                width = len(row)
            elif row and width and len(row) != width:
                return f"line {begins}: {len(row)} fields; expected {width}, as many as the header has"
            begins = reader.line_num + 1
    except csv.Error as error:
        if "end of data" in str(error) or "field limit" in str(error):
            return (
                f"line {begins}: a quote opened in this row is never closed; the file is cut off, "
                f"or a field holds a lone {source.quote}"
            )
        return f"line {begins}: {error}"
    return None


def _header(lines: io.BufferedReader, source: Source) -> list[str]:
    """The columns' names; ``lines`` then stands where the rows begin."""
    if not source.header:
        assert source.columns is not None
        return list(source.columns)
    reader = csv.reader(_decoded(lines), delimiter=source.delimiter, quotechar=source.quote, strict=True)
    try:
        names = next((row for row in reader if any(field.strip() for field in row)), None)
    except csv.Error as error:
        raise Refused("header", f"line {reader.line_num}: the header cannot be read ({error})") from None
    if names is None:
        expected = "a day without rows is delivered as a header line alone"
        raise Refused("empty", f"the file holds nothing, not even a header; {expected}")
    return [name.strip() or f"column_{place}" for place, name in enumerate(names, 1)]


def _decoded(lines: io.BufferedReader) -> Iterator[str]:
    while line := lines.readline(BLOCK + 1):
        if len(line) > BLOCK:
            raise _too_long()
        yield line.decode()


def _parsed(lines: io.BufferedReader, source: Source, width: int, ragged: list) -> Iterator[pa.RecordBatch]:
    """What pyarrow makes of the rows, all columns text; the numbers of rows of another width go to ``ragged``."""

    def keep(row: arrow_csv.InvalidRow) -> str:
        ragged.append(row.number)
        return "skip"

    names = [f"c{place}" for place in range(width)]
    return arrow_csv.open_csv(
        pa.PythonFile(lines, mode="r"),
        read_options=arrow_csv.ReadOptions(use_threads=False, column_names=names, block_size=BLOCK),
        parse_options=arrow_csv.ParseOptions(
            delimiter=source.delimiter,
            quote_char=source.quote,
            escape_char=source.escape or False,
            newlines_in_values=True,
            invalid_row_handler=keep,
        ),
        # The text was decoded strictly on its way here; blank stays blank: what is null is the contract's to say.
        convert_options=arrow_csv.ConvertOptions(
            column_types={name: pa.string() for name in names}, strings_can_be_null=False, check_utf8=False
        ),
    )


def _unparsed(error: pa.ArrowInvalid) -> Refused:
    """pyarrow's own words may quote the row, so none of them are passed on."""
    if "straddling" in str(error):
        return Refused("quotes", f"a row is longer than {BLOCK >> 20} MiB")
    return Refused("fields", "the rows cannot be told apart")


def _too_long() -> Refused:
    return Refused("fields", f"a line is longer than {BLOCK >> 20} MiB; expected rows on lines of their own")
