"""What a release changed for those who read it, beside the release of the night before it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

import duckdb

from jobs.lib.objects import ObjectMissing, ObjectStore
from jobs.published import releases
from jobs.warehouse import files, shapes
from jobs.warehouse.shapes import Shape, quoted

COMPARED_ROWS = 1_000_000  # of a larger table those whose first key falls into one of so many parts
# What people look at of a row: its figures move every night.
WATCHED = {
    "for_customer": "item_id",
    "for_newcomer": "item_id",
    "related_items": "related_item_id",
    "reorder": "order_units",
    "price_suggestions": "suggested_price",
}


def moved(place: ObjectStore, release: Mapping[str, Any]) -> dict[str, Any] | None:
    """``since`` (the earlier release) and for each watched table the rows that are ``new``, ``gone``, ``changed`` and
    the ``same``, of one key in ``parts``; None where there is no earlier release, or its files are no longer kept."""
    before = _before(place, date.fromisoformat(release["as_of"]))
    if before is None:
        return None
    both = [shape for shape in _watched(release) if shape in _watched(before)]
    try:
        with files.staged(place, _only(before, both)) as was, files.staged(place, _only(release, both)) as now:
            tables = [
                _counted(shape, was[shape.table], now[shape.table], release["tables"][shape.table]["rows"])
                for shape in both
            ]
    except ObjectMissing:
        return None
    return {"since": before["release"], "tables": tables}


def _before(place: ObjectStore, day: date) -> dict[str, Any] | None:
    """The newest release of the last day before ``day`` that has one."""
    days = (entry.key.rpartition("/")[2][:8] for entry in place.list("releases/"))
    last = max((each for each in days if each < f"{day:%Y%m%d}"), default=None)
    return releases.newest(place, datetime.strptime(last, "%Y%m%d").date()) if last else None


def _watched(release: Mapping[str, Any]) -> list[Shape]:
    known = {name: entry for name, entry in release["tables"].items() if name in WATCHED}
    return [shapes.of_manifest(release["product"], name, entry) for name, entry in known.items()]


def _only(release: Mapping[str, Any], wanted: list[Shape]) -> dict[str, Any]:
    return {**release, "tables": {shape.table: release["tables"][shape.table] for shape in wanted}}


def _counted(shape: Shape, was: list[str], now: list[str], rows: int) -> dict[str, Any]:
    key, column = ", ".join(map(quoted, shape.row_key)), WATCHED[shape.table]
    parts = -(-rows // COMPARED_ROWS) or 1
    some = f"hash({quoted(shape.row_key[0])}) % {parts} = 0"
    sides = [
        f"(SELECT {key}, {quoted(column)} AS {name}, TRUE AS in_{name} FROM ({files.rows(shape, paths)}) WHERE {some})"
        for name, paths in (("was", was), ("now", now))
    ]
    with duckdb.connect() as engine:
        (counted,) = engine.execute(f"""
            SELECT count(*) FILTER (in_was IS NULL), count(*) FILTER (in_now IS NULL),
                   count(*) FILTER (in_was AND in_now AND was IS DISTINCT FROM now),
                   count(*) FILTER (in_was AND in_now AND was IS NOT DISTINCT FROM now)
            FROM {sides[0]} FULL JOIN {sides[1]} USING ({key})
        """).fetchall()
    return {
        "table": shape.table,
        "column": column,
        "parts": parts,
        **dict(zip(("new", "gone", "changed", "same"), counted, strict=True)),
    }
