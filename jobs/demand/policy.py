"""How much to keep of one item: policies tried on sample paths of its demand, with lost sales and random lead times.

An order of the evening before step t comes before the sales of step t + its lead time; what cannot be sold at once is
lost. Under lost sales the newsvendor's quantile is the wrong level (Zipkin, "Old and new methods for lost-sales
inventory systems", 2008): the level is the one whose simulated cost is least. It rises and falls from step to step with
what the protection period from there on expects, so that tonight's is for the days that tonight's order is for. A step
is a day, or a week in stores that report weeks.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass

import numpy as np

from jobs.demand.ahead import going_on

# Shares of the protection period's demand at which levels are first tried; the best one's surroundings come after.
COARSE = (0.02, 0.1, 0.2, 0.3, 0.4, 0.5, 0.58, 0.66, 0.74, 0.82, 0.88, 0.93, 0.96, 0.98, 0.995)
FINE = 9


@dataclass(frozen=True)
class Terms:
    """What ordering one item costs in time and money: ``lead`` and its ``lead_sd`` in steps from an order to the
    shelf, ``review`` whole steps between chances to order, ``holding`` of a piece for a step, ``penalty`` of a piece
    not sold for want of it."""

    lead: float
    lead_sd: float
    review: int
    holding: float
    penalty: float


@dataclass(frozen=True)
class Level:
    """The best order-up-to level of tonight, and the cost a step of those tried: ``tried`` rises, ``cost`` goes with
    it. ``profile`` [steps] is what the level of each later step is of tonight's."""

    best: float
    tried: np.ndarray
    cost: np.ndarray
    profile: np.ndarray

    def cost_at(self, position: float | np.ndarray) -> np.ndarray:
        """Cost a step of holding the position at this level; beyond the levels tried it goes straight on."""
        x, y = self.tried, self.cost
        if len(x) == 1:
            return np.full(np.shape(position), y[0])
        low, high = (y[1] - y[0]) / (x[1] - x[0]), (y[-1] - y[-2]) / (x[-1] - x[-2])
        inside = np.interp(position, x, y)
        below, above = np.minimum(position - x[0], 0.0), np.maximum(position - x[-1], 0.0)
        return np.asarray(inside + below * low + above * high)


def lead_draws(terms: Terms, shape: tuple[int, ...], random: np.random.Generator) -> np.ndarray:
    """Whole steps from order to shelf, at least 0, each order's for itself: a gamma with the terms' mean and deviation,
    rounded at random so that the mean stays."""
    mean, deviation = max(terms.lead, 0.0), max(terms.lead_sd, 0.0)
    if mean == 0 or deviation == 0:
        drawn = np.full(shape, mean)
    else:
        shape_of = (mean / deviation) ** 2
        drawn = random.gamma(shape_of, mean / shape_of, shape)
    return np.floor(drawn + random.random(shape)).astype(np.int64)


def simulated_cost(demand: np.ndarray, aims: np.ndarray, leads: np.ndarray, terms: Terms, free: int) -> np.ndarray:
    """Mean cost a step of ordering up to each of ``aims`` [levels, steps], on ``demand`` [draws, steps] with lead times
    ``leads`` of the same shape. All begin as they would go on with even demand, part of the level on the shelf and part
    on its way; the first ``free`` steps, which no order reaches, cost nothing."""
    aim = np.asarray(aims.T, np.float32)[:, :, None]
    usual_lead = min(round(terms.lead), demand.shape[1])
    flow = np.minimum(demand.mean(dtype=float), aim[0] / (usual_lead + 1))
    coming = np.repeat(flow[None], usual_lead, axis=0)
    cost = operated(aim, demand, leads, terms, free, aim[0] - flow * usual_lead, coming)
    return cost.mean(axis=1) / max(demand.shape[1] - free, 1)


