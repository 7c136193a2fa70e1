"""Random text that a regular expression matches, for test frames."""

from __future__ import annotations

import string
from re import _constants as sre  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

import numpy as np

from jobs.lib.errors import DaybreakError

MOST_REPEATS = 6
SIGNS = string.ascii_letters + string.digits + " -_"
CATEGORIES = {
    sre.CATEGORY_DIGIT: string.digits,
    sre.CATEGORY_WORD: string.ascii_letters + string.digits + "_",
    sre.CATEGORY_SPACE: " ",
    sre.CATEGORY_NOT_DIGIT: string.ascii_letters,
    sre.CATEGORY_NOT_WORD: " -",
    sre.CATEGORY_NOT_SPACE: string.ascii_letters + string.digits,
}


def matching(pattern: str, random: np.random.Generator) -> str:
    """One text that ``pattern`` matches from end to end; open repeats end after six. DaybreakError for look-arounds and
    other constructs that do not say what to write."""
    return "".join(_write(token, random, pattern) for token in parser.parse(pattern))


def _write(token: tuple[Any, Any], random: np.random.Generator, pattern: str) -> str:
    kind, given = token
    if kind == sre.LITERAL:
        return chr(given)
    if kind == sre.AT:
        return ""
    if kind == sre.ANY:
        return _pick(SIGNS, random)
    if kind in (sre.IN, sre.NOT_LITERAL):
        return _pick(_signs(given if kind == sre.IN else [(sre.NEGATE, None), (sre.LITERAL, given)]), random)
    if kind in (sre.MAX_REPEAT, sre.MIN_REPEAT):
        least, most, inner = given
        times = int(random.integers(least, max(least, min(int(most), least + MOST_REPEATS)) + 1))
        return "".join(_write(one, random, pattern) for _ in range(times) for one in inner)
    if kind == sre.SUBPATTERN:
        return "".join(_write(one, random, pattern) for one in given[-1])
    if kind == sre.BRANCH:
        branches = given[1]
        return "".join(_write(one, random, pattern) for one in branches[int(random.integers(len(branches)))])
    raise DaybreakError(f"no random text can be written for {kind} in the pattern {pattern!r}")


def _signs(parts: list[tuple[Any, Any]]) -> str:
    named: set[str] = set()
    for kind, given in parts:
        if kind == sre.LITERAL:
            named.add(chr(given))
        elif kind == sre.RANGE:
            named |= {chr(code) for code in range(given[0], given[1] + 1)}
        elif kind == sre.CATEGORY:
            named |= set(CATEGORIES[given])
    if parts[0][0] == sre.NEGATE:
        return "".join(sign for sign in SIGNS if sign not in named)
    return "".join(sorted(named))


def _pick(signs: str, random: np.random.Generator) -> str:
    return signs[int(random.integers(len(signs)))]
