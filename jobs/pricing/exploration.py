"""Prices set by chance, so that later nights can learn what a price does: few items, small steps, logged propensities.

The items of a night are a simple random sample of those that may move, by a salted hash. Where the average price of a
category is bounded, a category takes as many of them as fit whichever are drawn, in the order of the draw, and leaves
the others out. So no item's chance depends on which others were drawn: it is the number expected to be taken of its
category (the number drawn is hypergeometric) over those that could be, and is written down beside the price.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from scipy.stats import hypergeom

from jobs.pricing.bounds import Bounds, candidates
from jobs.pricing.guardrails import Exploration


@dataclass(frozen=True)
class Room:
    """How far chance may move average prices: ``category`` and ``weight`` (revenue a week) of each item, and how much
    of a category's revenue may move, Σ weight · (ratio - 1); infinite where a store does not bound it."""

    category: Mapping[str, str]
    weight: Mapping[str, float]
    allowed: Mapping[str, float]

    def push(self, one: Bounds, price: float) -> float:
        """What an item at a price adds to the move of its category."""
        return self.weight[one.item_id] * (price / one.price - 1)


def arms(one: Bounds, step: float, offered: Collection[float]) -> tuple[float, ...]:
    """The prices that exploration may give an item: the allowed ones nearest to a step down and a step up. None that is
    ``offered`` to the item's decision: such a price might come without chance, and oftener than its propensity says."""
    found = []
    for ratio in (1 - step, 1 + step):
        way = candidates(one, one.price * ratio)
        if not one.must_move and len(way) and (way[-1] - one.price) * (ratio - 1) > 0 and way[-1] not in offered:
            found.append(float(way[-1]))
    return tuple(found)


def explored(
    free: Mapping[str, tuple[Bounds, Collection[float]]],
    exploration: Exploration,
    most: int | None,
    room: Room,
    salt: str,
    as_of: date,
) -> tuple[Mapping[str, tuple[float, float]], Mapping[str, float]]:
    """item → (price, propensity) of the items explored, and item → propensity of keeping to the decision for the others
    that could have been. ``free``: item → its bounds and the prices among which it is decided, of items that may move
    alone; at most ``most`` are explored."""
    able: dict[str, tuple[float, ...]] = {}
    pushes: dict[str, list[float]] = {}
    for one, offered in free.values() if exploration.share > 0 else ():
        prices, category = arms(one, exploration.step, offered), room.category[one.item_id]
        furthest = max((abs(room.push(one, price)) for price in prices), default=np.inf)
        if furthest <= room.allowed[category] and prices:
            able[one.item_id] = prices
            pushes.setdefault(category, []).append(furthest)
    count = int(exploration.share * len(able))
    count = count if most is None else min(count, most)
    if not count:
        return {}, {}
    places = {name: _places(each, room.allowed[name]) for name, each in pushes.items()}
    chance = {name: _chance(len(each), places[name], count, len(able)) for name, each in pushes.items()}
    found: dict[str, tuple[float, float]] = {}
    taken: Counter[str] = Counter()
    for item in sorted(able, key=lambda item: (_hash(salt, as_of, "who", item), item))[:count]:
        prices, category = able[item], room.category[item]
        taken[category] += 1
        if taken[category] <= places[category]:
            price = prices[_hash(salt, as_of, "which", item) % len(prices)]
            found[item] = (price, chance[category] / len(prices))
    return found, {item: 1 - chance[room.category[item]] for item in able if item not in found}


def _places(pushes: Sequence[float], allowed: float) -> int:
    """How many items of a category fit whichever they are: so many of the largest pushes."""
    return int(np.searchsorted(np.cumsum(sorted(pushes, reverse=True)), allowed, side="right"))


def _chance(able: int, places: int, count: int, every: int) -> float:
    """Of one of ``able`` items of a category to be among the first ``places`` of it in a draw of ``count`` of all."""
    if places >= min(able, count):
        return count / every
    drawn = np.arange(min(able, count) + 1)
    return float(np.minimum(drawn, places) @ hypergeom(every, able, count).pmf(drawn)) / able


def _hash(salt: str, as_of: date, what: str, item: str) -> int:
    return int.from_bytes(hashlib.sha256(f"{salt}:{as_of}:{what}:{item}".encode()).digest()[:8], "big")
