"""Who shops: a block of customers with their tastes, habits and consent, and what they remember having bought.

A customer never changes: a block is drawn again whenever it is needed. What changes is memory, the last things that a
customer bought, kept in the state from day to day.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from jobs.store.catalogue import Items, directions
from jobs.store.world import AGE_SHARES, CHANNEL_SHARES, COUNTRY_SHARES, SEGMENTS, WorldParams, chance

FIRST_ID = 20_000  # the number of the first customer; the id's text is the number
MEMORY = 24  # different items that a customer remembers
FORGOTTEN = -30_000  # the day of an empty place in memory
NEVER = 30_000
SEGMENT_SHARES = (0.3, 0.22, 0.2, 0.16, 0.12)
DIMS = 8


@dataclass(frozen=True)
class Customers:
    """Arrays over the customers of a block; days count from the world's first."""

    index: np.ndarray  # int64, over the whole world
    taste: np.ndarray  # float32 [n, 8]
    rate: np.ndarray  # sessions a day on a mean day
    price_sense: np.ndarray  # utility lost per log price above the usual
    mood: np.ndarray  # utility added to every item: how easily one buys
    pace: np.ndarray  # factor on the cycle of what is used up
    country: np.ndarray  # number in COUNTRIES
    channel: np.ndarray
    age: np.ndarray
    gender: np.ndarray  # 0 female, 1 male, 2 not told
    segment: np.ndarray  # number in SEGMENTS, the centre of taste
    business: np.ndarray  # bool
    registered: np.ndarray  # day
    leaves: np.ndarray  # day of the last visit ever
    erased: np.ndarray  # day on which the account is closed, or NEVER
    consents: np.ndarray  # bool, at registration
    changes_mind: np.ndarray  # day on which consent is turned round, or NEVER

    def __len__(self) -> int:
        return len(self.index)

    def consent(self, day: int) -> np.ndarray:
        """Whether each allows personal lists on the day, bool."""
        return self.consents ^ (self.changes_mind <= day)


@dataclass
class Memory:
    """What a block's customers bought last: ``item`` int32 and ``day`` int16, both [n, MEMORY]; -1 where empty."""

    item: np.ndarray
    day: np.ndarray

    def remember(self, customer: np.ndarray, item: np.ndarray, day: int) -> None:
        """Notes purchases (row in the block, item): a known item gets the day, a new one the place of the oldest."""
        pairs = np.unique(np.stack([customer, item], axis=1), axis=0) if len(customer) else np.empty((0, 2), dtype=int)
        while len(pairs):
            _, first = np.unique(pairs[:, 0], return_index=True)
            who, what = pairs[first, 0], pairs[first, 1]
            known = self.item[who] == what[:, None]
            place = np.where(known.any(axis=1), known.argmax(axis=1), self.day[who].argmin(axis=1))
            self.item[who, place], self.day[who, place] = what, day
            pairs = np.delete(pairs, first, axis=0)

    def extended(self, rows: int) -> Memory:
        """The same with empty rows for customers who are new."""
        more = rows - len(self.item)
        if more <= 0:
            return self
        item = np.concatenate([self.item, np.full((more, MEMORY), -1, np.int32)])
        return Memory(item, np.concatenate([self.day, np.full((more, MEMORY), FORGOTTEN, np.int16)]))


