"""What made a table's day: table versions, files, code and models, as a tree of text (``make lineage``)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pyspark.sql import functions as F

from jobs.lib import contracts, lineage, registry, stages
from jobs.lib.errors import DaybreakError
from jobs.lib.stages import Night
from jobs.published import releases

FILES_SHOWN = 10


@dataclass
class Node:
    """A line of the tree and what it rests on."""

    text: str
    below: list[Node] = field(default_factory=list)


def run(night: Night, table: str) -> None:
    """Prints the tree of ``table`` (``layer.table``) for the night's day."""
    print(text(tree(night, table)), flush=True)


def tree(night: Night, table: str) -> Node:
    """The newest run that wrote ``table`` for the night, and recursively what it read.

    Raises DaybreakError when no completed run did.
    """
    log = lineage.runs(night.tables)
    rows = [] if log is None else [row.asDict(True) for row in log.orderBy(F.desc("finished_at")).collect()]
    day = night.as_of.isoformat()
    found = [row for row in rows if row["table"] == table and row["as_of"] == night.as_of]
    if not found:
        days = sorted({str(row["as_of"]) for row in rows if row["table"] == table})
        there = f"there are {days[0]} to {days[-1]}" if days else "no night has; is it written as layer.table?"
        raise DaybreakError(f"no completed stage wrote {table} for {day}: {there}")
    root = _node(night, found[0], rows, set())
    root.below[:0] = _published(night, table)
    return root


def text(node: Node) -> str:
    """The tree as lines."""
    return "\n".join(_lines(node, "", ""))


def _lines(node: Node, first: str, rest: str) -> Iterator[str]:
    yield first + node.text
    for below in node.below:
        is_last = below is node.below[-1]
        yield from _lines(below, rest + ("└─ " if is_last else "├─ "), rest + ("   " if is_last else "│  "))


def _node(night: Night, row: dict[str, Any], rows: list[dict[str, Any]], told: set[tuple[str, int]]) -> Node:
    name, version = row["table"], row["version"]
    node = Node(f"{name}, version {version}")
    if (name, version) in told:
        node.text += " (as above)"
        return node
    told.add((name, version))
    finished = f"{row['finished_at']:%Y-%m-%d %H:%M:%S}"
    node.text += (
        f": {row['rows']:,} rows written for {row['as_of']}, finished {finished} UTC, code {row['code_version']}"
    )
    if row["model_version"]:
        node.below.append(_model(night, row["stage"], row["model_version"]))
    if name.startswith("landed."):
        node.below += _files(night, name, row["finished_at"])
    for read, at in _inputs(row, rows):
        made = next((r for r in rows if r["table"] == read and r["version"] == at), None)
        node.below.append(_node(night, made, rows, told) if made else Node(f"{read}, version {at}"))
    return node


def _inputs(row: dict[str, Any], rows: list[dict[str, Any]]) -> list[tuple[str, int]]:
    """Table and version of what the run's transform read: by its parameters, or all of the layer before."""
    pins = {pin["table"]: pin["version"] for pin in row["inputs"] or ()}
    beside = {r["table"]: r["version"] for r in rows if r["run_id"] == row["run_id"] and r["table"]}
    layer, table = row["table"].split(".", 1)
    if layer in ("landed", "validated", "quality", "quarantine"):
        return sorted((name, at) for name, at in pins.items() if name.startswith("landed."))
    transforms = stages.discover(layer)
    if row["table"] not in contracts.names(layer) or table not in transforms:
        return sorted(pins.items())
    read = stages.input_tables(layer, transforms[table], transforms).values()
    known = {**pins, **beside}
    return [(name, known[name]) for name in sorted(set(read)) if name in known and name != row["table"]]


def _model(night: Night, product: str, version: str) -> Node:
    crowned = [r for r in registry.champions(night.settings, night.store.name, product) if r["version"] == version]
    if not crowned:
        return Node(f"model {version}")
    return Node(f"model {version}, champion from the night of {crowned[-1]['champion_from']} ({crowned[-1]['reason']})")


def _files(night: Night, name: str, finished_at: datetime) -> list[Node]:
    """The newest of the files that lay in a landed table when a run of it had finished, and how many there were. By
    their own rows, which are kept: the table's version of then is not to be read for longer than a week."""
    frame = night.tables.pinned({}).read_landed(name.split(".", 1)[1])
    if frame is None:
        return []
    is_there = (F.col("_known_day") <= F.lit(night.as_of)) & (F.col("_received_at") <= F.lit(finished_at))
    own = frame.where((F.col("_row") == 0) & is_there)
    newest = own.orderBy(F.desc("_known_day"), "_file", F.desc("_file_version"))
    files = newest.select("_file", "_file_version", "_rows", "_sha256", "_known_day").limit(FILES_SHOWN).collect()
    shown = [
        Node(
            f"{f['_file']}{'' if f['_file_version'] == 1 else ', version ' + str(f['_file_version'])}: "
            f"{f['_rows'] or 0:,} rows, known from {f['_known_day']}, sha256 {f['_sha256'][:12]}"
        )
        for f in files
    ]
    count = own.count() if len(files) == FILES_SHOWN else len(files)
    return shown if count <= len(files) else [*shown, Node(f"and {count - len(files):,} earlier files")]


def _published(night: Night, table: str) -> list[Node]:
    product, output = table.split(".", 1)
    if product not in night.settings.products:
        return []
    made = releases.list_releases(night.settings, night.store.name, [product])
    return [
        Node(f"published in {one.release}{' (current)' if one.is_current else ''}, as {output}")
        for one in made
        if one.as_of == night.as_of.isoformat()
    ]
