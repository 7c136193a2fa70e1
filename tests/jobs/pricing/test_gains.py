"""Gains of prices: what neighbours win counts, no evidence stays silent, and the price desired is careful."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from jobs.pricing.gains import GainParams, desired_price, gains, neighbour_margins
from jobs.pricing.posterior import CATEGORY, NONE, OWN, Posterior


def posterior(
    elasticity: list[float], sd: float = 0.0, evidence: str = OWN, diversion: float = 0.0, nest: str = "n"
) -> Posterior:
    """Items i0, i1, … of one category and nest at price 10, 20 units a week each."""
    size, mean = len(elasticity), np.array(elasticity)
    draws = mean[:, None] + sd * np.random.default_rng(1).standard_normal((size, 400))
    return Posterior(
        item_id=np.array([f"i{at}" for at in range(size)]),
        category=np.full(size, "mugs"),
        nest=np.full(size, nest),
        evidence=np.full(size, evidence),
        mean=mean,
        low=mean - 1.28 * sd,
        high=mean + 1.28 * sd,
        draws=draws,
        naive=mean,
        price=np.full(size, 10.0),
        log_rate=np.full(size, np.log(20.0)),
        log_rate_sd=np.full(size, 0.1),
        diversion_nest=np.full(size, diversion),
        diversion_category=np.zeros(size),
        category_id=np.array(["mugs"]),
        category_mean=np.array([-2.0]),
        category_low=np.array([-3.0]),
        category_high=np.array([-1.0]),
    )


def current(cost: float | None, size: int = 2, price: float = 10.0) -> pd.DataFrame:
    return pd.DataFrame({"item_id": [f"i{at}" for at in range(size)], "price": price, "cost": cost})


def at(price: float, item: str = "i0") -> pd.DataFrame:
    return pd.DataFrame({"item_id": [item], "price": [price]})


WHOLE = GainParams(shrinkage=1.0)


def test_units_profit_and_gain_by_hand() -> None:
    told = gains(posterior([-2.0, -2.0]), current(5.0), at(11.0), WHOLE).iloc[0]
    units = 20 * 1.1**-2
    assert told["units"] == pytest.approx(units)
    assert told["profit"] == pytest.approx(6 * units)
    assert told["gain"] == pytest.approx(6 * units - 5 * 20)
    assert told["units_low"] < told["units"] < told["units_high"]
    assert told["profit_low"] < told["profit"] < told["profit_high"]


def test_what_neighbours_win_makes_a_higher_price_better() -> None:
    without = gains(posterior([-2.0, -2.0]), current(5.0), at(11.0), WHOLE)["gain"][0]
    with_it = gains(posterior([-2.0, -2.0], diversion=0.3), current(5.0), at(11.0), WHOLE)["gain"][0]
    lost = 20 - 20 * 1.1**-2
    assert with_it - without == pytest.approx(0.3 * 5 * lost), "a share of the lost units at the neighbour's margin"


def test_a_neighbour_without_a_cost_is_not_taken_for_all_margin() -> None:
    two = posterior([-2.0] * 2, diversion=0.3)
    known, unknown = (current(5.0).assign(cost=[5.0, cost]) for cost in (5.0, None))
    whole, partly = (gains(two, today, at(11.0), WHOLE)["gain"][0] for today in (known, unknown))
    assert partly == pytest.approx(whole), "its margin is taken for the category's usual one"
    # An item whose own cost is not known counts by revenue, and so does what its neighbours win of it.
    by_revenue = gains(two, unknown, at(11.0, "i1"), WHOLE)["gain"][0]
    assert by_revenue == pytest.approx(gains(two, current(None), at(11.0, "i1"), WHOLE)["gain"][0])


def test_without_mates_nothing_is_won_back() -> None:
    lone = posterior([-2.0], diversion=0.3)
    assert (
        gains(lone, current(5.0, 1), at(11.0))["gain"][0]
        == gains(posterior([-2.0]), current(5.0, 1), at(11.0))["gain"][0]
    )


def test_gains_are_shrunk_and_the_bound_lies_below() -> None:
    unsure = posterior([-2.0, -2.0], sd=0.8)
    whole, shrunk = (gains(unsure, current(5.0), at(11.0), params).iloc[0] for params in (WHOLE, GainParams()))
    assert shrunk["gain"] == pytest.approx(whole["gain"] * GainParams().shrinkage)
    assert shrunk["gain_low"] < shrunk["gain"]
    assert gains(unsure, current(5.0), at(10.0))["gain"][0] == pytest.approx(0, abs=1e-9)


def test_an_unknown_cost_means_revenue() -> None:
    told = gains(posterior([-2.0, -2.0]), current(None), at(9.0), WHOLE).iloc[0]
    assert told["profit"] == pytest.approx(9 * told["units"])
    wanted = desired_price(posterior([-2.0, -2.0]), current(None)).iloc[0]
    assert wanted["price"] == wanted["lower_bound_price"] < 10
    assert np.isnan(wanted["cost_plus_price"])


def test_no_evidence_says_nothing_and_keeps_the_price() -> None:
    blind = posterior([np.nan, np.nan], evidence=NONE)
    assert gains(blind, current(5.0), at(11.0)).drop(columns=["item_id", "price"]).isna().all(axis=None)
    assert list(desired_price(blind, current(5.0))["price"]) == [10.0, 10.0]


def test_an_item_that_nobody_knows_is_left_alone() -> None:
    known = posterior([-2.0])
    told = gains(known, current(5.0, 2), at(11.0, "i1"))
    assert told["gain"].isna().all()
    assert desired_price(known, current(5.0, 2))["price"][1] == 10.0


def test_the_price_desired_is_near_the_known_optimum() -> None:
    flat = GainParams(largest_step=0.5, steps=101, cost_plus_weight=0.0)
    wanted = desired_price(posterior([-2.0, -4.0]), current(5.0), flat)["price"]
    assert wanted[0] == pytest.approx(10.0, rel=0.02), "cost·e/(e+1)"
    assert wanted[1] == pytest.approx(5 * 4 / 3, rel=0.02)


def test_an_unsure_elasticity_moves_less() -> None:
    params = GainParams(cost_plus_weight=0.0)
    sure, unsure = (desired_price(posterior([-1.8, -1.8], sd), current(5.0), params)["price"][0] for sd in (0.05, 1.5))
    assert abs(unsure - 10) < abs(sure - 10)


def test_floor_of_margin_and_largest_step_hold() -> None:
    steep = desired_price(posterior([-8.0, -8.0], evidence=CATEGORY), current(9.0))["price"]
    assert (steep >= 9.0 / 0.95 - 1e-9).all()
    above = desired_price(posterior([-2.0, -2.0]), current(20.0))["price"]
    assert above.to_numpy() == pytest.approx(11.5), "a cost above the price: as far up as a step goes"


def test_cost_plus_is_the_categorys_median_mark_up() -> None:
    today = current(None, 3).assign(cost=[5.0, 5.0, 4.6])
    wanted = desired_price(posterior([-2.0] * 3), today)
    assert wanted["cost_plus_price"].to_numpy() == pytest.approx([10, 10, 9.2])


@pytest.mark.parametrize("price", [0.0, -1.0])
def test_prices_not_above_zero_are_refused(price: float) -> None:
    with pytest.raises(ValueError, match="candidate price"):
        gains(posterior([-2.0, -2.0]), current(5.0), at(price))
    with pytest.raises(ValueError, match="current price"):
        gains(posterior([-2.0, -2.0]), current(5.0, price=price), at(10.0))


def test_margins_of_neighbours_are_weighted_by_sales() -> None:
    names = np.array(["a", "a", "a"]), np.array(["n", "n", "m"])
    mates, rest = neighbour_margins(*names, np.array([1.0, 2.0, 4.0]), np.array([1.0, 1.0, 1.0]))
    assert mates == pytest.approx([2, 1, 0])
    assert rest == pytest.approx([4, 4, 1.5])


def test_what_costs_nothing_has_no_price_by_cost_and_strangers_no_say_in_it() -> None:
    free, unknown = (desired_price(posterior([-0.8, -0.8]), current(cost)).iloc[0] for cost in (0.0, None))
    assert np.isnan(free["cost_plus_price"]) and free["price"] == pytest.approx(free["lower_bound_price"])
    assert unknown["price"] == pytest.approx(unknown["lower_bound_price"])
    two = posterior([-2.0, -2.0])
    alone = desired_price(two, current(5.0)).iloc[:2]
    # Dear newcomers that the posterior has never seen sell at ten times their cost.
    crowd = pd.concat(
        [current(5.0), pd.DataFrame({"item_id": [f"new{n}" for n in range(9)], "price": 50.0, "cost": 5})]
    )
    found = desired_price(two, crowd.reset_index(drop=True))
    pd.testing.assert_frame_equal(found.iloc[:2], alone)
    assert (found["price"].iloc[2:] == 50.0).all()
