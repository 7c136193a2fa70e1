"""The dynamic programme against sums done by hand, and what the belief learns."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import nbinom

from jobs.pricing import fluid
from jobs.pricing.markdown_belief import Belief
from jobs.pricing.markdown_dp import demand, followed, path, price_now, worth

PRICES = np.array([1.0, 0.6])


def test_demand_is_the_negative_binomial_with_its_far_end_together() -> None:
    found = demand(4.0, 8.0, 5)
    exact = nbinom(8, 8 / 12)
    np.testing.assert_allclose(found[:5], exact.pmf(range(5)))
    assert found[5] == pytest.approx(exact.sf(4)) and found.sum() == pytest.approx(1)


def test_the_last_week_is_the_best_of_what_one_week_brings() -> None:
    rates = np.array([2.0, 5.0])
    found = worth(3, np.ones(1), PRICES, rates, 8.0, 0.1)
    for j, rate in enumerate(rates):
        chances = demand(rate, 8.0, 3)
        by_hand = sum(chances[d] * (PRICES[j] * d + 0.1 * (3 - d)) for d in range(4))
        assert found[0, j, 3] == pytest.approx(by_hand)


def test_more_weeks_and_lower_later_prices_are_worth_no_less() -> None:
    one, two = (worth(20, np.ones(weeks), PRICES, np.array([3.0, 9.0]), 8.0, 0.0) for weeks in (1, 2))
    assert (two[0, 0, 1:] > one[0, 0, 1:]).all()


def test_much_stock_is_marked_down_and_little_is_not() -> None:
    rates, one = np.array([[3.0, 12.0]]), np.ones(1)
    assert price_now(60, 4, 0, PRICES, rates, one, 8.0, 0.0) == 1
    assert price_now(5, 4, 0, PRICES, rates, one, 8.0, 0.0) == 0
    assert price_now(5, 4, 1, PRICES, rates, one, 8.0, 0.0) == 1  # a price never rises


def test_a_path_followed_sells_what_it_says() -> None:
    rates, one = np.array([[3.0, 12.0]]), np.ones(1)
    way = path(30, np.ones(4), 0, PRICES, rates, one, 8.0, 0.0)
    told = followed(30, way, rates, one, 8.0, np.ones(4))
    assert told[:-1, 0].sum() + told[-2, 1] == pytest.approx(30, abs=1e-6)
    rng = np.random.default_rng(0)
    left = np.full(20_000, 30)
    for week in range(4):
        left = np.maximum(left - rng.negative_binomial(8, 8 / (8 + rates[0, way[week]]), len(left)), 0)
    assert told[-1, 0] == pytest.approx((left == 0).mean(), abs=0.015)


def test_a_belief_learns_its_level_and_its_scenarios_are_equal_parts() -> None:
    belief = Belief.prior(np.log(10), 0.6, -2.0, 0.5, 8.0)
    for _ in range(6):
        belief = belief.updated(25, 1.0)
    level, slope, weight = belief.scenarios()
    assert np.exp(belief.weight @ belief.log_level) == pytest.approx(24, rel=0.15)
    np.testing.assert_allclose(weight, 1 / 6, atol=1e-6)
    assert (np.diff(level + slope * np.log(0.7)) >= -1e-9).all()


def test_the_fluid_plan_switches_once_and_only_down() -> None:
    way = fluid.path(
        500.0, np.ones(8), 0, np.array([1.0, 0.8, 0.6, 0.4]), np.array([20.0, 35.0, 60.0, 130.0]), 0.4, 0.0
    )
    assert (np.diff(way) >= 0).all() and len(set(way)) <= 2 and way[-1] > 0
    few = fluid.path(50.0, np.ones(8), 0, np.array([1.0, 0.8, 0.6, 0.4]), np.array([20.0, 35.0, 60.0, 130.0]), 0.4, 0.0)
    assert (few[:6] == 0).all()
    assert fluid.expected_sales(100.0, np.array([10.0]), 0.1)[0] == pytest.approx(10.0, rel=1e-3)
