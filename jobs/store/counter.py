"""Where stock speaks: which lines of the blocks it fills, the orders they make, and what people went without."""

from __future__ import annotations

import numpy as np

from jobs.store import orders
from jobs.store.crowd import Till
from jobs.store.orders import Sales
from jobs.store.shop import Shop


def filled(on_hand: np.ndarray, tills: list[Till]) -> list[np.ndarray]:
    """Which lines of each block stock can fill."""
    item, units, seconds = (
        np.concatenate([getattr(till, name) for till in tills]) for name in ("item", "units", "seconds")
    )
    fits = orders.fill(on_hand, item, units, seconds)
    return np.split(fits, np.cumsum([len(till.item) for till in tills])[:-1])


def unmet(tills: list[Till], lines_filled: list[np.ndarray], items: int) -> np.ndarray:
    """Pieces of each item that people would have bought had they been there: of what was sold out in the morning, and
    of lines that stock could not fill. People who took another item instead bought that one too."""
    found = np.zeros(items, np.int64)
    for till, fits in zip(tills, lines_filled, strict=True):
        np.add.at(found, till.wanted_item, till.wanted_units)
        np.add.at(found, till.item[~fits], till.units[~fits])
    return found


def sales(shop: Shop, tills: list[Till], lines_filled: list[np.ndarray]) -> Sales:
    """The filled lines as orders: one session's lines are one order, numbered from 1."""
    parts: dict[str, list[np.ndarray]] = {
        name: [] for name in ("seconds", "customer", "item", "units", "country", "channel")
    }
    order: list[str] = []
    positions = []
    for till, fits in zip(tills, lines_filled, strict=True):
        at = np.flatnonzero(fits)
        at = at[np.lexsort((at, till.session[at], till.seconds[at]))]
        session = till.session[at]
        order += [f"A{shop.date:%y%m%d}B{till.block}N{one}" for one in session.tolist()]
        first = np.concatenate([[True], session[1:] != session[:-1]]) if len(at) else np.zeros(0, bool)
        starts = np.maximum.accumulate(np.where(first, np.arange(len(at)), 0)) if len(at) else np.zeros(0, int)
        positions.append(np.arange(len(at)) - starts + 1)
        for name, values in parts.items():
            values.append(getattr(till, name)[at])
    joined = {name: np.concatenate(values) for name, values in parts.items()}
    return Sales(order=order, position=np.concatenate(positions), **joined)
