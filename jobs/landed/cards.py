"""Payment card numbers in delivered text: a row that holds one is written nowhere.

A number is a run of 13 to 19 digits, single blanks or dashes between them allowed, with the prefix and length of an
issuer (ISO/IEC 7812) and a right check digit (Luhn). Columns declared as ids are exempt: one in ten ids of such a
length has a right check digit by chance.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

RULE = "card_number"
CANDIDATE = r"[0-9](?:[ -]?[0-9]){12}"  # cheap and too wide, for RE2; the pattern below looks closer
# Not what stands behind a point: in JSON the digits of a fraction are in a text of their own.
RUN = re.compile(r"(?<![0-9A-Za-z])(?<![0-9]\.)[0-9]+(?:[ -][0-9]+)*(?![0-9A-Za-z])")
# A cell that is one decimal fraction: a computed 37.9923255813953 is no card; one that a spreadsheet made 4111….0 is.
FRACTION = re.compile(r"\s*[+-]?[0-9]{0,12}\.[0-9]+(?:[eE][+-]?[0-9]+)?\s*")
SHORTEST, LONGEST = 13, 19
# Issuer -> prefixes (first and last of a range) and lengths of their card numbers.
ISSUERS: tuple[tuple[tuple[tuple[int, int], ...], tuple[int, ...]], ...] = (
    (((4, 4),), (13, 16, 19)),  # Visa
    (((51, 55), (2221, 2720)), (16,)),  # Mastercard
    (((34, 34), (37, 37)), (15,)),  # American Express
    (((6011, 6011), (644, 649), (65, 65)), (16, 17, 18, 19)),  # Discover
    (((300, 305), (309, 309), (36, 36), (38, 39)), (14, 15, 16)),  # Diners Club
    (((3528, 3589),), (16, 17, 18, 19)),  # JCB
    (((62, 62), (81, 81)), (16, 17, 18, 19)),  # UnionPay; the last line is Maestro
    (((5018, 5018), (5020, 5020), (5038, 5038), (5893, 5893), (6304, 6304), (6759, 6763)), tuple(range(13, 20))),
)


def found_in(batch: pa.RecordBatch, exempt: frozenset[str]) -> list[tuple[int, str]]:
    """(0-based row, column) of each cell of a batch of text columns that holds a card number, in row order."""
    cells = []
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        if name.casefold() in exempt:
            continue
        suspects = pc.indices_nonzero(pc.match_substring_regex(column, CANDIDATE))
        cells += [(index, name) for index in suspects.to_pylist() if is_in(column[index].as_py())]
    return sorted(cells)


def is_in(text: str) -> bool:
    """Whether a text holds a card number, other numbers beside it or not."""
    if FRACTION.fullmatch(text):
        return False
    return any(_is_card(digits) for run in RUN.finditer(text) for digits in _joined(re.split("[ -]", run.group())))


def _joined(groups: list[str]) -> Iterator[str]:
    """Neighbouring groups of digits put together, where that makes the length of a card number."""
    for first in range(len(groups)):
        digits = ""
        for group in groups[first:]:
            digits += group
            if len(digits) > LONGEST:
                break
            if len(digits) >= SHORTEST:
                yield digits


def _is_card(digits: str) -> bool:
    return _has_issuer(digits) and _has_check_digit(digits)


def _has_issuer(digits: str) -> bool:
    for ranges, lengths in ISSUERS:
        if len(digits) in lengths:
            for first, last in ranges:
                if first <= int(digits[: len(str(first))]) <= last:
                    return True
    return False


def _has_check_digit(digits: str) -> bool:
    doubled = (sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])
    return (sum(doubled) + sum(int(digit) for digit in digits[-1::-2])) % 10 == 0
