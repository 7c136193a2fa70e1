"""Random rows that keep a contract, and rows that break one rule of it: what tests are made of.

The values follow the contract's own checks, so that a new contract has test data without a line of code; an expectation
that this module cannot serve is refused by name.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd

from jobs.lib.contract_checks import Check
from jobs.lib.contracts import NOT_NULL, Column, Contract
from jobs.lib.errors import DaybreakError
from jobs.lib.random_text import matching

LAST_DAY = date(2026, 1, 31)
DAYS = 28
YEAR = timedelta(days=365)
NULL_SHARE = 0.1
ROUNDS = 200
LENGTHS = "expect_column_value_lengths_to_be_between"
LENGTH = "expect_column_value_lengths_to_equal"
BETWEEN = "expect_column_values_to_be_between"
IN_SET = "expect_column_values_to_be_in_set"
REGEX = "expect_column_values_to_match_regex"
A_ABOVE_B = "expect_column_pair_values_a_to_be_greater_than_b"
A_IS_B = "expect_column_pair_values_to_be_equal"
SERVED = (NOT_NULL, LENGTHS, LENGTH, BETWEEN, IN_SET, REGEX, A_ABOVE_B, A_IS_B)
DTYPES = {"int": "Int32", "long": "Int64", "double": "float64", "boolean": "boolean", "timestamp": "datetime64[us]"}


def random_frame(contract: Contract, rows: int, seed: int, last_day: date = LAST_DAY) -> pd.DataFrame:
    """``rows`` rows that keep every rule about rows and keys, with the loader's columns: days within the four weeks up
    to ``last_day``, which a table of ``history: daily`` holds alone. ``spark.createDataFrame(frame,
    contract.schema())`` takes it. The same seed gives the same frame; DaybreakError where the contract leaves no room
    for so many keys, or has a check about rows that this module makes no values for."""
    for rule in contract.row_rules():
        if rule.expectation not in SERVED:
            raise DaybreakError(f"{rule.place}: frames.py makes no values for {rule.expectation}: teach it there")
    random = np.random.default_rng(seed)
    unique = list(contract.unique_columns)
    frame = pd.DataFrame()
    for _ in range(ROUNDS):
        block = _block(contract, rows, random, last_day)
        frame = pd.concat([frame, block], ignore_index=True) if len(frame) else block
        if unique:
            frame = frame.drop_duplicates(unique, ignore_index=True)
        if len(frame) >= rows:
            frame = frame.head(rows)
            if "_row" in frame:
                frame["_row"] = pd.array(range(1, rows + 1), dtype="Int64")
            return frame
    raise DaybreakError(f"{contract.path}: the checks leave room for {len(frame)} different keys, not for {rows}")


def spoilt(frame: pd.DataFrame, contract: Contract, rule: Check, row: int) -> pd.DataFrame:
    """A copy of ``frame`` whose row number ``row`` breaks ``rule`` (and perhaps others of the same column)."""
    other = frame.copy()
    name = str(rule.column)
    if (partner := rule.kwargs.get("column_B")) and pd.isna(other[partner].iloc[row]):
        other.at[other.index[row], partner] = other[partner].dropna().iloc[0]
    value = None if rule.expectation == NOT_NULL else _wrong_value(other, contract.columns[name], rule, row)
    other[name] = other[name].astype(object)
    other.at[other.index[row], name] = value
    kind = contract.columns[name].type
    other[name] = other[name].astype(DTYPES.get(kind, "object"))
    return other


def _block(contract: Contract, rows: int, random: np.random.Generator, last_day: date) -> pd.DataFrame:
    days = [last_day - timedelta(days=int(age)) for age in random.integers(0, DAYS, rows)]
    made: dict[str, Any] = {}
    for name, column in contract.columns.items():
        if column.is_added or name in (contract.event_time, contract.event_day):
            made[name] = _dated(contract, name, days, random, last_day)
        else:
            made[name] = _values(column, contract, rows, random, last_day)
    for check in contract.checks:
        if check.expectation in (A_ABOVE_B, A_IS_B):
            _put_in_order(made, check, random)
    return pd.DataFrame(
        {name: pd.Series(made[name], dtype=_dtype(contract.columns[name])) for name in contract.columns}
    )


def _dated(contract: Contract, name: str, days: list[date], random: np.random.Generator, last_day: date) -> list[Any]:
    if name == "as_of":
        return [last_day] * len(days)
    if name == "_file":
        return [f"{day}.csv" for day in days]
    if name in ("_file_version", "_row"):
        return [1] * len(days)
    if contract.columns[name].type == "timestamp":
        midnights = [datetime(day.year, day.month, day.day) for day in days]
        return [
            at + timedelta(seconds=int(s))
            for at, s in zip(midnights, random.integers(0, 86400, len(days)), strict=True)
        ]
    return list(days)


def _values(column: Column, contract: Contract, rows: int, random: np.random.Generator, last_day: date) -> list[Any]:
    make = _maker(column, contract, rows, random, last_day)
    is_empty = random.random(rows) < (NULL_SHARE if column.nullable else 0.0)
    # A default is what most rows of a store have: a table of nothing but deleted items would test little.
    is_default = random.random(rows) < (0.8 if column.has_default and column.default is not None else 0.0)
    return [
        None if empty else column.default if default else make()
        for empty, default in zip(is_empty, is_default, strict=True)
    ]


def _maker(
    column: Column, contract: Contract, rows: int, random: np.random.Generator, last_day: date
) -> Callable[[], Any]:
    sets = [check.kwargs["value_set"] for check in column.checks if check.expectation == IN_SET]
    if sets:
        allowed = [value for value in sets[0] if all(value in other for other in sets)]
        return lambda: allowed[int(random.integers(len(allowed)))]
    if column.type == "boolean":
        return lambda: bool(random.random() < 0.5)
    if column.type == "array<string>":
        return lambda: [f"{column.name}{number}" for number in range(int(random.integers(0, 4)))]
    if column.type in ("id", "string"):
        # A key of its own needs more values than rows; other ids repeat, as customers and items do.
        is_alone = set(contract.unique_columns) - {"as_of"} == {column.name}
        spread = rows * 4 if is_alone else max(rows // 2, 8)
        return _text(column, spread, random)
    return _number(column, rows, random, last_day)


def _text(column: Column, spread: int, random: np.random.Generator) -> Callable[[], str]:
    patterns = [check.kwargs["regex"] for check in column.checks if check.expectation == REGEX]
    shortest, longest = _lengths(column)

    def make() -> str:
        if column.unit == "JSON object":
            return json.dumps(
                {"colour": f"shade {int(random.integers(spread))}", "is_new": bool(random.random() < 0.5)}
            )
        if patterns:
            for _ in range(ROUNDS):
                text = matching(patterns[0], random)
                if shortest <= len(text) <= longest and all(re.search(pattern, text) for pattern in patterns):
                    return text
            raise DaybreakError(
                f"{column.name}: frames.py found no text for {patterns} of {shortest} to {longest} signs"
            )
        return f"{column.name[:3]}{int(random.integers(spread))}".ljust(shortest, "x")[:longest]

    return make


def _lengths(column: Column) -> tuple[int, int]:
    shortest, longest = 1, 10**6
    for check in column.checks:
        if check.expectation in (LENGTHS, LENGTH):
            exact = check.kwargs.get("value")
            shortest = max(shortest, int(exact or check.kwargs.get("min_value") or 0))
            longest = min(longest, int(exact or check.kwargs.get("max_value") or 10**6))
    return shortest, longest


def _number(column: Column, rows: int, random: np.random.Generator, last_day: date) -> Callable[[], Any]:
    low, high = _bounds(column)
    if column.type in ("date", "timestamp"):
        usual = _as_kind(column, last_day)
        first = max(low or usual - YEAR, usual - YEAR)
        room = (min(high or first + 2 * YEAR, first + 2 * YEAR) - first).days
        return lambda: first + timedelta(days=int(random.integers(0, room + 1)))
    floor = low if low is not None else (high - 1000 if high is not None else 0)
    ceiling = min(high, floor + max(1000, rows)) if high is not None else floor + max(1000, rows)
    if column.type == "double":
        # Never a bound itself, which a strict check would refuse.
        return lambda: float(floor + (ceiling - floor) * (0.001 + 0.998 * random.random()))
    return lambda: int(random.integers(floor, ceiling + 1))


def _bounds(column: Column) -> tuple[Any, Any]:
    low, high = None, None
    step = 1 if column.type in ("int", "long") else timedelta(days=1) if column.type in ("date", "timestamp") else 0
    for check in column.checks:
        if check.expectation != BETWEEN:
            continue
        least, most = check.kwargs.get("min_value"), check.kwargs.get("max_value")
        if least is not None:
            least = least + step if check.kwargs.get("strict_min") else least
            low = least if low is None else max(low, least)
        if most is not None:
            most = most - step if check.kwargs.get("strict_max") else most
            high = most if high is None else min(high, most)
    return low, high


def _put_in_order(made: dict[str, list[Any]], check: Check, random: np.random.Generator) -> None:
    first, second = check.kwargs["column_A"], check.kwargs["column_B"]
    for at, (one, other) in enumerate(zip(made[first], made[second], strict=True)):
        if check.expectation == A_IS_B:
            made[first][at] = other
        elif one is not None and other is not None and not one > other:
            made[first][at] = other + _step(other) * int(random.integers(1, 30))


def _wrong_value(frame: pd.DataFrame, column: Column, rule: Check, row: int) -> Any:
    kwargs = rule.kwargs
    if rule.expectation == LENGTH:
        return "x" * (int(kwargs["value"]) + 1)
    if rule.expectation == LENGTHS:
        return "" if kwargs.get("min_value") else "x" * (int(kwargs["max_value"]) + 1)
    if rule.expectation == BETWEEN:
        if kwargs.get("min_value") is not None:
            return kwargs["min_value"] - _step(kwargs["min_value"])
        return kwargs["max_value"] + _step(kwargs["max_value"])
    if rule.expectation == IN_SET:
        return "no such value" if column.type in ("id", "string") else max(kwargs["value_set"]) + 1
    if rule.expectation == REGEX:
        return next(text for text in ("?!", "", " ", "Aa1") if not re.search(kwargs["regex"], text))
    if rule.expectation in (A_ABOVE_B, A_IS_B):
        other = frame[kwargs["column_B"]].iloc[row]
        return other - _step(other)
    raise DaybreakError(f"{rule.place}: frames.py knows no value that breaks {rule.expectation}: teach it there")


def _step(value: Any) -> Any:
    return timedelta(days=1) if isinstance(value, date) else 1


def _as_kind(column: Column, day: date) -> Any:
    return datetime(day.year, day.month, day.day) if column.type == "timestamp" else day


def _dtype(column: Column) -> str:
    return DTYPES.get(column.type, "object")
