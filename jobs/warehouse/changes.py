"""What moved between two releases of a table: rows to put, keys to take away; what a reverse-ETL tool has to move.

``as_of`` and ``model_version`` are not compared: every row has its release's, and one of which nothing else has changed
is no other row to those who serve it. A row that moved carries the version of the model that moved it.
"""

from __future__ import annotations

from datetime import datetime

from jobs.warehouse.shapes import DAY, Shape, literal, quoted

UPSERT, DELETE = "upsert", "delete"
MODEL = "model_version"


def between(shape: Shape, before: str | None, after: str, release: str, changed_at: datetime) -> str:
    """A ``SELECT`` (DuckDB) of the changes from the rows of ``before`` (None: there were none) to those of ``after``.

    Rows are compared column by column, nulls and lists among them, in one join on the key, so that each side is read
    once; for a deleted key the other columns are null.
    """
    own = [name for name in shape.names if name != DAY]
    if before is None:
        told = _told(literal(UPSERT), release, changed_at)
        return f"SELECT {told}, {', '.join(map(quoted, own))} FROM ({after})"
    key = [quoted(name) for name in shape.row_key]
    rest = [quoted(name) for name in own if name not in shape.row_key]
    compared = [name for name in rest if name != quoted(MODEL)]
    is_gone, is_new = f"now.{key[0]} IS NULL", f"was.{key[0]} IS NULL"  # a key is never null itself
    moved = " OR ".join([is_gone, is_new, *(f"now.{name} IS DISTINCT FROM was.{name}" for name in compared)])
    told = _told(f"IF({is_gone}, {literal(DELETE)}, {literal(UPSERT)})", release, changed_at)
    columns = ", ".join([told, *key, *(f"now.{name}" for name in rest)])
    return f"SELECT {columns} FROM ({after}) AS now FULL JOIN ({before}) AS was USING ({', '.join(key)}) WHERE {moved}"


def _told(operation: str, release: str, changed_at: datetime) -> str:
    at = literal(changed_at.isoformat())
    return f"TIMESTAMPTZ {at} AS changed_at, {operation} AS operation, {literal(release)} AS release"
