"""The contracts: ``expectations/<layer>/<table>.yml`` read into frozen facts, from which schema, checks, docs and test
frames derive. A bad contract is refused with file, line and key.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any

from pyspark.sql import types as T

from jobs.lib import contract_checks
from jobs.lib.contract_checks import Check, Limits
from jobs.lib.errors import DaybreakError
from jobs.lib.marked import REPOSITORY, Section, nearest, shown

ROOT = REPOSITORY / "expectations"
SPARK_TYPES: dict[str, T.DataType] = {
    "id": T.StringType(),
    "string": T.StringType(),
    "int": T.IntegerType(),
    "long": T.LongType(),
    "double": T.DoubleType(),
    "boolean": T.BooleanType(),
    "date": T.DateType(),
    "timestamp": T.TimestampType(),
    "array<string>": T.ArrayType(T.StringType()),
}
PRIVACY = ("none", "pseudonym", "personal", "sensitive")
HISTORY = ("events", "versions", "daily")
# Delta keeps a smallest and a largest value per file of these; more of them cost every write and help no reader.
MOST_STATISTICS = 8
NOT_NULL = "expect_column_values_to_not_be_null"
UNIQUE = "expect_compound_columns_to_be_unique"
UNIQUE_COLUMN = "expect_column_values_to_be_unique"
KEYS = ("row", "key", "history", "event_time", "event_day", "needs", "columns", "checks", "limits")


@dataclass(frozen=True)
class Column:
    """One column. ``default`` stands in where a mapping leaves the column out (``has_default``); ``is_added`` columns
    come from the loader and not from the YAML."""

    name: str
    type: str
    meaning: str
    privacy: str = "none"
    unit: str | None = None
    nullable: bool = False
    has_default: bool = False
    default: Any = None
    checks: tuple[Check, ...] = ()
    is_added: bool = False

    @property
    def spark_type(self) -> T.DataType:
        """The Spark type; ids are text."""
        return SPARK_TYPES[self.type]

    @property
    def is_optional(self) -> bool:
        """Whether a mapping may leave the column out."""
        return self.nullable or self.has_default

    @property
    def comment(self) -> str:
        """What Delta and the dictionary say of the column: its meaning, with the unit where it has one."""
        return f"{self.meaning} [{self.unit}]" if self.unit else self.meaning


@dataclass(frozen=True)
class Contract:
    """What one table promises. ``columns`` are in the table's order, the loader's own at the end; ``event_day`` is the
    column of the store's day on which an event happened (None where rows have none); ``needs`` are the input tables
    (or ``table.column``, a column that the mapping must give) without which the table is not made."""

    name: str
    row: str
    key: tuple[str, ...]
    history: str
    columns: Mapping[str, Column]
    path: str
    event_time: str | None = None
    event_day: str | None = None
    checks: tuple[Check, ...] = ()
    limits: Limits = field(default_factory=Limits)
    needs: tuple[str, ...] = ()

    @property
    def layer(self) -> str:
        """The part of the name before the dot."""
        return self.name.split(".", 1)[0]

    @property
    def table(self) -> str:
        """The part of the name after the dot."""
        return self.name.split(".", 1)[1]

    @property
    def day_column(self) -> str:
        """The column whose days are replaced whole: the day a row is known from, or for which a table was computed."""
        return "as_of" if self.history == "daily" else "known_day"

    @property
    def is_partitioned(self) -> bool:
        """Whether a day is a folder. Of daily tables, whose old days go whole; in others the first load brings hundreds
        of known days at once, and a file for each costs more than its rows: they are sorted by the day instead, and
        Delta's statistics find it."""
        return self.history == "daily"

    @property
    def own_columns(self) -> tuple[Column, ...]:
        """The columns that the YAML names: what a mapping or a transform delivers."""
        return tuple(column for column in self.columns.values() if not column.is_added)

    @property
    def unique_columns(self) -> tuple[str, ...]:
        """The columns that no two rows share: the key, within a day where days repeat it, and for versions also the
        place in the delivery, which says which of a day's rows of one key is the last."""
        if not self.key or self.history == "events":
            return self.key
        places = ("_file", "_file_version", "_row") if self.history == "versions" and "_row" in self.columns else ()
        return (*self.key, self.day_column, *places)

    def schema(self) -> T.StructType:
        """The Spark schema, each field with its comment in the metadata."""
        every = self.columns.values()
        return T.StructType(
            [T.StructField(one.name, one.spark_type, one.nullable, {"comment": one.comment}) for one in every]
        )

    def statistics_columns(self) -> tuple[str, ...]:
        """The columns of which Delta may keep smallest and largest values, most useful first. Never of people, under
        whatever name: the values stay in the table's log after the rows are erased."""
        telling = [one for one in self.own_columns if one.privacy == "none" and one.name != self.day_column]
        telling = [one for one in telling if one.type not in ("boolean", "array<string>")]
        useful = [one for one in telling if one.type != "string" or one.name in self.key]
        chosen = sorted(useful, key=lambda one: (one.type not in ("date", "timestamp"), one.name not in self.key))
        # A partition's day is known without them.
        first = () if self.is_partitioned else (self.day_column,)
        return (*first, *[one.name for one in chosen])[:MOST_STATISTICS]

    def row_rules(self) -> tuple[Check, ...]:
        """All that is asked of each row by itself: no nulls where none are promised, the columns' checks, and those of
        the table that compare columns within a row."""
        filled = [
            Check(NOT_NULL, {"column": one.name}, place=self.path) for one in self.columns.values() if not one.nullable
        ]
        return (*filled, *(check for check in self._written_checks() if check.is_row_rule))

    def table_rules(self) -> tuple[Check, ...]:
        """All that is asked of the rows together: one row a key, and the checks about counts, shares and sums."""
        key = {"column_list": list(self.unique_columns)}
        unique = [Check(UNIQUE, key, place=self.path)] if len(self.unique_columns) > 1 else []
        if len(self.unique_columns) == 1:
            unique = [Check(UNIQUE_COLUMN, {"column": self.unique_columns[0]}, place=self.path)]
        return (*unique, *(check for check in self._written_checks() if not check.is_row_rule))

    def _written_checks(self) -> list[Check]:
        return [check for column in self.columns.values() for check in column.checks] + list(self.checks)


