"""Prices set by chance, so that later nights can learn what a price does: few items, small steps, logged propensities.

The items of a night are a simple random sample of those that may move, by a salted hash: each has the same chance,
and that chance is written down beside its price.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import date

from jobs.pricing.bounds import Bounds, candidates
from jobs.pricing.guardrails import Exploration


def arms(one: Bounds, step: float) -> tuple[float, ...]:
    """The prices that exploration may give an item: the allowed ones nearest to a step down and a step up."""
    found = []
    for ratio in (1 - step, 1 + step):
        way = candidates(one, one.price * ratio)
        if not one.must_move and len(way) and (way[-1] - one.price) * (ratio - 1) > 0:
            found.append(float(way[-1]))
    return tuple(found)


def explored(
    free: Sequence[Bounds], exploration: Exploration, most: int | None, salt: str, as_of: date
) -> tuple[Mapping[str, tuple[float, float]], Mapping[str, float]]:
    """item → (price, propensity) of the items explored, and item → propensity of keeping to the decision for the others
    that could have been. ``free``: items that may move alone; at most ``most`` are explored."""
    able = {one.item_id: arms(one, exploration.step) for one in free} if exploration.share > 0 else {}
    able = {item: prices for item, prices in able.items() if prices}
    count = int(exploration.share * len(able))
    count = count if most is None else min(count, most)
    if not count:
        return {}, {}
    drawn = sorted(able, key=lambda item: (_hash(salt, as_of, "who", item), item))[:count]
    share = count / len(able)
    found = {}
    for item in drawn:
        prices = able[item]
        found[item] = (prices[_hash(salt, as_of, "which", item) % len(prices)], share / len(prices))
    return found, {item: 1 - share for item in able if item not in found}


def _hash(salt: str, as_of: date, what: str, item: str) -> int:
    return int.from_bytes(hashlib.sha256(f"{salt}:{as_of}:{what}:{item}".encode()).digest()[:8], "big")
