"""The choice of the night's changes over the whole shop."""

from __future__ import annotations

import numpy as np
import pandas as pd

from jobs.pricing.portfolio import chosen


def options(*rows: tuple) -> pd.DataFrame:
    found = pd.DataFrame(rows, columns=["unit", "option", "value", "category", "weight", "ratio"])
    return found.assign(must_move=False, asked=1.0)


REVENUE = pd.Series({"K": 100.0, "L": 100.0})


def test_the_changes_that_gain_most_fit_the_number_allowed_lines_count_each_item() -> None:
    every = options(
        ("line", 0, 10.0, "K", 10, 1.1), ("line", 0, 10.0, "K", 10, 1.1), ("line", 0, 10.0, "K", 10, 1.1),
        ("a", 0, 6.0, "K", 10, 1.1), ("b", 0, 5.0, "K", 10, 1.1), ("c", 0, -1.0, "K", 10, 1.1),
    )  # fmt: skip
    assert set(chosen(every, 2, None, REVENUE).index) == {"a", "b"}
    assert set(chosen(every, 3, None, REVENUE).index) == {"a", "b"}  # 11 together beat the line's 10
    assert set(chosen(every, None, None, REVENUE).index) == {"line", "a", "b"}
    assert chosen(every, 0, None, REVENUE).empty


def test_a_category_keeps_its_average_price_by_smaller_steps_or_by_others_going_down() -> None:
    every = options(
        ("a", 0, 3.0, "K", 50, 1.04), ("a", 1, 5.0, "K", 50, 1.10), ("b", 0, 4.0, "K", 50, 1.10),
        ("d", 0, 1.0, "K", 60, 0.90), ("e", 0, 2.0, "L", 50, 1.10),
    )  # fmt: skip
    found = chosen(every, None, 0.02, REVENUE).to_dict()
    moved = every.set_index(["unit", "option"])
    push = sum(moved.loc[key, "weight"] * (moved.loc[key, "ratio"] - 1) for key in found.items() if key[0] != "e")
    assert abs(push) <= 2.0 + 1e-9
    assert found == {"a": 1, "d": 0} or sum(moved.loc[key, "value"] for key in found.items()) >= 6.0


def test_nothing_worth_doing_is_no_change() -> None:
    assert chosen(options(("a", 0, 0.0, "K", 1, 1.1)), 5, 0.1, REVENUE).empty


def test_what_mends_a_rule_leaves_the_rest_their_best() -> None:
    """A hundred that mend are worth a hundred times all gains: what is left for the others is still well chosen."""
    rng = np.random.default_rng(1)
    value, ratio = rng.exponential(1.0, 60), rng.uniform(1.02, 1.1, 60)
    gaining = options(*[(f"g{n}", 0, value[n], "K", 10.0, ratio[n]) for n in range(60)])
    mending = options(*[(f"m{n}", 0, 200.0, "L", 1.0, 0.999) for n in range(100)]).assign(must_move=True)
    alone = set(chosen(gaining, None, 0.2, REVENUE).index)
    found = set(chosen(pd.concat([gaining, mending], ignore_index=True), None, 0.2, REVENUE).index)
    assert len(found) == 100 + len(found - set(mending["unit"]))
    worth = [gaining.loc[gaining["unit"].isin(units), "value"].sum() for units in (found, alone)]
    assert len(alone) < 60 and worth[0] >= (1 - 2e-3) * worth[1]


def test_thousands_of_items_are_one_programme() -> None:
    rng = np.random.default_rng(0)
    items = np.repeat(np.arange(2000), 5)
    every = pd.DataFrame(
        {
            "unit": [f"i{item}" for item in items], "option": np.tile(np.arange(5), 2000),
            "value": rng.exponential(1.0, 10_000), "category": np.where(items % 2, "K", "L"),
            "weight": rng.exponential(10.0, 2000)[items], "ratio": rng.uniform(0.9, 1.1, 10_000), "must_move": False,
            "asked": 1.0,
        }
    )  # fmt: skip
    revenue = every.drop_duplicates("unit").groupby("category")["weight"].sum()
    found = chosen(every, 200, 0.01, revenue)
    assert len(found) <= 200
    taken = every.merge(found.reset_index(), on=["unit", "option"])
    push = (taken["weight"] * (taken["ratio"] - 1)).groupby(taken["category"]).sum()
    assert (push.abs() <= 0.01 * revenue + 1e-6).all() and taken["value"].sum() > 200
