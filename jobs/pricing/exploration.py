"""Prices set by chance, so that later nights can learn what a price does: few items, small steps, logged propensities.

The night is decided first, as if nothing were explored, within what chance leaves of its changes and of how far average
prices may move: so no decision depends on who is drawn. Then a simple random sample of the items that may move, by a
salted hash, gets a price of chance in place of the decided one. Where the average price of a category is bounded, a
category takes as many of them as fit whichever are drawn, in the order of the draw, and leaves the others out. So no
item's chance depends on which others were drawn: it is the number expected to be taken of its category (the number
drawn is hypergeometric) over those that could be, and is written down beside the price.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
from scipy.stats import hypergeom

from jobs.pricing.bounds import Bounds, candidates
from jobs.pricing.guardrails import Exploration, Guardrails


@dataclass(frozen=True)
class Room:
    """How far chance may move average prices: ``category``, ``weight`` (revenue a week) and ``decided`` price of each
    item, and how much of a category's revenue may still move, Σ weight · (price - decided) / today's price; infinite
    where a store does not bound it."""

    category: Mapping[str, str]
    weight: Mapping[str, float]
    decided: Mapping[str, float]
    left: Mapping[str, float]

    def push(self, one: Bounds, price: float) -> float:
        """What an item at a price of chance, not at the decided one, adds to the move of its category."""
        return self.weight[one.item_id] * (price - self.decided[one.item_id]) / one.price


def arms(one: Bounds, step: float, offered: Collection[float]) -> tuple[float, ...]:
    """The prices that exploration may give an item: the allowed ones nearest to a step down and a step up. None that is
    ``offered`` to the item's decision: such a price might come without chance, and oftener than its propensity says."""
    found = []
    for ratio in (1 - step, 1 + step):
        way = candidates(one, one.price * ratio)
        if not one.must_move and len(way) and (way[-1] - one.price) * (ratio - 1) > 0 and way[-1] not in offered:
            found.append(float(way[-1]))
    return tuple(found)


def most(able: int, guardrails: Guardrails, mends: int) -> int:
    """How many items chance may have tonight: its share of those ``able`` to explore, and of the night's changes no
    more than that share, nor what the items whose broken rules are mended leave."""
    count, changes = guardrails.exploration.of(able), guardrails.max_changes
    return count if changes is None else max(min(count, guardrails.exploration.of(changes), changes - mends), 0)


def rest(guardrails: Guardrails, count: int) -> Guardrails:
    """The guardrails within which the night is decided where chance has ``count`` changes of it."""
    step, changes = guardrails.largest_average_step, guardrails.max_changes
    if not count:
        return guardrails
    return replace(
        guardrails,
        max_changes=None if changes is None else changes - count,
        largest_average_step=None if step is None else step * (1 - guardrails.exploration.share),
    )


def explored(
    free: Mapping[str, tuple[Bounds, tuple[float, ...]]],
    exploration: Exploration,
    most: int,
    room: Room,
    salt: str,
    as_of: date,
) -> tuple[Mapping[str, tuple[float, float]], Mapping[str, float]]:
    """item → (price, propensity) of the items explored, and item → propensity of keeping to the decision for the others
    that could have been. ``free``: item → its bounds and its :func:`arms`; at most ``most`` are explored."""
    able: dict[str, tuple[float, ...]] = {}
    pushes: dict[str, list[float]] = {}
    for one, prices in free.values():
        category, furthest = room.category[one.item_id], max(abs(room.push(one, price)) for price in prices)
        if furthest <= room.left[category]:
            able[one.item_id] = prices
            pushes.setdefault(category, []).append(furthest)
    count = min(exploration.of(len(able)), most)
    if not count:
        return {}, {}
    places = {name: _places(each, room.left[name]) for name, each in pushes.items()}
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
