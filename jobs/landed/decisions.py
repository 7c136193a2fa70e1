"""What becomes of each file that was looked at: taken, known already, or refused. Pure functions."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from jobs.landed.cards import RULE as CARD_RULE
from jobs.landed.looks import Look
from jobs.lib.stores import Source

CARD_DETAIL = "a payment card number; the row was written nowhere. A column of ids goes under ids in store.yml"


@dataclass(frozen=True)
class Entry:
    """One file that landed: a row 0 of its landed table."""

    file: str
    version: int
    sha256: str
    rows: int
    known_day: date
    columns: tuple[str, ...] = ()


@dataclass(frozen=True)
class Taken:
    """A file to land; ``known_day`` is None where its rows tell theirs."""

    look: Look
    version: int
    known_day: date | None


@dataclass(frozen=True)
class Refusal:
    """A file (row 0) or a row of it that is not taken."""

    file: str
    sha256: str
    row: int
    column: str
    rule: str
    detail: str


@dataclass
class Decisions:
    """``taken`` in the order of their days; ``words`` for the log, one a matter."""

    taken: list[Taken] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)
    words: list[str] = field(default_factory=list)


def decide(
    source: Source, looks: Sequence[Look], days: dict[str, date | None], ledger: Sequence[Entry], closed: date | None
) -> Decisions:
    """``looks`` at the files of one source, ``days`` from their names, ``ledger`` all that landed of it before (the
    first to land first), ``closed`` the last night that has been closed."""
    made = Decisions()
    last = {entry.file: entry for entry in sorted(ledger, key=lambda entry: entry.version)}
    by_bytes = {entry.sha256: entry for entry in reversed(ledger)}
    expected = source.columns or (ledger[0].columns if ledger else None)
    known_columns = {name.casefold() for name in expected or ()}
    for look in sorted(looks, key=lambda look: (days.get(look.file) or date.max, look.file)):
        if look.is_same:
            continue
        if look.rule is not None:
            made.refused.append(Refusal(look.file, look.sha256, 0, "", look.rule, look.detail or ""))
            continue
        named, twin = days.get(look.file), by_bytes.get(look.sha256)
        day = counts_from(named, closed)
        # Equal bytes of another day, as of a shop that sold the same, are no repeat; nor is one that tells of no rows.
        is_other = twin is not None and twin.file != look.file and look.rows
        if twin and is_other and (day is None or day == twin.known_day or named == days.get(twin.file)):
            made.words.append(f"{look.file}: ignored, the same bytes as {twin.file}")
            continue
        problem = header_problem(source, look, expected)
        if problem is not None:
            made.refused.append(Refusal(look.file, look.sha256, 0, problem[0], "header", problem[1]))
            continue
        version = last[look.file].version + 1 if look.file in last else 1
        entry = Entry(look.file, version, look.sha256, look.rows, day or date.max, look.required)
        made.taken.append(Taken(look, version, day))
        made.refused += [Refusal(look.file, look.sha256, *cell, CARD_RULE, CARD_DETAIL) for cell in look.cards]
        by_bytes.setdefault(look.sha256, entry)
        made.words += _said(look, version, known_columns if expected is not None else None)
        known_columns |= {name.casefold() for name in look.columns}
        if expected is None and look.required:
            expected = look.required
    return made


def counts_from(day: date | None, closed: date | None) -> date | None:
    """The day from which rows count that belong to ``day``: never a day whose night is closed."""
    if day is None or closed is None:
        return day
    return max(day, closed + timedelta(days=1))


def header_problem(source: Source, look: Look, expected: Sequence[str] | None) -> tuple[str, str] | None:
    """(column, what is wrong) when a file lacks a column that it must have; None where its header will do."""
    needed = list(expected or ())
    if source.known.column is not None and source.known.column not in needed:
        needed.append(source.known.column)
    have = {name.casefold() for name in look.columns}
    missing = [name for name in needed if name.casefold() not in have]
    new = [name for name in look.columns if name.casefold() not in {one.casefold() for one in needed}]
    if source.format == "jsonl":
        # Who writes JSON may leave out what is empty, on a quiet day in all rows; a new key alike is another matter.
        day_column = source.known.column if look.rows else None
        missing = [name for name in missing if name == day_column or _nearest(name, new)]
    if not missing:
        return None
    renamed = _nearest(missing[0], new)
    names = ", ".join(repr(name) for name in missing)
    detail = f"line 1: the column{'s'[: len(missing) - 1]} {names} {'is' if len(missing) == 1 else 'are'} missing"
    if renamed:
        detail += f"; was it renamed to {renamed!r}?"
    if len(look.columns) == 1 and len(needed) > 1:
        detail += f"; the header is one field: is {source.delimiter!r} the delimiter (options.delimiter in store.yml)?"
    end = "" if detail.endswith(("?", ")")) else "."
    return missing[0], f"{detail}{end} Expected {', '.join(needed)}; the file has {', '.join(look.columns)}"


def _said(look: Look, version: int, known_columns: set[str] | None) -> Iterable[str]:
    if version > 1:
        yield f"{look.file}: other bytes under a known name, taken as version {version}; the earlier ones are kept"
    new = [name for name in look.columns if known_columns is not None and name.casefold() not in known_columns]
    if new:
        yield f"{look.file}: landed with columns that are new: {', '.join(new)}"
    if look.cards:
        yield f"{look.file}: {len({row for row, _ in look.cards}):,} rows refused, they hold card numbers"
    if not look.rows:
        yield f"{look.file}: holds no rows"


def _nearest(word: str, among: Sequence[str]) -> str | None:
    by_folded = {name.casefold().replace("_", "").replace(" ", ""): name for name in among}
    near = difflib.get_close_matches(word.casefold().replace("_", "").replace(" ", ""), by_folded, n=1, cutoff=0.6)
    if near:
        return by_folded[near[0]]
    return among[0] if len(among) == 1 else None
