"""A few thousand rows of a source's newest files, read where one is, to try a store before it is landed.

Rows with a card number are left out here too; nothing is written.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from jobs.landed import cards
from jobs.landed.decisions import header_problem
from jobs.landed.files import day_in
from jobs.landed.looks import Look
from jobs.landed.rows import Delivered
from jobs.landed.streams import Refused
from jobs.lib.errors import DaybreakError
from jobs.lib.objects import Object, ObjectStore
from jobs.lib.stores import Source

FILES = 3
ROWS_A_FILE = 2_000
LINEAGE = (("_file", pa.string()), ("_file_version", pa.int32()), ("_row", pa.int64()), ("_known_day", pa.date32()))


@dataclass
class Sample:
    """``rows``: text columns and lineage (``_known_day`` null where rows tell it); ``columns`` as in the headers;
    ``problems``: (file, what is wrong) of those that a night would refuse; ``cards``: rows left out."""

    rows: pa.Table | None = None
    columns: list[str] = field(default_factory=list)
    problems: list[tuple[str, str]] = field(default_factory=list)
    cards: int = 0


def sample(place: ObjectStore, source: Source, files: Sequence[Object]) -> Sample:
    """The first rows of the newest ``FILES`` files of a source; of a file that breaks later only the start is seen."""
    taken = Sample()
    tables = []
    for file in newest(source, files):
        try:
            tables.append(_start(place, source, file, taken))
        except (Refused, DaybreakError) as problem:
            detail = f"{problem.rule}: {problem.detail}" if isinstance(problem, Refused) else str(problem)
            taken.problems.append((file.key, detail))
    if tables:
        empty = pa.schema([(name, pa.string()) for name in source.columns or ()]).empty_table()
        taken.rows = pa.concat_tables([empty, *tables], promote_options="default")
    return taken


def newest(source: Source, files: Sequence[Object]) -> list[Object]:
    """The newest files by the day in their names, else by the time of their last change."""
    try:
        ordered = sorted(files, key=lambda file: (str(day_in(file.key, source.known)), file.modified_at))
    except Refused:
        ordered = sorted(files, key=lambda file: file.modified_at)
    return ordered[-FILES:][::-1]


def _start(place: ObjectStore, source: Source, file: Object, taken: Sample) -> pa.Table:
    """The first rows of one file; raises Refused as a night would, as far as it can be seen in them."""
    day = day_in(file.key, source.known)
    delivered = Delivered(lambda: place.open(file.key), source)
    exempt = frozenset(name.casefold() for name in source.ids)
    parts: list[pa.RecordBatch] = []
    before = 0
    for batch in delivered.batches():
        refused = {index for index, _ in cards.found_in(batch, exempt)}
        taken.cards += len(refused)
        kept = [index for index in range(batch.num_rows) if index not in refused][:ROWS_A_FILE]
        rows = [before + index + 1 for index in kept]
        values = [[file.key] * len(kept), [1] * len(kept), rows, [day] * len(kept)]
        added = [pa.array(value, kind) for value, (_, kind) in zip(values, LINEAGE, strict=True)]
        names = [*batch.schema.names, *(name for name, _ in LINEAGE)]
        parts.append(pa.RecordBatch.from_arrays([*batch.take(pa.array(kept, pa.int64())).columns, *added], names=names))
        before += batch.num_rows
        if before >= ROWS_A_FILE:
            break
    look = Look(file.key, "", rows=before, columns=delivered.columns, required=delivered.required)
    problem = header_problem(source, look, source.columns or tuple(taken.columns))
    if problem is not None:
        raise Refused("header", problem[1])
    taken.columns += [name for name in delivered.columns if name not in taken.columns]
    tables = [pa.Table.from_batches([part]) for part in parts]
    return pa.concat_tables(tables, promote_options="default").slice(0, ROWS_A_FILE)
