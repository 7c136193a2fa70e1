"""A seeded world of prices and weekly sales that favours no one model, with its truth apart.

Prices follow costs and, by ``endogeneity``, demand itself (the trap for a regression); shoppers move to neighbours,
remember prices, tire of promotions; shelves run empty; rivals follow costs; demand answers in one of three shapes.
Tests and the benchmark read the truth, products only ``panel`` and ``current``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta

import numpy as np
import pandas as pd

from jobs.store.pricing_truth import PricingTruth, diversions, optimal_costs, response

FIRST_WEEK = date(2024, 1, 1)
YEAR = 52
STICKY_MOVES, MOVES = 0.015, 0.35


@dataclass(frozen=True)
class PricingWorldParams:
    """Size and traps.

    ``endogeneity`` is how strongly wanted prices follow demand that a regression does not see; ``cost_spread`` how far
    (standard deviation of logs) costs lie from those for which the base prices would be best: the smaller, the less
    there is to gain and the easier it is to do harm. ``share_sticky`` of the items hardly ever change their price.
    In the last ``exploring_weeks`` the shop explores: each week a ``share_explored`` of the items, drawn anew, costs
    ``explored_step`` more or less than it would.
    """

    categories: int = 12
    items: int = 20
    nests: int = 2
    weeks: int = 104
    endogeneity: float = 0.15
    cost_spread: float = 0.25
    has_diversion: bool = True
    has_promotions: bool = True
    share_sticky: float = 0.35
    exploring_weeks: int = 0
    share_explored: float = 0.1
    explored_step: float = 0.08


@dataclass(frozen=True)
class PricingWorld:
    """``panel`` is what jobs.pricing.elasticity.fit takes; ``current`` one row an item, in the truth's order:
    ``item_id, category, nest, price, cost, competitor_price`` of the last week, without promotions."""

    panel: pd.DataFrame
    current: pd.DataFrame
    truth: PricingTruth


@dataclass
class _Shop:
    """What an item is, drawn once; arrays are categories × items, or categories × 1."""

    nest: np.ndarray
    elasticity: np.ndarray
    shape: np.ndarray
    log_rate: np.ndarray
    base_price: np.ndarray
    diversion: np.ndarray
    base_cost: np.ndarray
    pass_through: np.ndarray
    tolerance: np.ndarray
    moves: np.ndarray
    competitor_pull: np.ndarray
    reference_pull: np.ndarray
    feature_lift: np.ndarray
    tiring: np.ndarray
    dip: np.ndarray
    amplitude: np.ndarray
    phase: np.ndarray
    size: np.ndarray


@dataclass
class _State:
    """What changes from week to week."""

    x: np.ndarray
    reference: np.ndarray
    cost: np.ndarray
    item_shock: np.ndarray
    category_shock: np.ndarray
    competitor: np.ndarray
    fatigue: np.ndarray
    depth: np.ndarray
    last_depth: np.ndarray
    left: np.ndarray
    is_featured: np.ndarray
    expected: np.ndarray
    rows: list[dict[str, np.ndarray]] = field(default_factory=list)


def pricing_world(seed: int, params: PricingWorldParams = PricingWorldParams()) -> PricingWorld:
    """The world of ``seed``: the same seed and parameters, the same world."""
    # What is explored is drawn apart: until then the world is the one that does not explore.
    rng, exploring = np.random.default_rng(seed), np.random.default_rng([seed, 1])
    shop = _shop(rng, params)
    state = _start(rng, shop)
    for week in range(params.weeks):
        is_exploring = week >= params.weeks - params.exploring_weeks
        _week(rng, shop, state, week, params, _explored(exploring, shop, params) if is_exploring else 1.0)
    return PricingWorld(_panel(shop, state), _current(shop, state), _truth(shop, state))


def _shop(rng: np.random.Generator, params: PricingWorldParams) -> _Shop:
    size = (params.categories, params.items)
    nest = np.broadcast_to(np.arange(params.items) * params.nests // params.items, size).copy()
    steep = np.exp(rng.normal(np.log(3), 0.2, (params.categories, 1)) + rng.normal(0, 0.3, size))
    elasticity = -np.clip(steep, 1.6, 6.5)
    log_rate = rng.normal(2.5, 1.0, size)
    base_price = _ending(np.exp(rng.normal(2.7, 0.7, size)))
    diversion = diversions(rng, nest, elasticity, log_rate) * params.has_diversion
    cost = optimal_costs(elasticity, diversion, log_rate, base_price) * np.exp(
        rng.normal(-0.02, params.cost_spread, size)
    )
    return _Shop(
        nest=nest,
        elasticity=elasticity,
        shape=rng.choice(3, size, p=[0.4, 0.3, 0.3]),
        log_rate=log_rate,
        base_price=base_price,
        diversion=diversion,
        base_cost=np.clip(cost, 0.10 * base_price, 0.88 * base_price),
        pass_through=rng.uniform(0.4, 1.0, size),
        tolerance=rng.uniform(0.02, 0.06, size),
        moves=np.where(rng.random(size) < params.share_sticky, STICKY_MOVES, MOVES),
        competitor_pull=rng.uniform(0.1, 0.8, size),
        reference_pull=rng.uniform(0.2, 0.8, size),
        feature_lift=rng.uniform(0.1, 0.6, size),
        tiring=rng.uniform(0.3, 0.9, size),
        dip=rng.uniform(0.2, 0.8, size),
        amplitude=rng.uniform(0, 0.5, (params.categories, 1)),
        phase=rng.uniform(0, 2 * np.pi, (params.categories, 1)),
        size=rng.uniform(4, 15, size),
    )


def _start(rng: np.random.Generator, shop: _Shop) -> _State:
    """Shocks begin where they would be after long, prices and costs at their base."""
    zero = np.zeros_like(shop.log_rate)
    return _State(
        x=zero.copy(),
        reference=zero.copy(),
        cost=zero.copy(),
        item_shock=rng.normal(0, 0.3, zero.shape),
        category_shock=rng.normal(0, 0.15, shop.amplitude.shape),
        competitor=zero.copy(),
        fatigue=zero.copy(),
        depth=zero.copy(),
        last_depth=zero.copy(),
        left=zero.astype(int),
        is_featured=zero.astype(bool),
        expected=np.exp(shop.log_rate),
    )


def _explored(rng: np.random.Generator, shop: _Shop, params: PricingWorldParams) -> np.ndarray:
    """By what chance multiplies each item's price for a week."""
    size = shop.log_rate.shape
    is_drawn, is_up = rng.random(size) < params.share_explored, rng.random(size) < 0.5
    return np.where(is_drawn, 1 + params.explored_step * np.where(is_up, 1, -1), 1.0)


