"""Card numbers are found in text, and what only looks like them is left alone."""

from __future__ import annotations

import pyarrow as pa
import pytest

from jobs.landed import cards

# Numbers that issuers publish for testing; none belongs to anybody.
PUBLISHED = [
    "4111111111111111", "4012888888881881", "4222222222222", "5555555555554444", "2223003122003222", "378282246310005",
    "6011111111111117", "30569309025904", "3530111333300000", "6759649826438453",
]  # fmt: skip


@pytest.mark.parametrize("number", PUBLISHED)
def test_test_numbers_of_every_issuer_are_found(number: str) -> None:
    assert cards.is_in(number)
    assert cards.is_in(f"{number}.0"), "as a spreadsheet writes it"
    assert cards.is_in(f"paid by card {' '.join(number[at : at + 4] for at in range(0, len(number), 4))}, thanks")
    assert cards.is_in(f"order 12 {'-'.join(number[at : at + 4] for at in range(0, len(number), 4))}.")


@pytest.mark.parametrize(
    "text",
    [
        "4111111111111112",  # wrong check digit
        "9111111111111111",  # no issuer
        "411111111111111",  # too short for its issuer
        "41111111111111111111",  # too long
        "2010-12-01 08:26:00",
        "37.8282246310005",  # a computed share, not American Express
        "0.4111111111111111",
        '{"score": 0.4111111111111111, "more": [1.4111111111111111]}',  # a fraction within JSON
        "72d76fde-8bb3-4e00-8c23-a032dfed738c",
        "+44 20 7946 0958",
        "",
    ],
)
def test_what_only_looks_like_one_is_left_alone(text: str) -> None:
    assert not cards.is_in(text)


@pytest.mark.parametrize("text", ["4111111111111111.0", '{"pan": 4111111111111111}', "No.4111111111111111"])
def test_a_card_behind_or_before_a_point_is_one(text: str) -> None:
    assert cards.is_in(text)


def test_cells_are_named_and_ids_exempt() -> None:
    cells = {"id": [PUBLISHED[0], "1"], "note": ["fine", f"card {PUBLISHED[1]}"], "n": [None, None]}
    batch = pa.RecordBatch.from_pydict(cells, pa.schema([(name, pa.string()) for name in cells]))
    assert cards.found_in(batch, frozenset({"id"})) == [(1, "note")]
    assert cards.found_in(batch, frozenset()) == [(0, "id"), (1, "note")]