def blocks(params: WorldParams, day: int) -> int:
    """How many blocks hold all accounts opened by the day."""
    return -(-params.customers_through(day) // params.block_customers)


def customers(params: WorldParams, block: int, day: int) -> Customers:
    """The block's customers who have registered by the day."""
    start = block * params.block_customers
    size = min(params.block_customers, params.customers_through(day) - start)
    draw = _draw(params, block, min(params.block_customers, -(-size // 512) * 512))
    index = start + np.arange(size)
    existing = params.existing_customers
    registered = np.where(
        index < existing,
        -draw["tenure"][:size],
        np.floor((index - existing + 1) / max(params.registrations_per_day, 1e-9) - 1e-9),
    ).astype(int)
    arrays = {
        name: values[:size] for name, values in draw.items() if name not in {"tenure", "stays", "erases", "turns"}
    }
    after = np.maximum(registered, 0)
    leaves = after + draw["stays"][:size]
    erased = np.where(draw["erases"][:size] > 0, after + draw["erases"][:size], NEVER)
    turns = np.where(draw["turns"][:size] > 0, after + draw["turns"][:size], NEVER)
    return Customers(
        index=index,
        registered=registered,
        leaves=np.minimum(leaves, erased),
        erased=erased,
        changes_mind=turns,
        **arrays,
    )


@lru_cache(maxsize=64)
def _draw(params: WorldParams, block: int, size: int) -> dict[str, np.ndarray]:
    """Draws customers one purpose after another, each from its own generator, so that a larger block begins alike."""

    def rng(purpose: str) -> np.random.Generator:
        return chance(params, f"customers {purpose}", block)

    centres = chance(params, "segments").normal(size=(len(SEGMENTS), DIMS))
    centres -= np.average(centres, axis=0, weights=SEGMENT_SHARES)
    segment = _choice(rng("segment"), SEGMENT_SHARES, size)
    age = _choice(rng("age"), AGE_SHARES, size)
    by_age = chance(params, "ages").normal(size=(len(AGE_SHARES), DIMS))
    taste = centres[segment] * 0.65 + by_age[age] * 0.25 + rng("taste").normal(size=(size, DIMS)) * 0.75
    business = rng("business").random(size) < 0.03
    rate = params.visit_rate * rng("rate").gamma(0.9, 1 / 0.9, size).clip(0.03, 6) * np.where(business, 1.6, 1)
    stays = np.ceil(rng("stays").exponential(420, size))
    return {
        "taste": taste.astype(np.float32),
        "rate": rate,
        "segment": segment,
        "age": age,
        "business": business,
        "price_sense": rng("price").uniform(0.6, 2.6, size),
        "mood": rng("mood").normal(0, 0.5, size),
        "pace": np.exp(rng("pace").normal(0, 0.25, size)),
        "country": _choice(rng("country"), COUNTRY_SHARES, size),
        "channel": _choice(rng("channel"), CHANNEL_SHARES, size),
        "gender": _choice(rng("gender"), (0.5, 0.38, 0.12), size),
        "tenure": rng("tenure").integers(1, 700, size),
        "stays": stays,
        "erases": np.where(rng("erases").random(size) < 0.02, np.ceil(rng("erased").exponential(150, size)), 0),
        "consents": rng("consents").random(size) < params.consent_share,
        "turns": np.where(rng("turns").random(size) < 0.05, np.ceil(rng("turned").exponential(90, size)), 0),
    }


def _choice(rng: np.random.Generator, shares: tuple[float, ...], size: int) -> np.ndarray:
    """Numbers by shares; unlike Generator.choice, the first numbers do not depend on how many are drawn."""
    return np.searchsorted(np.cumsum(shares)[:-1], rng.random(size), side="right")


def first_memory(params: WorldParams, block: int, of: Customers, items: Items) -> Memory:
    """What customers from before the first day had bought: up to eight things each, after their taste."""
    memory = Memory(np.empty((0, MEMORY), np.int32), np.empty((0, MEMORY), np.int16)).extended(len(of))
    rng = chance(params, "past", block)
    listed = np.flatnonzero(items.launched < 0)
    many = np.minimum(rng.poisson(of.rate * 20 * np.exp(of.mood)), 8) * (of.registered < 0)
    for place in range(8):
        offered = rng.choice(listed, size=(len(of), 24))
        worth = np.einsum("nd,nkd->nk", of.taste, items.vector[offered]) * params.taste_weight + items.quality[offered]
        chosen = offered[np.arange(len(of)), (worth + rng.gumbel(size=worth.shape)).argmax(axis=1)]
        age = np.minimum(rng.exponential(70, len(of)).astype(int) + 1, -np.minimum(of.registered, -1))
        fits = (place < many) & ~(memory.item == chosen[:, None]).any(axis=1)
        memory.item[fits, place], memory.day[fits, place] = chosen[fits], -age[fits]
    return memory


def leaf_preference(params: WorldParams, taste: np.ndarray) -> np.ndarray:
    """The share of each leaf in what a taste browses, [n, leaves], rows summing to 1."""
    leaf, *_ = directions(params)
    worth = taste @ (leaf / np.linalg.norm(leaf, axis=1, keepdims=True)).T
    share = np.exp(1.4 * worth)
    return share / share.sum(axis=1, keepdims=True)