def load(name: str, root: Path | None = None) -> Contract:
    """The contract of ``layer.table``; DaybreakError names file, line and key of what is wrong with it."""
    return _load(name, root or ROOT)


def names(layer: str | None = None, root: Path | None = None) -> list[str]:
    """The tables that have a contract, sorted; those of one layer where it is given."""
    found = (root or ROOT).glob(f"{layer or '*'}/*.yml")
    return sorted(f"{path.parent.name}.{path.stem}" for path in found)


@cache
def _load(name: str, root: Path) -> Contract:
    path = root / f"{name.replace('.', '/', 1)}.yml"
    if name.count(".") != 1 or not path.is_file():
        raise DaybreakError(f"no contract of a table {name!r} in {shown(root)}; {nearest(name, names(root=root))}")
    section = Section.load(path).only(KEYS)
    history = section.value("history", str, among=HISTORY)
    columns = _columns(section, root)
    added = _added(name.split(".", 1)[0], history)
    for one in added:
        if one.name in columns:
            section.section("columns").refuse(one.name, "the loader adds this column to every such table: leave it out")  # type: ignore[union-attr]
    columns |= {one.name: one for one in added}
    contract = Contract(
        name=name,
        row=section.value("row", str),
        key=_key(section, columns),
        history=history,
        columns=columns,
        path=shown(path),
        event_time=_event_time(section, columns, history),
        event_day=_event_day(section, columns, history),
        checks=contract_checks.of_table(section, {one.name: one.type for one in columns.values()}, root),
        limits=contract_checks.limits(section, columns, set(names(root=root))),
        needs=_needs(section, root),
    )
    return contract


def _columns(section: Section, root: Path) -> dict[str, Column]:
    below = section.section("columns")
    if below is None or not below.names():
        section.refuse("columns" if below else None, "the table has no columns: expected a name and its facts for each")
    found = {}
    for name in below.names():
        part = below.section(name)
        assert part is not None
        part.only(("type", "unit", "meaning", "privacy", "nullable", "default", "checks"))
        if not name.isidentifier() or name != name.lower():
            below.refuse(name, "a column's name has lower-case letters, digits and underscores only")
        kind = part.value("type", str, among=SPARK_TYPES)
        found[name] = Column(
            name=name,
            type=kind,
            meaning=_meaning(part, name),
            privacy=part.value("privacy", str, among=PRIVACY),
            unit=part.value("unit", str, default=None),
            nullable=part.value("nullable", bool, default=False),
            has_default=part.has("default"),
            default=_default(part, kind),
            checks=contract_checks.of_column(part, name, kind, root),
        )
    return found


