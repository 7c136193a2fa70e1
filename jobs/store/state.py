"""What the world remembers from one evening to the next morning, in a folder of its own beside the truth."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from jobs.store import catalogue, customers
from jobs.store.customers import Memory
from jobs.store.prices import Prices
from jobs.store.stock import Stock
from jobs.store.world import WorldParams


@dataclass
class Evening:
    """The shop when it closes: ``sales`` is the decayed count of pieces sold by item."""

    prices: Prices
    stock: Stock
    sales: np.ndarray

    @staticmethod
    def before_the_first_day() -> Evening:
        """A shop without a past; extended to the items there are by the first morning."""
        return Evening(Prices(np.zeros(0), np.zeros(0)), Stock.empty(), np.zeros(0))


def write_evening(path: Path, evening: Evening) -> None:
    """Keeps an evening, or a morning, as one file."""
    with path.open("wb") as file:
        np.savez_compressed(
            file, price=evening.prices.price, cost=evening.prices.cost, sales=evening.sales,
            **{column.name: getattr(evening.stock, column.name) for column in fields(Stock)},
        )  # fmt: skip


def read_evening(path: Path) -> Evening:
    """What write_evening kept."""
    with np.load(path) as kept:
        # A world begun before stock knew of orders and returns had none on their way.
        nothing = np.zeros_like(kept["coming"])
        stock = Stock(**{one.name: kept.get(one.name, nothing) for one in fields(Stock)})
        return Evening(Prices(kept["price"], kept["cost"]), stock, kept["sales"])


def write_memory(folder: Path, block: int, memory: Memory) -> None:
    """Keeps what a block's customers remember."""
    with (folder / f"memory-{block:05d}.npz").open("wb") as file:
        np.savez_compressed(file, item=memory.item, day=memory.day)


def read_memory(params: WorldParams, folder: Path | None, block: int, day: int) -> Memory:
    """What a block's customers remember on the morning of ``day``; the past from before the first
    day where nothing was kept."""
    of = customers.customers(params, block, day)
    path = folder / f"memory-{block:05d}.npz" if folder else None
    if path is None or not path.exists():
        if day > 0 and of.registered.min() >= 0:
            return Memory(
                np.empty((0, customers.MEMORY), np.int32), np.empty((0, customers.MEMORY), np.int16)
            ).extended(len(of))
        return customers.first_memory(params, block, of, catalogue.items(params, 0))
    with np.load(path) as kept:
        return Memory(kept["item"], kept["day"]).extended(len(of))
