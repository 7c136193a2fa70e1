"""Markdowns in a world of their own: revenue beside a policy that knows the rate, beside 20/40/60 and no markdown.

2,000 items a seed, ten weeks, eight prices from full to 30%, prices never rising. The planner believes a level that is
off by about a half either way and an elasticity that is the shop's mean; sales are negative binomial. Truth is read by
the world and by the policy that knows the rate, never by the planner. The worlds' seeds here are none of those that
anything was chosen on.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from benchmarks.figures import Figure
from jobs.pricing import fluid
from jobs.pricing.markdown_belief import Belief
from jobs.pricing.markdown_dp import price_now

ITEMS, WEEKS = 2_000, 10
PRICES = np.array([1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3])
LEVEL_SD, ELASTICITY, ELASTICITY_SD = 0.5, -2.0, 0.6
SEEDS = (101, 102, 103)
KNOWS, OURS = "knows the rate", "scenario DP"
Policy = Callable[[int, int, int, int, Belief], int]


@dataclass(frozen=True)
class World:
    """Arrays over items: true log units a week at full price, elasticity, negative-binomial size, pieces at the start,
    and what the planner believes of the level."""

    log_level: np.ndarray
    elasticity: np.ndarray
    size: np.ndarray
    stock: np.ndarray
    believed: np.ndarray

    @staticmethod
    def drawn(seed: int, items: int = ITEMS) -> World:
        rng = np.random.default_rng(seed)
        log_level = rng.normal(1.5, 0.8, items)
        elasticity = -np.clip(np.exp(rng.normal(np.log(1.9), 0.3, items)), 1.05, 5.0)
        stock = np.ceil(np.exp(log_level) * WEEKS * rng.uniform(0.8, 3.0, items)).astype(np.int64)
        believed = log_level + rng.normal(0, LEVEL_SD, items)
        return World(log_level, elasticity, rng.uniform(4, 15, items), stock, believed)

    def rates(self, item: int) -> np.ndarray:
        return np.exp(self.log_level[item] + self.elasticity[item] * np.log(PRICES))


def measure() -> Iterator[Figure]:
    """Mean over the seeds of revenue over that of the policy that knows the rate."""
    run(World.drawn(0, 20), scenarios)  # compiles
    shares: dict[str, list[float]] = {}
    seconds = []
    for seed in SEEDS:
        world = World.drawn(seed)
        revenue = {KNOWS: run(world, knowing(world))}
        started = time.monotonic()
        revenue[OURS] = run(world, scenarios)
        seconds.append(time.monotonic() - started)
        others = {"fluid, one switch": switching, "20/40/60": fixed, "no markdown": lambda *_: 0}
        revenue |= {name: run(world, policy) for name, policy in others.items()}
        for name, value in revenue.items():
            shares.setdefault(name, []).append(value / revenue[KNOWS])
    mean = {name: float(np.mean(found)) for name, found in shares.items()}
    yield Figure("markdown", f"revenue / {KNOWS}", mean[OURS], mean["20/40/60"], "20/40/60", 0.955)
    yield Figure("markdown", "the same, worst seed", min(shares[OURS]), min(shares["20/40/60"]), "20/40/60")
    yield Figure("markdown", "the same, fluid for large stocks", mean["fluid, one switch"], mean["no markdown"], "none")
    yield Figure("markdown", "revenue / 20/40/60", mean[OURS] / mean["20/40/60"], target=1.07)
    name = f"seconds for {ITEMS * WEEKS:,} decisions, one thread"
    yield Figure("markdown", name, max(seconds), target=60, better="lower")


def run(world: World, policy: Policy, seed: int = 7) -> float:
    """Revenue of all items; every policy meets the same luck: demand is drawn as a quantile a week."""
    luck = np.random.default_rng(seed)
    total = 0.0
    for item in range(len(world.stock)):
        gamma = luck.gamma(world.size[item], 1 / world.size[item], WEEKS)
        arrivals = np.random.default_rng(luck.integers(2**63)).random((WEEKS, 1))
        rates, left, price = world.rates(item), int(world.stock[item]), 0
        belief = Belief.prior(world.believed[item], LEVEL_SD, ELASTICITY, ELASTICITY_SD, 8.0)
        for week in range(WEEKS):
            if left == 0:
                break
            price = policy(item, week, left, price, belief)
            sold = min(left, _poisson(arrivals[week, 0], rates[price] * gamma[week]))
            total += PRICES[price] * sold
            left -= sold
            if left:
                belief = belief.updated(sold, PRICES[price])
    return total


def _poisson(quantile: float, mean: float) -> int:
    """The Poisson's inverse distribution function."""
    chance = cumulated = np.exp(-mean)
    pieces = 0
    while cumulated < quantile and pieces < 10_000:
        pieces += 1
        chance *= mean / pieces
        cumulated += chance
    return pieces


def scenarios(item: int, week: int, left: int, price: int, belief: Belief) -> int:
    """Ours."""
    rates, weights = belief.rates(PRICES)
    return price_now(left, WEEKS - week, price, PRICES, rates, weights, belief.size, 0.0)


def knowing(world: World) -> Policy:
    """The dynamic programme with the true rate."""
    one = np.ones(1)

    def policy(item: int, week: int, left: int, price: int, belief: Belief) -> int:
        rates = world.rates(item)[None, :]
        return price_now(left, WEEKS - week, price, PRICES, rates, one, float(world.size[item]), 0.0)

    return policy


def switching(item: int, week: int, left: int, price: int, belief: Belief) -> int:
    """The fluid model on the mean of the belief, solved anew each week."""
    means = np.exp(belief.log_level[:, None] + belief.elasticity[:, None] * np.log(PRICES)[None, :])
    rates = belief.weight @ means
    spread = np.sqrt(np.maximum(belief.weight @ (means - rates) ** 2, 0.0))
    cv = float(np.mean(spread / rates))
    return int(fluid.path(left, np.ones(WEEKS - week), price, PRICES, rates, cv, 0.0)[0])


def fixed(item: int, week: int, left: int, price: int, belief: Belief) -> int:
    """20% off from the first week, 40% from the fifth, 60% from the eighth."""
    return 2 if week < 4 else 4 if week < 7 else 6
