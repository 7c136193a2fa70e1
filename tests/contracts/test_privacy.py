"""What is told of people goes only to the products that need it: what they may publish, and what they may read."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from jobs.lib import contracts, stages
from jobs.lib.settings import PRODUCTS

ROOT = Path(__file__).parents[2]
# Published columns about people, each for a reason. A new one is added here by a person who says why.
PUBLISHED = {
    "recommendations.for_customer": {
        "customer_id": "whose list it is: the store looks it up by its own number",
        "reason": "the sentence under the item, which the customer alone is shown",
    },
}
# Inputs with personal or sensitive columns, by product.
READ = {
    "recommendations": {
        "validated.events": "what was shown, clicked, viewed and carted, where; what was searched for stays unread",
        "features.customer": "consent, and the groups over which fairness is measured; sensitive columns rank nobody",
    },
    "pricing": {
        "validated.price_approvals": "what was decided about a suggestion; the note of who decided stays unread",
    },
}
TOLD = ("personal", "sensitive")


def about_people(name: str, classes: tuple[str, ...]) -> set[str]:
    """Columns of a table whose privacy class is one of these."""
    return {column.name for column in contracts.load(name).columns.values() if column.privacy in classes}


@pytest.mark.parametrize("product", PRODUCTS)
def test_a_product_publishes_only_what_it_was_granted(product: str) -> None:
    for name in contracts.names(product):
        granted = set(PUBLISHED.get(name, {}))
        assert about_people(name, ("pseudonym", *TOLD)) - granted == set(), name
        assert about_people(name, ("sensitive",)) == set(), f"{name}: what is sensitive is never published"


@pytest.mark.parametrize("product", PRODUCTS)
def test_no_published_column_takes_the_name_of_one_about_people(product: str) -> None:
    known = {column for layer in ("validated", "features") for name in contracts.names(layer)
             for column in about_people(name, TOLD)}  # fmt: skip
    for name in contracts.names(product):
        assert known & set(contracts.load(name).columns) <= set(PUBLISHED.get(name, {})), name


@pytest.mark.parametrize("product", PRODUCTS)
def test_a_product_reads_only_the_people_it_was_granted(product: str) -> None:
    assert named(product) | inputs(product), "nothing was looked at"
    telling = {table for table in named(product) | inputs(product) if about_people(table, TOLD)}
    assert telling - set(READ.get(product, {})) - set(PUBLISHED) == set()


def inputs(product: str) -> set[str]:
    """The tables that a product's transforms take."""
    transforms = stages.discover(product)
    return {
        table
        for function in transforms.values()
        for table in stages.input_tables(product, function, transforms).values()
    }


def named(product: str) -> set[str]:
    """The tables that its code names, as trainers and reports do: ``read("validated.events", …)``."""
    text = "".join(path.read_text() for path in (ROOT / "jobs" / product).glob("*.py"))
    known = {name for layer in ("validated", "features") for name in contracts.names(layer)}
    return {name for name in re.findall(r"\b((?:validated|features)\.\w+)", text) if name in known}


def test_every_grant_is_used() -> None:
    for name, columns in PUBLISHED.items():
        assert about_people(name, ("pseudonym", *TOLD)) == set(columns)
