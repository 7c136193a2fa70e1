"""What moved between two releases of a table: rows to put, keys to take away; what a reverse-ETL tool has to move.

``as_of`` is not compared: it moves for every row every night, and is the release's, not the row's.
"""

from __future__ import annotations

from datetime import datetime

from jobs.warehouse.shapes import DAY, Shape, literal, quoted

UPSERT, DELETE = "upsert", "delete"


def between(shape: Shape, before: str | None, after: str, release: str, changed_at: datetime) -> str:
    """A ``SELECT`` (DuckDB) of the changes from the rows of ``before`` (None: there were none) to those of ``after``.

    Rows are compared as wholes, nulls and lists among them; for a deleted key the other columns are null.
    """
    own = [name for name in shape.names if name != DAY]
    names, key = ", ".join(map(quoted, own)), ", ".join(map(quoted, shape.row_key))
    put = f"SELECT {names} FROM ({after})" + (f" EXCEPT SELECT {names} FROM ({before})" if before else "")
    told = f"SELECT {_told(UPSERT, release, changed_at)}, {names} FROM ({put})"
    if before is None:
        return told
    gone = ", ".join(f"was.{quoted(name)}" if name in shape.row_key else f"NULL AS {quoted(name)}" for name in own)
    taken = (
        f"SELECT {_told(DELETE, release, changed_at)}, {gone} FROM ({before}) AS was ANTI JOIN ({after}) USING ({key})"
    )
    return f"{told} UNION ALL BY NAME {taken}"


def _told(operation: str, release: str, changed_at: datetime) -> str:
    at = literal(changed_at.isoformat())
    return f"TIMESTAMPTZ {at} AS changed_at, {literal(operation)} AS operation, {literal(release)} AS release"
