"""What lies in a warehouse: a schema a product, its tables with views and changes, and ``daybreak.releases``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from jobs.lib.errors import DaybreakError
from jobs.warehouse import shapes
from jobs.warehouse.changes import DELETE
from jobs.warehouse.connections import Warehouse
from jobs.warehouse.shapes import DAY, Column, Shape, literal, quoted

CURRENT, LOADED, REPLACED, DROPPED = "current", "loaded", "replaced", "dropped"
RELEASES = Shape(
    "daybreak",
    "releases",
    "One row is a release of a product that was loaded.",
    ("product", "release"),
    (
        Column("store", "string", "the store whose warehouse this is", False),
        Column("product", "string", "the product, which is also the schema of its tables", False),
        Column("release", "string", "the release's name in the publication", False),
        Column(DAY, "date", "the night that it is of [day local to the store]", False),
        Column("rows", "long", "rows of all its tables", False),
        Column("sha256", "string", "of its manifest, which names the sha256 of every file", False),
        Column("loaded_at", "timestamp", "when its rows came in (UTC)", False),
        Column("changed_at", "timestamp", "when readers got to see it, as its changes say (UTC)", True),
        Column(
            "state", "string", "current: what readers see; loaded: its day's rows are its; replaced: no more", False
        ),
    ),
)


@dataclass(frozen=True)
class Known:
    """A release that the warehouse knows."""

    release: str
    as_of: str
    state: str
    changed_at: datetime | None


def releases_of(warehouse: Warehouse, store: str, product: str) -> list[Known]:
    """The releases of a product; DaybreakError where the warehouse is another store's."""
    if not _columns(warehouse, RELEASES):
        return []
    others = warehouse.fetch(f"SELECT DISTINCT store FROM daybreak.releases WHERE store <> {literal(store)}")
    if others:
        raise DaybreakError(
            f"this warehouse holds the store {others[0][0]!r}, not {store!r}: give each store its own "
            "(DAYBREAK_WAREHOUSE may have {store} in it)"
        )
    select = f"SELECT release, as_of, state, changed_at FROM daybreak.releases WHERE product = {literal(product)}"
    return [Known(release, str(day), state, at) for release, day, state, at in warehouse.fetch(select)]


def prepare(warehouse: Warehouse, wanted: Sequence[Shape]) -> None:
    """Makes the schemas, tables and views that are missing, and brings those that are there up to their contracts;
    DaybreakError in words, with nothing changed, where rows of before would not fit."""
    for shape in (RELEASES, *[beside for one in wanted for beside in (one, shapes.changes_of(one))]):
        have = _columns(warehouse, shape)
        if not have:
            warehouse.execute(f"CREATE SCHEMA IF NOT EXISTS {quoted(shape.product)}")
            warehouse.execute(shapes.create(shape, warehouse.types))
        else:
            _reshape(warehouse, shape, have)
        for comment in shapes.comments(shape):
            warehouse.execute(comment)
        if shape in wanted and (not have or set(shape.names) - set(have)):
            warehouse.execute(_current(shape, [*have, *(name for name in shape.names if name not in have)]))


def absent(warehouse: Warehouse, product: str, present: Sequence[Shape]) -> list[Shape]:
    """The product's tables that earlier releases had and ``present`` does not name, as the warehouse knows them: name,
    key and columns."""
    where = f"table_schema = {literal(product)} AND table_"
    names = {
        name
        for (name,) in warehouse.fetch(
            f"SELECT table_name FROM information_schema.tables WHERE {where}type = 'BASE TABLE'"
        )
    }
    found = []
    for table in sorted(names - {shape.table for shape in present}):
        if f"{table}_changes" in names:
            bare = Shape(product, table, "", (), ())
            columns = tuple(_columns(warehouse, bare).values())
            found.append(replace(bare, key=_key(warehouse, bare), columns=columns))
    return found


def _reshape(warehouse: Warehouse, shape: Shape, have: Mapping[str, Column]) -> None:
    """New columns are null in the days before them; a column that the contract has dropped stays. Both may be null, and
    so may one whose contract says so now. Another type or key is refused: it would be every earlier day's too."""
    key = _key(warehouse, shape)
    if set(key) != set(shape.key):
        raise _refused(shape, f"the key of {shape.table} is {', '.join(key)}", ", ".join(shape.key))
    for column in shape.columns:
        kind, there = warehouse.types[column.type], have.get(column.name)
        if there is None:
            warehouse.execute(f"ALTER TABLE {shape.beside('')} ADD COLUMN {quoted(column.name)} {kind}")
        elif there.type != _as_told(kind):
            raise _refused(shape, f"{shape.table}.{column.name} is {there.type}", _as_told(kind))
    nullable = {column.name for column in shape.columns if column.nullable}
    for column in have.values():
        if not column.nullable and (column.name in nullable or column.name not in shape.names):
            warehouse.execute(f"ALTER TABLE {shape.beside('')} ALTER COLUMN {quoted(column.name)} DROP NOT NULL")


def _refused(shape: Shape, there: str, here: str) -> DaybreakError:
    anew = f"DROP SCHEMA {quoted(shape.product)} CASCADE; DELETE FROM daybreak.releases WHERE product = "
    return DaybreakError(
        f"{there} in the warehouse and {here} in the release: give the contract's new content a new name, or let the "
        f"product's tables begin anew ({anew}{literal(shape.product)}), then run `python -m jobs warehouse` again"
    )