def operated(
    aim: np.ndarray,
    demand: np.ndarray,
    leads: np.ndarray,
    terms: Terms,
    free: int,
    on_hand: np.ndarray,
    coming: np.ndarray,
) -> np.ndarray:
    """Cost [levels, draws] of ordering up to ``aim`` [steps, levels, 1 or draws] against ``demand`` [draws, steps],
    after the first ``free`` steps. It begins with ``on_hand`` [levels, 1 or draws] and with ``coming`` [steps, levels,
    1 or draws] arriving on the first steps; an order of step t arrives ``leads`` [draws, steps] later, before that
    step's sales."""
    draws, steps = demand.shape
    every, shape = np.arange(draws), (aim.shape[1], draws)
    arriving = np.zeros((steps + int(leads.max(initial=0)) + 1, *shape), np.float32)
    arriving[: len(coming)] = coming
    shelf = np.broadcast_to(on_hand, shape).astype(np.float32)
    on_order = np.broadcast_to(coming.sum(axis=0), shape).astype(np.float32)
    cost = np.zeros(shape)
    for step in range(steps):
        if step % terms.review == 0:
            order = np.maximum(aim[step] - shelf - on_order, 0)
            # Two advanced indices with a slice between them: numpy puts the draws first.
            arriving[step + leads[:, step], :, every] += order.T
            on_order += order
        shelf += arriving[step]
        on_order -= arriving[step]
        sold = np.minimum(shelf, demand[:, step])
        shelf -= sold
        if step >= free:
            cost += terms.holding * shelf + terms.penalty * (demand[:, step] - sold)
    return cost


def best_level(demand: np.ndarray, terms: Terms, random: np.random.Generator, free: int | None = None) -> Level:
    """The order-up-to level of least simulated cost for ``demand`` [draws, steps]; 0 for an item nobody wants in the
    protection period of tonight's order.

    ``free``: see :func:`simulated_cost`, by default the mean lead time, rounded up.
    """
    draws, steps = demand.shape
    leads = lead_draws(terms, (draws, steps), random)
    uncharged = min(int(np.ceil(terms.lead)) if free is None else free, steps - 1)
    shape = profile(demand, terms)
    wanted = protected(demand, terms)
    # Where shortage is dear, cost still falls at the last share; it must be seen to rise before it goes on straight.
    tried = np.unique([*np.quantile(wanted, COARSE), 2 * wanted.max()])
    if tried[-1] <= 0:
        return Level(0.0, np.zeros(1), np.zeros(1), shape)
    cost = simulated_cost(demand, np.outer(tried, shape), leads, terms, uncharged)
    at = int(cost.argmin())
    near = np.linspace(tried[max(at - 1, 0)], tried[min(at + 1, len(tried) - 1)], FINE + 2)[1:-1]
    if at == 0:
        near = np.linspace(0.0, tried[min(1, len(tried) - 1)], FINE + 2)[:-1]
    tried = np.concatenate([tried, near])
    cost = np.concatenate([cost, simulated_cost(demand, np.outer(near, shape), leads, terms, uncharged)])
    order = np.unique(tried, return_index=True)[1]
    tried, cost = tried[order], cost[order]
    return Level(float(tried[cost.argmin()]), tried, cost, shape)


def profile(demand: np.ndarray, terms: Terms) -> np.ndarray:
    """What is expected of ``demand`` [draws, steps] in the protection period from each step on [steps], as a share of
    the first one's. Beyond the last step demand goes on as :func:`jobs.demand.ahead.going_on` has it. 1 where the first
    one expects nothing."""
    steps, period = demand.shape[1], terms.lead + terms.review
    through = np.cumsum(going_on(demand.mean(axis=0, dtype=float), steps + int(np.ceil(period))))
    through, first = np.concatenate([[0.0], through]), np.arange(steps)
    expected = np.interp(first + period, np.arange(len(through)), through) - through[:steps]
    return expected / expected[0] if expected[0] > 0 else np.ones(steps)