def _meaning(part: Section, name: str) -> str:
    meaning = part.value("meaning", str).strip()
    if {word.lower() for word in meaning.split()} <= {"the", "a", "an", "of", "id", *name.split("_")}:
        part.refuse("meaning", f"{meaning!r} only repeats the name: say what a reader could not guess from it")
    return meaning


def _default(part: Section, kind: str) -> Any:
    kinds: dict[str, tuple[type, ...]] = {
        "int": (int,),
        "long": (int,),
        "double": (float,),
        "boolean": (bool,),
        "date": (date,),
        "timestamp": (datetime,),
        "array<string>": (list,),
    }
    return part.value("default", *kinds.get(kind, (str,)), default=None)


def _key(section: Section, columns: Mapping[str, Column]) -> tuple[str, ...]:
    key = section.value("key", list)
    for name in key:
        if name not in columns:
            section.refuse("key", f"there is no column {name!r}; {nearest(name, columns)}")
        if columns[name].nullable and not columns[name].is_added:
            section.refuse("key", f"{name} may be null, and a key's column may not: drop `nullable` there")
    return tuple(key)


def _needs(section: Section, root: Path) -> tuple[str, ...]:
    needed = section.value("needs", list, default=[])
    known = [name.split(".", 1)[1] for name in names("validated", root)]
    for need in needed:
        name, _, column = need.partition(".")
        if name not in known:
            section.refuse("needs", f"there is no input table {name!r}; {nearest(name, known)}")
        if column:
            # Not by ``load``: a contract may name its own table, by mistake.
            columns = Section.load(root / "validated" / f"{name}.yml").section("columns")
            there = columns.names() if columns else []
            if column not in there:
                section.refuse("needs", f"the input table {name} has no column {column!r}; {nearest(column, there)}")
    return tuple(needed)


def _event_time(section: Section, columns: Mapping[str, Column], history: str) -> str | None:
    name = section.value("event_time", str, default=None)
    if name is None:
        return None
    if history != "events":
        section.refuse("event_time", f"only a table with `history: events` has one; this one has {history}")
    return _dated(section, "event_time", name, columns, ("timestamp", "date"))


def _event_day(section: Section, columns: Mapping[str, Column], history: str) -> str | None:
    if section.has("event_day"):
        return _dated(section, "event_day", section.value("event_day", str), columns, ("date",))
    event_time = section.value("event_time", str, default=None)
    if history != "events" or event_time is None:
        return None
    if columns[event_time].type == "date":
        return str(event_time)
    section.refuse("event_time", "a moment alone has no day in the store's zone: add `event_day: <date column>`")


def _dated(section: Section, key: str, name: str, columns: Mapping[str, Column], kinds: tuple[str, ...]) -> str:
    if name not in columns:
        section.refuse(key, f"there is no column {name!r}; {nearest(name, columns)}")
    if columns[name].type not in kinds:
        section.refuse(key, f"{name} is of type {columns[name].type}; expected {' or '.join(kinds)}")
    return name


def _added(layer: str, history: str) -> list[Column]:
    if history == "daily":
        meaning = "day for which the table was computed, from what was known by its end"
        return [Column("as_of", "date", meaning, unit="day local to the store", is_added=True)]
    known = "day from which the row counts: nothing computed for an earlier day sees it"
    added = [Column("known_day", "date", known, unit="day local to the store", is_added=True)]
    if layer == "validated":
        file = "delivered file that held the row, as its path below the landing folder"
        version = "1 for the first bytes delivered under that path, 2 for those that took their place, and so on"
        row = "place of the row among the file's data rows, from 1"
        added.append(Column("_file", "string", file, nullable=True, is_added=True))
        added.append(Column("_file_version", "int", version, nullable=True, is_added=True))
        added.append(Column("_row", "long", row, nullable=True, is_added=True))
    return added
