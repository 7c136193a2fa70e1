"""What a customer did with an item, on the history of the conftest worked out by hand."""

import pytest


def test_two_lines_of_an_order_are_one_order(made: dict) -> None:
    pair = made["customer_item"][("ann", "pen")]
    assert (pair["orders"], pair["units"], pair["revenue"]) == (2, 4, 8.0)


def test_decay_halves_with_each_half_life(made: dict) -> None:
    pair = made["customer_item"][("ann", "pen")]
    assert pair["decayed_30d"] == pytest.approx(0.25 + 0.5 ** (14 / 30), abs=1e-8)


def test_orders_passed_over_since_the_last_one(made: dict) -> None:
    assert made["customer_item"][("ann", "ink")]["orders_since"] == 2
    assert made["customer_item"][("ann", "cup")]["orders_since"] == 0


def test_pairs_only_looked_at_are_there_and_bots_are_not(made: dict) -> None:
    looked = made["customer_item"][("bob", "ink")]
    assert (looked["orders"], looked["views_28d"], looked["carts_28d"], looked["first_ordered_on"]) == (0, 2, 1, None)
    assert ("bob", "cup") not in made["customer_item"]
    assert made["item"]["cup"]["views_28d"] == 1
