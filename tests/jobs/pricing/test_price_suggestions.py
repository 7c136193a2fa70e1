"""What a suggested price may depend on: never on who buys."""

from __future__ import annotations

import inspect

import pytest

from jobs.lib import contracts, stages
from jobs.pricing.guardrails import Guardrails
from jobs.pricing.price_suggestions import left_over, price_suggestions


def test_no_price_depends_on_people_and_agreed_prices_are_not_touched() -> None:
    reads = stages.input_tables("pricing", price_suggestions, stages.discover("pricing"))
    about_people = {name for name in contracts.names() if "customer_id" in contracts.load(name).columns}
    assert not about_people & set(reads.values())
    assert (
        "validated.contract_prices" in about_people
        and "contract_prices" not in inspect.signature(price_suggestions).parameters
    )


@pytest.mark.parametrize("name", contracts.names("pricing"))
def test_what_is_published_names_nobody(name: str) -> None:
    assert {column.privacy for column in contracts.load(name).columns.values()} == {"none"}


@pytest.mark.parametrize(("most", "left"), [(None, None), (5, 3), (1, 0)])
def test_markdowns_take_from_the_nights_changes(most: int | None, left: int | None) -> None:
    assert left_over(Guardrails(max_changes=most), 2).max_changes == left