def _current(shape: Shape, names: Sequence[str]) -> str:
    """The view of the release in force: what reverse ETL reads."""
    day = f"SELECT as_of FROM daybreak.releases WHERE product = {literal(shape.product)} AND state = {literal(CURRENT)}"
    select = f"SELECT {', '.join(map(quoted, names))} FROM {shape.beside('')} WHERE {quoted(DAY)} = ({day})"
    return f"CREATE OR REPLACE VIEW {shape.beside('_current')} AS {select}"


def drop_day(shape: Shape, day: str) -> str:
    """The statement that takes a day's rows out of a table."""
    return f"DELETE FROM {shape.beside('')} WHERE {quoted(DAY)} = DATE {literal(day)}"


def record(warehouse: Warehouse, facts: Mapping[str, Any], is_new: bool) -> None:
    """Writes a release's row, ``facts`` by RELEASES's columns; the release that it takes the day or the readers from
    is marked so. Rows that were there already keep their ``loaded_at``."""
    product, release = literal(facts["product"]), literal(facts["release"])
    others = f"UPDATE daybreak.releases SET state = '{{}}' WHERE product = {product} AND release <> {release} AND "
    if is_new:
        warehouse.execute(others.format(REPLACED) + f"as_of = DATE {literal(facts[DAY])}")
    if facts["state"] == CURRENT:
        warehouse.execute(others.format(LOADED) + f"state = {literal(CURRENT)}")
    kept = () if is_new else ("loaded_at",)
    values = ", ".join("NULL" if facts[name] is None else literal(str(facts[name])) for name in RELEASES.names)
    renewed = ", ".join(f"{quoted(name)} = excluded.{quoted(name)}" for name in RELEASES.names if name not in kept)
    warehouse.execute(
        f"INSERT INTO daybreak.releases ({', '.join(map(quoted, RELEASES.names))}) VALUES ({values}) "
        f"ON CONFLICT (product, release) DO UPDATE SET {renewed}"
    )


def drop_expired(warehouse: Warehouse, tables: Sequence[Shape], product: str, days: int) -> None:
    """Drops nights more than ``days`` before the newest one, but what readers see, and of the changes that led to them
    those that the table can do without.

    A release that is wanted again is loaded from its files."""
    every = f"FROM daybreak.releases WHERE product = {literal(product)}"
    newest = date.fromisoformat(str(warehouse.fetch(f"SELECT max(as_of) {every}")[0][0]))
    seen = f"SELECT as_of {every} AND state = {literal(CURRENT)}"
    expired = f"as_of < DATE {literal(str(newest - timedelta(days=days)))} AND as_of NOT IN ({seen})"
    gone = warehouse.fetch(f"SELECT as_of {every} AND {expired} AND state <> {literal(DROPPED)}")
    for day in {str(day) for (day,) in gone}:
        for shape in tables:
            warehouse.execute(drop_day(shape, day))
    if gone:
        update = f"UPDATE daybreak.releases SET state = {literal(DROPPED)} WHERE product = {literal(product)}"
        warehouse.execute(f"{update} AND {expired}")
        for shape in tables:
            for statement in _drop_changes(shape, f"SELECT release {every} AND state = {literal(DROPPED)}"):
                warehouse.execute(statement)


def _drop_changes(shape: Shape, releases: str) -> list[str]:
    """The statements that drop the changes of these releases (a ``SELECT``) but for each key's last: a row that has not
    changed since is known from it alone. A deletion goes once nothing before it is left."""
    changes, same = (
        shape.beside("_changes"),
        " AND ".join(f"other.{name} = old.{name}" for name in map(quoted, shape.row_key)),
    )
    drop = f"DELETE FROM {changes} AS old WHERE old.release IN ({releases})"
    beside = f"EXISTS (SELECT 1 FROM {changes} AS other WHERE {same} AND other.changed_at {{}} old.changed_at)"
    return [
        f"{drop} AND {beside.format('>')}",
        f"{drop} AND old.operation = {literal(DELETE)} AND NOT {beside.format('<')}",
    ]


def _columns(warehouse: Warehouse, shape: Shape) -> dict[str, Column]:
    """Name → column with the database's own word for its type, in order; empty when there is no such table."""
    select = "SELECT column_name, data_type, is_nullable FROM information_schema.columns"
    found = warehouse.fetch(f"{select} WHERE {_named(shape)} ORDER BY ordinal_position")
    return {name: Column(name, _as_told(kind), "", nullable == "YES") for name, kind, nullable in found}


def _key(warehouse: Warehouse, shape: Shape) -> tuple[str, ...]:
    """The primary key that the table has, which both kinds of warehouse name alike; others are its owner's own."""
    select = "SELECT column_name FROM information_schema.key_column_usage"
    where = f"{_named(shape)} AND constraint_name LIKE '%pkey'"
    return tuple(name for (name,) in warehouse.fetch(f"{select} WHERE {where} ORDER BY ordinal_position"))


def _named(shape: Shape) -> str:
    return f"table_schema = {literal(shape.product)} AND table_name = {literal(shape.table)}"


def _as_told(kind: str) -> str:
    """A type in one spelling, whether a statement or a catalogue has it; of lists Postgres's says no more than that."""
    told = kind.upper().replace("TIMESTAMPTZ", "TIMESTAMP WITH TIME ZONE")
    return "ARRAY" if told.endswith("[]") else told
