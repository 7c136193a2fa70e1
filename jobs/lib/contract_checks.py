"""A contract's rules as facts: the checks in Great Expectations' own names, and the limits of this house."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema

from jobs.lib import gx_names
from jobs.lib.marked import Section, nearest

SEVERITIES = ("critical", "warning")
PARAMETER = "$PARAMETER"
TEXT = ("id", "string")
COLUMN_KEYS = ("column", "column_A", "column_B")
COLUMN_LIST_KEYS = ("column_list", "column_set")


@dataclass(frozen=True)
class Check:
    """One expectation with its arguments (the column among them). A broken critical row is quarantined and a broken
    critical table stopped; warnings are only counted. ``place`` is file and line, for messages;
    ``name`` and ``about`` are the rule and the column that a rule of the house is shown under."""

    expectation: str
    kwargs: Mapping[str, Any]
    severity: str = "critical"
    place: str = field(default="", compare=False)
    name: str | None = None
    about: str | None = None

    @property
    def rule(self) -> str:
        """What results and quarantine call it: a house rule by its own name, any other by its expectation's."""
        return self.name or self.expectation

    @property
    def column(self) -> str | None:
        """The column it is about: the first where it compares several, None for the whole table."""
        first = self.kwargs.get("column_list") or [None]
        return self.about or self.kwargs.get("column") or self.kwargs.get("column_A") or first[0]

    @property
    def is_row_rule(self) -> bool:
        """Whether it judges each row by itself. One with ``mostly`` below 1 judges the share, so the table."""
        return gx_names.is_row_rule(self.expectation, self.kwargs.get("mostly", 1.0))


@dataclass(frozen=True)
class Volume:
    """Rows of a day against the median of the same weekday in the past ``weeks``: between these shares of it."""

    weeks: int
    min_share: float
    max_share: float


@dataclass(frozen=True)
class Reference:
    """At least ``min_share`` of a column's values that are not null must be keys of ``table``."""

    table: str
    min_share: float


@dataclass(frozen=True)
class Limits:
    """House rules whose bounds are known only at run time; None or empty where the contract sets none.
    ``snapshot_min_share``: of the keys that were there a new snapshot must have so many."""

    quarantined_share: float | None = None
    volume: Volume | None = None
    freshness_days: int | None = None
    snapshot_min_share: float | None = None
    references: Mapping[str, Reference] = field(default_factory=dict)


def of_column(part: Section, column: str, kind: str, root: Path) -> tuple[Check, ...]:
    """The checks of one column; their ``column`` is filled in."""
    found = []
    for entry in part.sections("checks"):
        check = _check(entry, root, {"column": column})
        _fits(entry, check, {column: kind})
        found.append(check)
    return tuple(found)


def of_table(section: Section, types: Mapping[str, str], root: Path) -> tuple[Check, ...]:
    """The checks of the table; the columns that they name must be the contract's."""
    found = []
    for entry in section.sections("checks"):
        check = _check(entry, root, {})
        named = [check.kwargs[key] for key in COLUMN_KEYS if key in check.kwargs]
        named += [name for key in COLUMN_LIST_KEYS for name in check.kwargs.get(key) or []]
        for name in named:
            if name not in types:
                entry.refuse(check.expectation, f"there is no column {name!r}; {nearest(name, types)}")
        _fits(entry, check, types)
        found.append(check)
    return tuple(found)


def limits(section: Section, columns: Iterable[str], tables: Iterable[str]) -> Limits:
    """The limits of a contract; the tables that references name must have contracts."""
    part = section.section("limits")
    if part is None:
        return Limits()
    part.only(("quarantined_share", "volume", "freshness_days", "snapshot_min_share", "references"))
    below = part.section("volume")
    volume = None
    if below is not None:
        below.only(("weeks", "min_share", "max_share"))
        volume = Volume(below.value("weeks", int), below.value("min_share", float), below.value("max_share", float))
        if volume.weeks < 1 or not 0 <= volume.min_share <= 1 <= volume.max_share:
            part.refuse("volume", "expected weeks of 1 or more and min_share ≤ 1 ≤ max_share")
    return Limits(
        quarantined_share=_share(part, "quarantined_share", default=None),
        volume=volume,
        freshness_days=part.value("freshness_days", int, default=None),
        snapshot_min_share=_share(part, "snapshot_min_share", default=None),
        references=_references(part.section("references"), list(columns), list(tables)),
    )