def _week(
    rng: np.random.Generator,
    shop: _Shop,
    state: _State,
    week: int,
    params: PricingWorldParams,
    explored: np.ndarray | float,
) -> None:
    """One week: costs and shocks move, prices follow, promotions begin, rivals move, shoppers buy what is there."""
    season = shop.amplitude * np.sin(2 * np.pi * week / YEAR + shop.phase)
    _move_costs(rng, state)
    size = state.x.shape
    state.item_shock = 0.7 * state.item_shock + rng.normal(0, 0.3 * np.sqrt(1 - 0.7**2), size)
    shock = rng.normal(0, 0.15 * np.sqrt(1 - 0.8**2), state.category_shock.shape)
    state.category_shock = 0.8 * state.category_shock + shock
    hidden = state.item_shock + state.category_shock + 0.6 * season
    _move_prices(rng, shop, state, shop.pass_through * state.cost + params.endogeneity * hidden)
    _promote(rng, state, season, params.has_promotions)
    state.competitor = 0.9 * state.competitor + 0.06 * state.cost + rng.normal(0, 0.03, size)

    regular = shop.base_price * np.exp(state.x)
    price = np.where(state.depth > 0, _ending(regular * (1 - state.depth)), regular * explored)
    x = np.log(price / shop.base_price)
    rate = np.exp(shop.log_rate + season + state.category_shock + state.item_shock + _wish(shop, state, x))
    demand = rng.negative_binomial(shop.size, shop.size / (shop.size + rate))
    stock = np.ceil(state.expected * rng.uniform(1, 3, size) + 2).astype(int)
    units = np.minimum(demand, stock)
    state.rows.append(
        {
            "units": units,
            "price": price,
            "cost": shop.base_cost * np.exp(state.cost),
            "is_promotion": state.depth > 0,
            "is_featured": state.is_featured & (state.depth > 0),
            "is_stockout": demand >= stock,
            "competitor_price": shop.base_price * np.exp(state.competitor),
        }
    )
    state.expected = 0.8 * state.expected + 0.2 * units
    state.reference = 0.85 * state.reference + 0.15 * x
    state.fatigue = 0.8 * state.fatigue + (state.depth > 0)
    state.last_depth = state.depth


