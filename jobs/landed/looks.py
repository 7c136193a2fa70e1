"""A look at each new file before anything of it is taken: fingerprint, header, rows, whether all of it can be read.

Many files are looked at in Spark tasks, as many at once as there are cores; what comes back is one row a file, of
bounded size. The few of an ordinary night are looked at here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from pyspark.sql import Row, SparkSession
from pyspark.sql.pandas.types import from_arrow_schema

from jobs.landed import cards
from jobs.landed.rows import Delivered
from jobs.landed.streams import Refused
from jobs.lib.errors import DaybreakError
from jobs.lib.objects import Object, ObjectMissing, ObjectStore
from jobs.lib.stores import Source

MOST_CARDS = 10_000  # rows of one file with a card number; a file with more is refused whole
BYTES_A_TASK = 64 << 20
QUICK_BYTES = 8 << 20  # a known file, of which the fingerprint alone is taken, counts a sixteenth
FEWEST_TASKS = 4
GONE, UNREADABLE = "gone", "unreadable"
CARD_TYPE = pa.struct([("row", pa.int64()), ("column", pa.string())])
LOOK = pa.schema(
    [
        ("file", pa.string()),
        ("sha256", pa.string()),
        ("is_same", pa.bool_()),
        ("bytes", pa.int64()),
        ("rows", pa.int64()),
        ("columns", pa.list_(pa.string())),
        ("required", pa.list_(pa.string())),
        ("cards", pa.list_(CARD_TYPE)),
        ("rule", pa.string()),
        ("detail", pa.string()),
    ]
)


@dataclass(frozen=True)
class Look:
    """What a look at one file found. ``is_same``: its bytes are those that landed last under its name. ``required``:
    columns that all of its rows have. ``cards``: (row, column) of card numbers. ``rule`` and ``detail`` say why it is
    refused; None where it can be taken."""

    file: str
    sha256: str
    is_same: bool = False
    bytes: int = 0
    rows: int = 0
    columns: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    cards: tuple[tuple[int, str], ...] = ()
    rule: str | None = None
    detail: str | None = None


def looks(
    spark: SparkSession, place: ObjectStore, source: Source, files: list[Object], landed: dict[str, str]
) -> list[Look]:
    """A look at each of ``files``; ``landed`` gives the SHA-256 that landed last under a name that is not new."""
    if not files:
        return []
    if _is_quick(files, landed):
        return [look(place, source, file.key, landed.get(file.key)) for file in files]
    rows = [(file.key, landed.get(file.key)) for file in files]
    frame = spark.createDataFrame(rows, "file string, landed string").repartition(tasks(files))
    return [_read_back(row) for row in frame.mapInArrow(_looker(place, source), from_arrow_schema(LOOK)).collect()]


def _is_quick(files: list[Object], landed: dict[str, str]) -> bool:
    """Whether looking here and now costs less than starting Spark's tasks: an ordinary night's files."""
    return sum(file.size // 16 if file.key in landed else file.size for file in files) <= QUICK_BYTES


def tasks(files: list[Object]) -> int:
    """Into how many tasks the reading of these files is parted."""
    return max(1, min(len(files), max(FEWEST_TASKS, sum(file.size for file in files) // BYTES_A_TASK)))


def look(place: ObjectStore, source: Source, file: str, landed: str | None) -> Look:
    """A look at one file; ``landed`` is the SHA-256 that landed last under its name."""
    delivered = Delivered(lambda: place.open(file), source)
    try:
        if landed is not None and delivered.fingerprint() == landed:
            return Look(file, landed, is_same=True, bytes=delivered.bytes)
        cells = _cards(delivered, source)
    except Refused as problem:
        return Look(file, delivered.sha256, bytes=delivered.bytes, rule=problem.rule, detail=problem.detail)
    except ObjectMissing:
        return Look(file, "", rule=GONE, detail="taken away while it was looked at")
    except DaybreakError as problem:
        return Look(file, "", rule=UNREADABLE, detail=str(problem))
    facts = (delivered.sha256, False, delivered.bytes, delivered.rows, delivered.columns, delivered.required)
    return Look(file, *facts, cards=tuple(cells))


def _cards(delivered: Delivered, source: Source) -> list[tuple[int, str]]:
    """Reads the whole file; (row from 1, column) of its card numbers."""
    exempt, cells, before = frozenset(name.casefold() for name in source.ids), [], 0
    for batch in delivered.batches():
        cells += [(before + index + 1, column) for index, column in cards.found_in(batch, exempt)]
        before += batch.num_rows
        if len(cells) > MOST_CARDS:
            columns = ", ".join(sorted({column for _, column in cells}))
            delivered.fingerprint()
            detail = f"more than {MOST_CARDS:,} card numbers (column {columns}); deliver the file without them"
            raise Refused(cards.RULE, f"{detail}, or name the column under ids in store.yml if it holds ids")
    return cells


def _looker(place: ObjectStore, source: Source) -> Callable[[Iterable[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    def run(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for row in batch.to_pylist():
                found = look(place, source, row["file"], row["landed"])
                values = dict(vars(found), cards=[{"row": at, "column": name} for at, name in found.cards])
                yield pa.RecordBatch.from_pylist([values], schema=LOOK)

    return run


def _read_back(row: Row) -> Look:
    facts: dict[str, Any] = row.asDict()
    for name in ("columns", "required"):
        facts[name] = tuple(facts[name])
    facts["cards"] = tuple((card["row"], card["column"]) for card in facts["cards"])
    return Look(**facts)
