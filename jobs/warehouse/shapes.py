"""What a table is in a warehouse: columns, types, key and comments, as its contract says them.

A release's manifest carries its tables' contracts as they were when it was made, so that loading needs the published
files alone; the statements for warehouses that are not run here are written from the contracts themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from jobs.lib.contracts import Contract

DAY = "as_of"


@dataclass(frozen=True)
class Column:
    """One column: ``type`` in the contracts' words, ``comment`` its meaning with the unit."""

    name: str
    type: str
    comment: str
    nullable: bool


@dataclass(frozen=True)
class Shape:
    """A table: ``key`` is its primary key, the day first in a published one, since a day is what is swapped."""

    product: str
    table: str
    comment: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The columns' names in order."""
        return tuple(column.name for column in self.columns)

    @property
    def row_key(self) -> tuple[str, ...]:
        """What tells the rows of one day apart."""
        return tuple(name for name in self.key if name != DAY)

    def beside(self, suffix: str) -> str:
        """The quoted name of the table, its view or its changes: ``beside("_current")``."""
        return f"{quoted(self.product)}.{quoted(self.table + suffix)}"


def of_manifest(product: str, table: str, entry: Mapping[str, Any]) -> Shape:
    """The shape that a manifest's entry of a table promises for its files."""
    columns = [
        Column(one["name"], one["type"], _comment(one["meaning"], one["unit"]), one["nullable"])
        for one in entry["columns"]
    ]
    return Shape(product, table, f"One row is {entry['row']}.", _key(entry["key"]), tuple(columns))


def of_contract(contract: Contract) -> Shape:
    """The same from a contract as it is now."""
    columns = [Column(one.name, one.type, one.comment, one.nullable) for one in contract.columns.values()]
    return Shape(contract.layer, contract.table, f"One row is {contract.row}.", _key(contract.key), tuple(columns))


def changes_of(shape: Shape) -> Shape:
    """The table of a table's changes: its columns, which only the key fills for a deleted row, and what happened."""
    told = (
        Column("changed_at", "timestamp", "when the warehouse's readers got to see it (UTC)", False),
        Column("operation", "string", "upsert: the row is so from now on; delete: the key is gone", False),
        Column("release", "string", "the release that it leads to", False),
    )
    own = [replace(one, nullable=one.name not in shape.row_key) for one in shape.columns if one.name != DAY]
    comment = (
        f"What moved {shape.table}_current from release to release; replayed in order it gives the table, "
        "but for model_version, which alone moves no row."
    )
    return Shape(shape.product, f"{shape.table}_changes", comment, (), (*told, *own))


def create(shape: Shape, types: Mapping[str, str]) -> str:
    """``CREATE TABLE`` in a dialect's ``types``; a table of changes has no key."""
    lines = [f"{quoted(one.name)} {types[one.type]}{'' if one.nullable else ' NOT NULL'}" for one in shape.columns]
    if shape.key:
        lines.append(f"PRIMARY KEY ({', '.join(map(quoted, shape.key))})")
    return f"CREATE TABLE {shape.beside('')} ({', '.join(lines)})"


def comments(shape: Shape) -> list[str]:
    """``COMMENT ON`` the table and each column: the same statement in DuckDB and Postgres."""
    said = [f"COMMENT ON TABLE {shape.beside('')} IS {literal(shape.comment)}"]
    return said + [
        f"COMMENT ON COLUMN {shape.beside('')}.{quoted(one.name)} IS {literal(one.comment)}" for one in shape.columns
    ]


def quoted(name: str) -> str:
    """A name as SQL takes it whatever it is."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Text as SQL takes it whatever it holds."""
    return "'" + text.replace("'", "''") + "'"


def _key(key: Any) -> tuple[str, ...]:
    return (DAY, *(name for name in key if name != DAY))


def _comment(meaning: str, unit: str | None) -> str:
    return f"{meaning} [{unit}]" if unit else meaning