def protected(demand: np.ndarray, terms: Terms) -> np.ndarray:
    """Demand [draws] over the protection period, mean lead time and review: how long tonight's order must last. Over
    more steps than ``demand`` [draws, steps] has, the last ones' mean goes on."""
    return sum_over(demand, terms.lead + terms.review)


def sum_over(demand: np.ndarray, steps: float) -> np.ndarray:
    """Demand [draws] over the first ``steps``, the last of them in part where they are no whole number."""
    whole = min(int(steps), demand.shape[1])
    total = demand[:, :whole].sum(axis=1, dtype=float)
    rest = steps - whole
    if rest > 0:
        going_on = demand[:, whole] if whole < demand.shape[1] else demand[:, -min(14, whole) :].mean(axis=1)
        total = total + rest * going_on
    return total


def reorder_point(level: Level, smallest: float) -> float:
    """The highest position from which the ``smallest`` order that the supplier takes does no harm: below the best level
    by as much as makes the cost before and after such an order the same (Hadley and Whitin, 1963, for (s, nQ)). Below
    zero where even an empty shelf does not pay for it: sales are lost, not owed, so no position lies there."""
    tried = np.linspace(level.best - smallest, level.best, 201)
    pays = level.cost_at(tried) > level.cost_at(tried + smallest)
    found = tried[np.flatnonzero(pays)[-1]] if pays.any() else tried[0]
    if found < 0 and level.best > 0:
        cycle = level.cost_at(np.linspace(0, smallest, 33)[1:]).mean()
        return 0.0 if cycle < level.cost_at(0.0) else -1.0
    return float(found)


def order_size(position: float, point: float, up_to: float, pack: int, minimum: int, room: float) -> int:
    """Pieces to order: none above the reorder ``point``; else packs up to the level, at least one pack and the
    supplier's minimum, and no more than the ``room`` takes (then fewer packs, or none)."""
    if position > point:
        return 0
    # To the nearest pack, so that half a pack too many is as likely as half too few.
    packs = max(1, round((up_to - position) / pack), -(-minimum // pack))
    most = int(max(room, 0) // pack) if np.isfinite(room) else packs
    packs = min(packs, most)
    return packs * pack if packs * pack >= minimum else 0


def run_out_chance(demand: np.ndarray, on_hand: float, arrivals: np.ndarray) -> float:
    """Chance that somebody asks in vain in the steps of ``demand`` [draws, steps], given ``arrivals`` alike; stock
    below zero is owed first."""
    shelf = np.full(demand.shape[0], float(on_hand))
    ran_out = np.zeros(demand.shape[0], bool)
    for step in range(demand.shape[1]):
        shelf += arrivals[:, step]
        # Less than half a piece short is a fraction of the forecast, not a customer.
        ran_out |= demand[:, step] > np.maximum(shelf, 0) + 0.5
        shelf -= np.where(shelf > 0, np.minimum(demand[:, step], np.maximum(shelf, 0)), 0)
    return float(ran_out.mean())


def fair_shares(levels: list[Level], positions: list[float], wanted: list[int], packs: list[int], there: float) -> list:
    """What each place gets of ``there`` pieces when they want more: pack by pack to the place whose simulated cost
    falls most per piece (greedy; the best there is where each further pack is worth less)."""
    given = [0] * len(wanted)
    if sum(wanted) <= there:
        return list(wanted)
    left = there
    gains = [(-_gain(levels[at], positions[at], packs[at]), at) for at in range(len(wanted)) if wanted[at]]
    heapq.heapify(gains)
    while gains:
        _, at = heapq.heappop(gains)
        size = min(packs[at], wanted[at] - given[at])
        if size > left:
            continue
        given[at] += size
        left -= size
        if given[at] < wanted[at]:
            heapq.heappush(gains, (-_gain(levels[at], positions[at] + given[at], packs[at]), at))
    return given


def _gain(level: Level, position: float, pack: int) -> float:
    return float(level.cost_at(position) - level.cost_at(position + pack)) / pack
