"""How a category sells, on the history of the conftest worked out by hand."""


def test_categories_sum_their_items(made: dict) -> None:
    assert made["category"]["kitchen"]["units_28d"] == 5
    assert made["category"]["desk"]["customers_28d"] == 2