def _wish(shop: _Shop, state: _State, x: np.ndarray) -> np.ndarray:
    """What prices, rivals, memory and features add to log demand."""
    below, above = np.maximum(state.reference - x, 0), np.maximum(x - state.reference, 0)
    lift = shop.feature_lift * (state.is_featured & (state.depth > 0)) * np.exp(-shop.tiring * state.fatigue)
    return (
        response(shop.elasticity, shop.shape, x)
        + np.einsum("cij,cj->ci", shop.diversion, x)
        # The rival's gap: what the own price adds to it is part of the own elasticity.
        + shop.competitor_pull * state.competitor
        + shop.reference_pull * (below - 1.5 * above)
        + lift
        - shop.dip * state.last_depth / 2
    )


def _move_costs(rng: np.random.Generator, state: _State) -> None:
    """Log costs over their base: rare jumps, of a whole category or of one item."""
    size, wide = state.cost.shape, state.category_shock.shape
    state.cost = state.cost + rng.normal(0, 0.06, wide) * (rng.random(wide) < 0.08)
    state.cost = state.cost + rng.normal(0, 0.06, size) * (rng.random(size) < 0.04)


def _move_prices(rng: np.random.Generator, shop: _Shop, state: _State, wanted: np.ndarray) -> None:
    """A price moves to where it is wanted once it is far enough off and somebody takes the time."""
    is_moved = (np.abs(wanted - state.x) > shop.tolerance) & (rng.random(wanted.shape) < shop.moves)
    moved = np.log(_ending(shop.base_price * np.exp(wanted)) / shop.base_price)
    state.x = np.where(is_moved, moved, state.x)


def _promote(rng: np.random.Generator, state: _State, season: np.ndarray, has_any: bool) -> None:
    """Promotions run one or two weeks, begin rather in season, half of them featured."""
    size = state.x.shape
    state.left = np.maximum(state.left - 1, 0)
    is_new = has_any & (state.left == 0) & (rng.random(size) < 0.05 * np.exp(0.8 * season))
    depth, length, is_featured = rng.uniform(0.08, 0.30, size), rng.integers(1, 3, size), rng.random(size) < 0.5
    state.left = np.where(is_new, length, state.left)
    state.depth = np.where(is_new, depth, np.where(state.left > 0, state.depth, 0.0))
    state.is_featured = np.where(is_new, is_featured, state.is_featured)


def _ending(price: np.ndarray) -> np.ndarray:
    """The nearest price that ends in 9 cents."""
    return np.maximum(np.round(price * 10) / 10 - 0.01, 0.09)


def _names(shop: _Shop) -> dict[str, np.ndarray]:
    category, item = np.indices(shop.nest.shape)
    return {
        "item_id": np.char.add(
            np.char.add("c", np.char.zfill(category.astype(str), 3)),
            np.char.add("-i", np.char.zfill(item.astype(str), 4)),
        ).ravel(),
        "category": np.char.add("c", np.char.zfill(category.astype(str), 3)).ravel(),
        "nest": np.char.add(
            np.char.add("c", np.char.zfill(category.astype(str), 3)), np.char.add("-n", shop.nest.astype(str))
        ).ravel(),
    }


def _panel(shop: _Shop, state: _State) -> pd.DataFrame:
    names, weeks = _names(shop), len(state.rows)
    days = np.array([FIRST_WEEK + timedelta(weeks=week) for week in range(weeks)])
    return pd.DataFrame(
        {
            **{name: np.tile(values, weeks) for name, values in names.items()},
            "week": np.repeat(days, shop.nest.size),
            **{name: np.concatenate([row[name].ravel() for row in state.rows]) for name in state.rows[0]},
        }
    )


def _current(shop: _Shop, state: _State) -> pd.DataFrame:
    return pd.DataFrame(
        {
            **_names(shop),
            "price": (shop.base_price * np.exp(state.x)).ravel(),
            "cost": state.rows[-1]["cost"].ravel(),
            "competitor_price": state.rows[-1]["competitor_price"].ravel(),
        }
    )


def _truth(shop: _Shop, state: _State) -> PricingTruth:
    return PricingTruth(
        elasticity=shop.elasticity,
        shape=shop.shape,
        diversion=shop.diversion,
        log_rate=shop.log_rate,
        base_price=shop.base_price,
        price=shop.base_price * np.exp(state.x),
        cost=shop.base_cost * np.exp(state.cost),
        competitor=shop.competitor_pull * state.competitor,
    )
