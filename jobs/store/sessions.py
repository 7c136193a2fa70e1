"""Who visits on a day: sessions of customers and of people without an account, with the taste that each brings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from jobs.store.choice import needs_of
from jobs.store.customers import Customers, Memory
from jobs.store.shop import Shop
from jobs.store.world import CHANNEL_SHARES, COUNTRY_SHARES, WorldParams, chance, visits_of_day

MULTIPLIER = 0x9E3779B97F4A7C15  # spreads numbers over visitor ids


@dataclass(frozen=True)
class Sessions:
    """Arrays over the sessions of a block's day."""

    customer: np.ndarray  # row in the block, -1 without an account
    signed_in: np.ndarray  # bool: the shop knows the customer
    taste: np.ndarray  # [sessions, dims]
    price_sense: np.ndarray
    mood: np.ndarray
    country: np.ndarray
    channel: np.ndarray
    age: np.ndarray
    business: np.ndarray
    starts: np.ndarray  # seconds since local midnight
    visitor: np.ndarray  # uint64, the browser's or app's number

    def __len__(self) -> int:
        return len(self.customer)


def sessions_of(params: WorldParams, shop: Shop, block: int, of: Customers, memory: Memory) -> Sessions:
    """The sessions of a block; all begin between 5:00 and 23:15 local time."""
    rng = chance(params, "sessions", block, shop.day)
    alive = (of.registered <= shop.day) & (shop.day < of.leaves)
    due = needs_of(shop, of, memory).max(axis=1, initial=0) > 1.2
    mean = of.rate * visits_of_day(shop.date) * np.where(due, 1.4, 1.0)
    many = np.minimum(rng.poisson(mean), 3) * alive
    many = np.maximum(many, (of.registered == shop.day).astype(int))
    known = np.repeat(np.arange(len(of)), many)
    strangers = rng.poisson(params.anonymous_share * (mean * alive).sum())
    like = rng.integers(0, len(of), strangers)
    taste = of.taste[like] + rng.normal(0, 0.5, (strangers, of.taste.shape[1]))
    size = len(known) + strangers
    customer = np.concatenate([known, np.full(strangers, -1)])
    device = np.where(rng.random(len(known)) < 0.75, 0, 1)
    visitor = np.concatenate([
        _spread(of.index[known] * 2 + device, params.seed),
        _spread((np.arange(strangers) + 1) * 4096 + shop.day + block * 2**40, params.seed + 1),
    ])  # fmt: skip
    evening = rng.random(size) < 0.45
    hours = np.where(evening, rng.normal(20.3, 1.3, size), rng.normal(13.0, 3.4, size)).clip(5, 23.2)
    return Sessions(
        customer=customer, signed_in=(customer >= 0) & (rng.random(size) < params.signed_in_share),
        taste=np.concatenate([of.taste[known], taste.astype(np.float32)]),
        price_sense=np.concatenate([of.price_sense[known], rng.uniform(0.6, 2.6, strangers)]),
        mood=np.concatenate([of.mood[known], np.full(strangers, -0.9)]) + rng.normal(0, 0.6, size),
        country=np.concatenate([of.country[known], rng.choice(len(COUNTRY_SHARES), strangers, p=COUNTRY_SHARES)]),
        channel=np.where(rng.random(size) < 0.8, np.concatenate([of.channel[known], np.zeros(strangers, int)]),
                         rng.choice(len(CHANNEL_SHARES), size, p=CHANNEL_SHARES)),
        age=np.concatenate([of.age[known], np.full(strangers, 2)]),
        business=np.concatenate([of.business[known], np.zeros(strangers, bool)]),
        starts=hours * 3600 + rng.random(size), visitor=visitor,
    )  # fmt: skip


def _spread(number: np.ndarray, salt: int) -> np.ndarray:
    """A number that looks random, different for different numbers (an odd multiplier is a bijection)."""
    with np.errstate(over="ignore"):
        mixed = (number.astype(np.uint64) + np.uint64(salt * 7919)) * np.uint64(MULTIPLIER)
        return (mixed ^ (mixed >> np.uint64(31))) * np.uint64(MULTIPLIER)
