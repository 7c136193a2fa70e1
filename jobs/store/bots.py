"""Machines among the visitors, and the shop's own testers: their sessions beside those of people.

Kinds: a crawler that reads everything fast, a scraper that looks at the same categories' prices each day, a carting bot
that fills carts and never pays, and a slow crawler that tries to look like a person.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from jobs.store.catalogue import LEAVES
from jobs.store.shop import HOME, SHOWN, Shop
from jobs.store.story import CART, IMPRESSION, LAST_SECOND, SEARCHED, VIEW, Events
from jobs.store.world import WorldParams, chance

KINDS = ("crawler", "scraper", "carter", "slow_crawler")
KIND_SHARES = (0.35, 0.3, 0.2, 0.15)
TESTER = "tester"


@dataclass(frozen=True)
class Machine:
    """One session that no shopper had."""

    kind: str  # of KINDS, or TESTER
    visitor: str
    events: Events  # session 0 throughout


def machines(params: WorldParams, shop: Shop, block: int, people: int) -> list[Machine]:
    """The bots and testers of a block's day, beside the sessions of ``people`` persons."""
    rng = chance(params, "bots", block, shop.day)
    found: list[Machine] = []
    for number in range(rng.poisson(params.rates.bot_sessions * people)):
        pool = rng.random() < 0.6
        name = int(rng.integers(0, 12)) if pool else 1000 + shop.day * 1000 + number
        own = chance(params, "bot", block, name)  # a bot that comes again is of the same kind and habits
        kind = KINDS[own.choice(len(KINDS), p=KIND_SHARES)]
        visitor = f"v{own.integers(2**63):016x}"
        if all(machine.visitor != visitor for machine in found):
            found.append(Machine(kind, visitor, _session(kind, shop, own, rng)))
    if block == 0 and rng.random() < 0.35:
        found.append(
            Machine(
                TESTER, f"qa-{rng.integers(1, 4)}", _looks(shop, rng, int(rng.integers(4, 12)), 4.0, VIEW, home=True)
            )
        )
    return found


def _session(kind: str, shop: Shop, own: np.random.Generator, rng: np.random.Generator) -> Events:
    if kind == "crawler":
        return _looks(shop, rng, int(rng.integers(80, 260)), float(own.uniform(0.8, 2.5)), VIEW, home=True)
    if kind == "carter":
        return _looks(shop, rng, int(rng.integers(20, 60)), float(own.uniform(1.5, 4)), CART, home=False)
    if kind == "slow_crawler":
        return _looks(shop, rng, int(rng.integers(30, 70)), float(own.uniform(6, 12)), VIEW, home=True)
    leaves = own.choice(len(LEAVES), 6, replace=False)
    return _scrape(shop, rng, leaves, float(own.uniform(1, 3)), float(own.uniform(5, 22)) * 3600)


def _looks(shop: Shop, rng: np.random.Generator, many: int, gap: float, kind: int, home: bool) -> Events:
    """Views of items one after another (or views that all go into the cart), after the home page's impressions."""
    on_sale = np.flatnonzero(shop.on_sale)
    first = int(rng.integers(len(on_sale)))
    item = on_sale[(first + np.arange(many)) % len(on_sale)] if kind == VIEW else rng.choice(shop.popular[:20], many)
    shown = shop.popular[: SHOWN[HOME]] if home else shop.popular[:0]
    each = np.full(many, VIEW)
    if kind == CART:
        item, each = np.repeat(item, 2), np.tile([VIEW, CART], many)
    places = np.concatenate([np.full(len(shown), HOME), np.full(len(each), -1)])
    ranks = np.concatenate([np.arange(len(shown)) + 1, np.full(len(each), -1)])
    kinds = np.concatenate([np.full(len(shown), IMPRESSION), each])
    start = rng.uniform(5, 22) * 3600
    return _events(kinds, np.concatenate([shown, item]), places, ranks, np.full(len(kinds), -1), start, gap, rng)


def _scrape(shop: Shop, rng: np.random.Generator, leaves: np.ndarray, gap: float, start: float) -> Events:
    """A search for each leaf and a view of its best sellers, at the same hour every day."""
    item, kinds, query = [], [], []
    for leaf in leaves:
        tops = shop.leaf_top[leaf]
        tops = tops[tops >= 0]
        item += [-1, *tops]
        kinds += [SEARCHED] + [VIEW] * len(tops)
        query += [int(leaf) * 128] + [-1] * len(tops)
    none = np.full(len(item), -1)
    return _events(np.array(kinds), np.array(item), none, none, np.array(query), start, gap, rng)


def _events(kinds, item, places, ranks, query, start: float, gap: float, rng: np.random.Generator) -> Events:
    spent = np.where(kinds == IMPRESSION, 0.02, gap * rng.uniform(0.9, 1.1, len(kinds))).cumsum()
    return Events(
        session=np.zeros(len(kinds), dtype=np.int64), type=kinds, item=item, query=query, placement=places, rank=ranks,
        propensity=np.where(places >= 0, 1.0, np.nan), seconds=np.minimum(start + spent, LAST_SECOND),
        line=np.full(len(kinds), -1),
    )  # fmt: skip
