"""The pricing world: seeded, not tilted, its truth consistent with what it sells."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from jobs.pricing.elasticity import PANEL
from jobs.store.pricing_truth import response, steepness
from jobs.store.pricing_world import PricingWorld, PricingWorldParams, pricing_world


@pytest.fixture(scope="module")
def world() -> PricingWorld:
    return pricing_world(11)


def test_the_same_seed_gives_the_same_world(world: PricingWorld) -> None:
    again, other = pricing_world(11), pricing_world(12)
    pd.testing.assert_frame_equal(world.panel, again.panel)
    assert not world.panel["units"].equals(other.panel["units"])


def test_the_panel_is_what_the_product_takes_and_holds_no_truth(world: PricingWorld) -> None:
    assert set(world.panel) == set(PANEL)
    assert len(world.panel) == 12 * 20 * 104
    assert 0.05 < world.panel["is_stockout"].mean() < 0.13
    assert 0.04 < world.panel["is_promotion"].mean() < 0.11
    cents = (world.current["price"] * 100).round().astype(int)
    assert (cents % 10 == 9).all()


def test_raising_or_cutting_all_prices_gains_about_nothing() -> None:
    truths = [pricing_world(seed).truth for seed in (11, 12, 13)]
    for factor in (1.05, 0.95):
        change = np.mean([truth.profit(truth.price * factor) / truth.profit(truth.price) - 1 for truth in truths])
        assert -0.03 < change < 0.01


def test_the_oracle_gains_within_its_bounds(world: PricingWorld) -> None:
    truth = world.truth
    best = truth.oracle(0.15, 0.05)
    assert truth.profit(best) > 1.05 * truth.profit(truth.price)
    assert (best <= truth.price * 1.15 + 1e-9).all() and (best >= truth.price * 0.85 - 1e-9).all()
    nudged = best * np.exp(np.random.default_rng(0).normal(0, 0.01, best.shape))
    assert truth.profit(np.clip(nudged, truth.price * 0.85, truth.price * 1.15)) <= truth.profit(best)


def test_all_shapes_have_the_elasticity_as_their_slope_and_the_slopes_are_right() -> None:
    shape, steep = np.array([0, 1, 2]), np.array([-3.0, -3.0, -3.0])
    assert steepness(steep, shape, np.zeros(3)) == pytest.approx(steep)
    for x in (-0.1, 0.0, 0.2):
        at = np.full(3, x)
        slope = (response(steep, shape, at + 1e-6) - response(steep, shape, at - 1e-6)) / 2e-6
        assert slope == pytest.approx(steepness(steep, shape, at), rel=1e-5)


def test_without_diversion_nobody_goes_next_door() -> None:
    truth = pricing_world(11, PricingWorldParams(has_diversion=False)).truth
    assert not truth.diversion.any()


def test_prices_follow_demand_only_where_they_are_told_to() -> None:
    held = pricing_world(11, PricingWorldParams(endogeneity=0.0)).panel
    trap = pricing_world(11, PricingWorldParams(endogeneity=0.5)).panel
    spread = [one.groupby("item_id")["price"].apply(lambda p: np.log(p).std()).mean() for one in (held, trap)]
    assert spread[1] > spread[0]


def test_a_shop_that_explores_has_prices_of_chance_in_those_weeks_alone(world: PricingWorld) -> None:
    explored = pricing_world(11, PricingWorldParams(exploring_weeks=10)).panel
    is_late = explored["week"].rank(method="dense") > 94
    pd.testing.assert_frame_equal(explored[~is_late], world.panel[~is_late])
    late = explored[is_late & ~explored["is_promotion"]]
    is_usual = (late["price"] * 10 + 0.1).round(6) % 1 == 0  # the shop's own end in 9 cents
    assert 0.07 < 1 - is_usual.mean() < 0.13


def test_prices_that_stick_and_no_promotions_leave_little_to_learn_from(world: PricingWorld) -> None:
    still = pricing_world(11, PricingWorldParams(share_sticky=1.0, has_promotions=False)).panel
    assert not still["is_promotion"].any()
    spread = [one.groupby("item_id")["price"].apply(lambda p: np.log(p).std()).mean() for one in (still, world.panel)]
    assert spread[0] < 0.7 * spread[1]
