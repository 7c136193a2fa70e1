"""A delivered file as batches of text columns, whatever its format: the one way in, for looking and for landing.

Every format gives at least one batch (perhaps without rows), so that a header is always seen; row order is the
file's. Memory is bounded by a block of the file, not by its size.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import BinaryIO

import pyarrow as pa

from jobs.landed import delimited, json_lines, parquet
from jobs.landed.streams import Fingerprint, Refused, Text
from jobs.lib.stores import Source

OWN_COLUMNS = (
    "_file", "_file_version", "_sha256", "_row", "_rows", "_bytes", "_modified_at", "_columns", "_known_day",
    "_received_at",
)  # fmt: skip


class Delivered:
    """One file being read. After the last batch ``sha256``, ``bytes`` and ``rows`` are known, and ``required``: the
    columns that every row of it has, which the next file is expected to have too."""

    def __init__(self, open_file: Callable[[], BinaryIO], source: Source) -> None:
        self._open = open_file
        self._source = source
        self.required: tuple[str, ...] = ()
        self.columns: tuple[str, ...] = ()
        self.sha256 = ""
        self.bytes = 0
        self.rows = 0

    def fingerprint(self) -> str:
        """The SHA-256 of the bytes alone, without a look at the rows."""
        with self._open() as file:
            return self._finished(Fingerprint(file))

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Batches of text columns in the file's row order; raises Refused for what is not as the store says."""
        with self._open() as file:
            raw = Fingerprint(file)
            try:
                for batch, always in self._read(raw, file):
                    self._note(batch, always)
                    yield batch
            except Refused as problem:
                self.fingerprint()
                explained = self._explained(problem)
                if explained is not None:
                    raise explained from None
                return
            self._finished(raw)

    def _read(self, raw: Fingerprint, file: BinaryIO) -> Iterator[tuple[pa.RecordBatch, frozenset[str] | None]]:
        """Batches, each with the columns that all of its rows have (None: it has no rows to say so)."""
        if self._source.format == "jsonl":
            yield from json_lines.batches(Text(raw, self._source.encoding))
            return
        if self._source.format == "parquet":
            self._finished(raw)  # a Parquet file is read from its end: first the fingerprint, then the rows
            file.seek(0)
            found = parquet.batches(file)
        else:
            found = delimited.batches(Text(raw, self._source.encoding, self._source.quote), self._source)
        for batch in found:
            yield batch, frozenset(batch.schema.names)

    def _note(self, batch: pa.RecordBatch, always: frozenset[str] | None) -> None:
        _check_names(batch.schema.names)
        new = tuple(name for name in batch.schema.names if name not in self.columns)
        if always is not None:
            known = self.required if self.rows else (*self.required, *new)
            self.required = tuple(name for name in known if name in always)
        self.columns += new
        _check_names(self.columns)
        self.rows += batch.num_rows

    def _explained(self, problem: Refused) -> Refused | None:
        """The problem with its line; None where a lone quote turns out to be part of the text."""
        if problem.rule not in ("fields", "quotes"):
            return problem
        with self._open() as file:
            place = delimited.place(Text(Fingerprint(file), self._source.encoding, self._source.quote), self._source)
        if place is None and problem.rule == "quotes" and "odd" in problem.detail:
            return None
        return Refused(problem.rule, place or problem.detail)

    def _finished(self, raw: Fingerprint) -> str:
        self.sha256 = raw.finish()
        self.bytes = raw.bytes
        return self.sha256


def _check_names(names: tuple[str, ...] | list[str]) -> None:
    """Names that one table can hold beside each other and beside landing's own."""
    seen: dict[str, str] = {}
    for name in names:
        folded = name.casefold()
        if folded in OWN_COLUMNS:
            raise Refused("header", f"the column {name!r} has a name that landing keeps for itself; name it otherwise")
        if folded in seen:
            twice = (
                f"the column {name!r} is there twice"
                if seen[folded] == name
                else f"the columns {seen[folded]!r} and {name!r} differ only in case"
            )
            raise Refused("header", f"{twice}; name one of them otherwise")
        seen[folded] = name
