"""How shoppers choose: what is looked at, what is clicked, and what is bought. Also what the truth is computed from.

A place in a list is examined with a probability that only its rank and placement decide (the cascade's marginal, as in
Joachims et al. 2017: position bias); an examined item is clicked by its utility; of the items viewed in a leaf at most
one is bought, by a multinomial logit with an outside option, leaf by leaf.
"""

from __future__ import annotations

import numpy as np

from jobs.store.customers import Customers, Memory
from jobs.store.shop import Shop
from jobs.store.world import WorldParams, sigmoid

#: Chance that the first place is looked at, and the power by which it falls with rank; by placement.
LOOKED_AT = np.array([0.9, 0.75, 0.62, 0.55, 0.96])
FALLS_BY = np.array([0.62, 0.55, 0.6, 0.6, 0.7])
CLICK_UTILITY = 2.8  # utility at which an examined item is clicked by one in two
NEED = 2.3  # utility of what is used up when its cycle is over
SATED = -1.6  # utility just after buying what is used up
SERVED = -2.4  # utility just after buying what lasts
KNOWN = 0.35  # utility of having bought it before


def examination(placement: np.ndarray, rank: np.ndarray) -> np.ndarray:
    """Chance that a place is looked at; ``placement`` as in shop.PLACEMENTS, ``rank`` from 1."""
    return LOOKED_AT[placement] * np.asarray(rank, dtype=float) ** -FALLS_BY[placement]


def click_chance(utility: np.ndarray) -> np.ndarray:
    """Chance that an examined item is clicked."""
    return sigmoid(utility - CLICK_UTILITY)


def need(elapsed: np.ndarray, cycle: np.ndarray, pace: np.ndarray) -> np.ndarray:
    """Utility that an earlier purchase adds ``elapsed`` days later; ``cycle`` is 0 for what is not used up."""
    used_up = cycle > 0
    turns = elapsed / np.maximum(cycle * pace, 1.0)
    due = NEED * sigmoid((turns - 0.9) * 8) * np.exp(-np.maximum(turns - 2.5, 0) * 0.8)
    sated = np.where(used_up, SATED * np.exp(-2.5 * turns), SERVED * np.exp(-elapsed / 120.0))
    return np.where(used_up, due, 0) + sated + KNOWN


def needs_of(shop: Shop, of: Customers, memory: Memory) -> np.ndarray:
    """The utility each remembered item has gained by being bought, [n, MEMORY]; 0 where memory is empty."""
    item = memory.item.clip(0)
    worth = need((shop.day - memory.day).astype(float), shop.items.cycle[item], of.pace[:, None])
    return np.where(memory.item >= 0, worth, 0)


def allowed(shop: Shop, country: np.ndarray, age: np.ndarray, item: np.ndarray) -> np.ndarray:
    """Whether an item may be sold to someone in that country and of that age band; the arrays go together."""
    there = (shop.items.sold_in[item] >> country.astype(np.uint8)) & 1
    return (there > 0) & ~(shop.items.restricted[item] & (age == 0))


def utility(
    params: WorldParams,
    shop: Shop,
    taste: np.ndarray,
    price_sense: np.ndarray,
    mood: np.ndarray,
    item: np.ndarray,
    needed: np.ndarray,
) -> np.ndarray:
    """Utility of items to shoppers, row by row: ``taste`` [rows, dims], the rest [rows]."""
    liking = np.einsum("rd,rd->r", taste, shop.items.vector[item])
    return shop.appeal[item] + params.taste_weight * liking - price_sense * shop.dearness[item] + mood + needed


def buy_chance(params: WorldParams, worth: np.ndarray) -> np.ndarray:
    """Chance that an item viewed alone is bought: the relevance that no position has touched."""
    return sigmoid(worth - params.outside_utility)


def choose(
    params: WorldParams,
    rng: np.random.Generator,
    session: np.ndarray,
    leaf: np.ndarray,
    worth: np.ndarray,
    there: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of rows viewed in a session's leaf, which are bought, which put in the cart, and which would have been bought
    had they been in stock (``there`` is False where they are not): three bool arrays over the rows."""
    score = worth + rng.gumbel(size=len(worth))
    nest = session.astype(np.int64) * 1000 + leaf
    _, nest_of = np.unique(nest, return_inverse=True)
    outside = params.outside_utility + rng.gumbel(size=nest_of.max(initial=-1) + 1)
    beats = score - outside[nest_of]
    wanted = _best(nest_of, score) & (beats > 0)
    bought = _best(nest_of, np.where(there, score, -np.inf)) & (beats > 0) & there
    carted = bought | ((beats > -0.7) & there & (rng.random(len(worth)) < 0.35))
    return bought, carted, wanted & ~there


def _best(group: np.ndarray, score: np.ndarray) -> np.ndarray:
    """Whether a row has the highest score of its group."""
    top = np.full(group.max(initial=-1) + 1, -np.inf)
    np.maximum.at(top, group, score)
    return (score == top[group]) & np.isfinite(score)
