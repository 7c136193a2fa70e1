"""What comes back: some lines return a few days later, most of them fit to be sold again; told once a week."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from jobs.store.orders import Sales
from jobs.store.shop import Shop
from jobs.store.stock import HORIZON
from jobs.store.world import WorldParams, chance

HEADER = "RetourNr;SKU;Warehouse;Date;Qty;OrderNo;State;Why"
TOLD_WEEKDAY = 0  # Mondays, with what came since the Monday before
REASONS = ("changed mind", "not as shown", "damaged", "wrong item", "")


@dataclass(frozen=True)
class SentBack:
    """Rows of the file by the day on which it is sent, and sellable pieces by item and the day they arrive, modulo
    HORIZON [items, HORIZON]."""

    rows: dict[int, list[str]]
    back: np.ndarray


def sent_back(params: WorldParams, shop: Shop, ids: np.ndarray, sales: Sales) -> SentBack:
    """Which of the day's lines come back, 3 to 14 days later."""
    rng = chance(params, "returns", shop.day)
    chosen = np.flatnonzero(rng.random(len(sales.item)) < params.return_share)
    after, damaged = rng.integers(3, 15, len(chosen)), rng.random(len(chosen)) < 0.15
    why = rng.integers(0, len(REASONS), len(chosen))
    rows: dict[int, list[str]] = defaultdict(list)
    back = np.zeros((len(ids), HORIZON), np.int64)
    for number, at in enumerate(chosen.tolist()):
        arrives = shop.day + int(after[number])
        when = shop.date + timedelta(days=int(after[number]))
        told = arrives + (TOLD_WEEKDAY - when.weekday()) % 7
        state, reason = ("defect", "damaged") if damaged[number] else ("ok", REASONS[why[number]])
        piece = f"R{shop.date:%y%m%d}{number:04d};{ids[sales.item[at]]};main;{when};{sales.units[at]}"
        rows[told].append(f"{piece};{sales.order[at]};{state};{reason}")
        if not damaged[number]:
            back[sales.item[at], arrives % HORIZON] += sales.units[at]
    return SentBack(rows, back)
