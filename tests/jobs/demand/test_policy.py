"""Levels, orders and shares on demand whose best answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from jobs.demand import policy
from jobs.demand.ahead import demand_ahead
from jobs.demand.policy import Level, Terms


def rng() -> np.random.Generator:
    return np.random.default_rng(3)


def steady(units: float, draws: int = 40, steps: int = 28) -> np.ndarray:
    return np.full((draws, steps), units, np.float32)


def curve(best: float, low: float = 9.0, high: float = 1.0) -> Level:
    """Piecewise straight about ``best``, as a newsvendor's cost is."""
    tried = np.linspace(0, 3 * best, 31)
    return Level(best, tried, np.where(tried < best, low * (best - tried), high * (tried - best)), np.ones(1))


def test_certain_demand_needs_what_goes_until_the_next_order_arrives() -> None:
    found = policy.best_level(steady(3.0), Terms(7, 0, 1, 1, 9), rng())
    assert found.best == pytest.approx(3.0 * 8)
    assert policy.best_level(steady(3.0), Terms(0, 0, 1, 1, 9), rng()).best == pytest.approx(3.0)
    assert policy.best_level(steady(3.0, steps=42), Terms(7, 0, 7, 1, 63), rng()).best == pytest.approx(
        3.0 * 14, rel=0.1
    )


def test_nobody_wants_it_nothing_is_kept() -> None:
    found = policy.best_level(steady(0.0), Terms(7, 2, 1, 1, 9), rng())
    assert found.best == 0 and policy.reorder_point(found, 1) < 0


def test_the_level_costs_least_of_all_tried_and_less_than_its_neighbours() -> None:
    demand = rng().gamma(0.6, 5, (400, 28)).astype(np.float32)
    terms = Terms(7, 0, 1, 1, 9)
    found = policy.best_level(demand, terms, rng())
    leads = policy.lead_draws(terms, demand.shape, rng())
    aims = np.outer(found.best * np.array([0.8, 1.0, 1.25]), found.profile)
    around = policy.simulated_cost(demand, aims, leads, terms, 7)
    assert around.argmin() == 1
    # Lost sales: what is lost need not be made up for, so less than the newsvendor's nine in ten is enough.
    assert found.best < np.quantile(policy.protected(demand, terms), 0.9)


def test_tonights_level_is_for_the_days_that_tonights_order_is_for() -> None:
    growing = np.tile(np.arange(1.0, 29.0, dtype=np.float32), (40, 1))
    found = policy.best_level(growing, Terms(7, 0, 1, 1, 9), rng())
    assert found.best == pytest.approx(growing[0, :8].sum(), rel=0.02)
    assert found.best * found.profile[12] == pytest.approx(growing[0, 12:20].sum(), rel=0.02)
    # Beyond the last day the last two weeks come again.
    assert found.best * found.profile[-1] == pytest.approx(28 + growing[0, 14:21].sum(), rel=0.02)
    # Half a step of the protection period counts half.
    assert policy.profile(growing, Terms(0.5, 0, 1, 1, 9))[1] == pytest.approx((2 + 3 / 2) / (1 + 2 / 2))
    late = np.where(np.arange(28) < 14, 0, growing)
    assert policy.best_level(late, Terms(7, 0, 1, 1, 9), rng()).best == 0


def test_uncertain_lead_times_and_dear_shortages_raise_the_level() -> None:
    demand = rng().poisson(4.0, (400, 35)).astype(np.float32)
    level = {deviation: policy.best_level(demand, Terms(7, deviation, 1, 1, 19), rng()).best for deviation in (0, 4)}
    assert level[4] > level[0] + 1
    assert policy.best_level(demand, Terms(7, 0, 1, 1, 2), rng()).best < level[0]


def test_lead_times_keep_their_mean_and_never_lie_in_the_past() -> None:
    for mean, deviation in ((7, 0), (2.5, 0), (7, 3), (1, 2)):
        drawn = policy.lead_draws(Terms(mean, deviation, 1, 1, 9), (20_000,), rng())
        assert drawn.min() >= 0 and abs(drawn.mean() - mean) < 0.06
    assert (policy.lead_draws(Terms(0, 0, 1, 1, 9), (5,), rng()) == 0).all()


def test_sums_go_on_beyond_the_last_day() -> None:
    assert policy.sum_over(steady(2.0, steps=10), 3.5) == pytest.approx(7.0)
    assert policy.sum_over(steady(2.0, steps=10), 15) == pytest.approx(30.0)


def test_an_order_lifts_to_the_level_in_packs_at_least_the_minimum_and_within_the_room() -> None:
    size = lambda position, pack=1, minimum=0, room=np.inf: policy.order_size(position, 9, 10, pack, minimum, room)  # noqa: E731
    assert size(10) == 0 and size(9.5) == 0 and size(9) == 1 and size(3) == 7
    assert size(3, pack=6) == 6 and size(0, pack=6) == 12 and size(9, pack=6) == 6
    assert size(8, minimum=20) == 20 and size(8, pack=6, minimum=20) == 24
    assert size(3, room=4) == 4 and size(3, pack=6, room=5) == 0 and size(3, minimum=6, room=5) == 0
    assert size(-4) == 14  # what is owed is ordered too


def test_the_reorder_point_falls_with_the_size_of_a_pack() -> None:
    points = [policy.reorder_point(curve(20.0), pack) for pack in (1, 6, 12)]
    assert points[0] == pytest.approx(19.9, abs=0.05) and points[0] > points[1] > points[2] > 10
    # A pack for years: kept only where an empty shelf costs more than the pack.
    assert policy.reorder_point(curve(2.0), 400) == -1 and policy.reorder_point(curve(2.0), 25) == 0


def test_a_supply_for_years_pays_nowhere_however_dear_shortage_is() -> None:
    shares, quantiles = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95), np.tile([0, 1, 2, 3, 4, 5, 6.0], (28, 1))
    # For one of these the highest of the shares first tried is still the cheapest.
    for key in range(25):
        demand = demand_ahead(quantiles, np.full(28, 3.0), shares, 28, 300, np.uint64(key))
        found = policy.best_level(demand, Terms(1, 0.25, 3, 1, 3 * 49), np.random.default_rng(key))
        assert found.cost_at(10_000) > found.cost_at(0) and policy.reorder_point(found, 10_000) == -1


def test_the_chance_to_run_out_counts_deliveries_and_what_is_owed() -> None:
    none, there = np.zeros((4, 3)), np.zeros((4, 3))
    there[:, 1] = 6
    demand = steady(3.0, 4, 3)
    assert policy.run_out_chance(demand, 9, none) == 0 and policy.run_out_chance(demand, 8, none) == 1
    assert policy.run_out_chance(demand, 3, there) == 0 and policy.run_out_chance(demand, -3, there + 3) == 1


def test_too_little_goes_where_it_saves_most() -> None:
    levels = [curve(20.0), curve(20.0)]
    assert policy.fair_shares(levels, [0, 0], [10, 5], [1, 1], 100) == [10, 5]
    assert policy.fair_shares([curve(20.0, low=9), curve(20.0, low=2)], [0, 0], [20, 20], [1, 1], 25) == [20, 5]
    shares = policy.fair_shares([curve(20.0), curve(20.0)], [0, 18], [20, 2], [4, 1], 7)
    assert sum(shares) <= 7 and shares[0] % 4 == 0
    assert policy.fair_shares(levels, [0, 0], [5, 5], [1, 1], 0) == [0, 0]