def _references(part: Section | None, columns: list[str], tables: list[str]) -> dict[str, Reference]:
    found: dict[str, Reference] = {}
    for column in part.only(columns).names() if part else ():
        below = part.section(column)  # type: ignore[union-attr]
        assert below is not None
        below.only(("table", "min_share"))
        found[column] = Reference(below.value("table", str, among=tables), _share(below, "min_share"))
    return found


def _share(part: Section, key: str, **otherwise: Any) -> Any:
    share = part.value(key, float, **otherwise)
    if share is not None and not 0 <= share <= 1:
        part.refuse(key, f"expected a share between 0 and 1, found {share}")
    return share


def _check(entry: Section, root: Path, given: dict[str, Any]) -> Check:
    expectations = [key for key in entry.names() if key != "severity"]
    if len(expectations) != 1:
        entry.refuse(None, "expected one expectation's name with its arguments, and `severity` beside it")
    name = expectations[0]
    if name not in gx_names.known():
        entry.refuse(name, f"Great Expectations has no such expectation here; {nearest(name, gx_names.known())}")
    severity = entry.value("severity", str, default="critical", among=SEVERITIES)
    known = gx_names.known()[name]
    if given and "column" not in known.keys:
        entry.refuse(name, "this expectation is not about one column: put it under the table's own `checks`")
    arguments: dict[str, Any] = dict(given)
    if entry.value(name) is not None:
        below = entry.section(name)
        assert below is not None
        below.only([key for key in known.keys if key not in given])
        arguments |= {key: _argument(below, key, root) for key in below.names()}
    for key in known.required:
        if key not in arguments:
            entry.refuse(name, f"the argument {key!r} is missing")
    _of_schema(entry, name, arguments)
    return Check(name, arguments, severity, f"{entry.file}:{entry.line(name)}")


def _argument(below: Section, key: str, root: Path) -> Any:
    value = below.value(key)
    if not (isinstance(value, dict) and PARAMETER in value):
        return value
    sets = shared_values(root)
    if value[PARAMETER] not in sets:
        below.refuse(key, f"values.yml has no set {value[PARAMETER]!r}; {nearest(value[PARAMETER], sets)}")
    return list(sets[value[PARAMETER]])


def _of_schema(entry: Section, name: str, arguments: Mapping[str, Any]) -> None:
    shape = gx_names.known()[name].schema
    shown = {key: value.isoformat() if isinstance(value, date) else value for key, value in arguments.items()}
    for problem in jsonschema.Draft7Validator(shape).iter_errors(shown):
        key = ".".join(str(step) for step in problem.path)
        refused = f"{key}: Great Expectations does not take {problem.instance!r} there"
        entry.refuse(name, refused if key else problem.message)


def _fits(entry: Section, check: Check, types: Mapping[str, str]) -> None:
    """Refuses what Spark could only fail on at night: numbers compared with text, lengths of numbers, mixed bounds."""
    kind = types.get(check.column or "")
    about_text = "_value_lengths_" in check.expectation or "_match_" in check.expectation
    if kind is None or check.expectation.startswith("expect_table_"):
        return
    if about_text and kind not in TEXT:
        entry.refuse(check.expectation, f"this checks text, and {check.column} is of type {kind}")
    if check.expectation != "expect_column_values_to_be_between":
        return
    if kind in (*TEXT, "boolean", "array<string>"):
        entry.refuse(check.expectation, f"{check.column} is of type {kind}, which has no order to be between bounds in")
    fitting: tuple[type, ...] = {"date": (date,), "timestamp": (datetime,)}.get(kind, (int, float))
    bounds = [check.kwargs[key] for key in ("min_value", "max_value") if check.kwargs.get(key) is not None]
    if not bounds:
        entry.refuse(check.expectation, "expected min_value, max_value or both")
    for bound in bounds:
        if not isinstance(bound, fitting) or (kind == "date" and isinstance(bound, datetime)):
            entry.refuse(check.expectation, f"{bound!r} is no bound for {check.column} of type {kind}")
    if len(bounds) == 2 and bounds[0] > bounds[1]:
        entry.refuse(check.expectation, f"min_value {bounds[0]} is above max_value {bounds[1]}")


@cache
def shared_values(root: Path) -> dict[str, list[Any]]:
    """The sets of values in ``expectations/values.yml`` that contracts name by ``{$PARAMETER: <name>}``."""
    path = root / "values.yml"
    if not path.is_file():
        return {}
    section = Section.load(path)
    found = {key: section.value(key, list) for key in section.names()}
    for key, values in found.items():
        if len({type(value) for value in values}) > 1:
            section.refuse(key, "values of several types; quote those meant as text")
    return found
