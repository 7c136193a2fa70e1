"""How an item sells, on the history of the conftest worked out by hand."""


def test_tests_fees_and_cancellations_teach_nothing(made: dict) -> None:
    assert "post" not in made["item"]
    assert made["item"]["cup"]["units_28d"] == 5
    assert made["item"]["pen"]["customers_all"] == 2


def test_an_item_is_active_from_its_launch_until_it_is_discontinued(made: dict) -> None:
    assert {name: row["is_active"] for name, row in made["item"].items()} == {
        "pen": True,
        "ink": False,
        "cup": True,
        "new": False,
    }


def test_first_baskets_and_discoveries_are_told_apart(made: dict) -> None:
    assert (made["item"]["pen"]["first_basket_28d"], made["item"]["pen"]["discoveries_28d"]) == (1, 0)
    assert (made["item"]["cup"]["first_basket_28d"], made["item"]["cup"]["discoveries_10d"]) == (0, 1)


def test_price_is_the_catalogues_before_that_of_the_lines(made: dict) -> None:
    assert (made["item"]["cup"]["price"], made["item"]["pen"]["price"]) == (4.5, 2.0)
