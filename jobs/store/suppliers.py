"""Who delivers what, how fast and in what packs; and the shop's file of terms."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from jobs.store import catalogue
from jobs.store.catalogue import CHUNK
from jobs.store.world import WorldParams, chance

SUPPLIERS = 9
LONGEST_LEAD = 15  # days; shorter than the horizon for which arrivals are kept
PACKS, PACK_SHARES = (1, 4, 6, 12), (0.7, 0.15, 0.1, 0.05)
TERMS_WEEKDAY = 0  # terms are sent on the first day, then on Mondays
TERMS_HEADER = "supplier;sku;lead_days;lead_sd;every_days;pack;least"


@dataclass(frozen=True)
class Supply:
    """Arrays over items: number of the supplier, mean and deviation of its lead times in days, pieces in a pack and
    least pieces of an order. ``is_told`` is False where the supplier does not say how its lead times vary."""

    supplier: np.ndarray
    lead: np.ndarray
    lead_sd: np.ndarray
    pack: np.ndarray
    least: np.ndarray
    is_told: np.ndarray

    def leads(self, params: WorldParams, day: int) -> np.ndarray:
        """Whole days that an order of the evening takes to the shelf, one a item: gamma, at least 1."""
        rng = chance(params, "lead times", day)
        shape = (self.lead / self.lead_sd) ** 2
        return np.clip(np.rint(rng.gamma(shape, self.lead / shape)), 1, LONGEST_LEAD).astype(np.int64)

    def announced(self) -> np.ndarray:
        """Whole days after which suppliers announce an order: their mean."""
        return np.rint(self.lead).astype(np.int64)

    def lots(self, wanted: np.ndarray) -> np.ndarray:
        """Pieces in whole packs, at least the least order, for the pieces wanted; 0 stays 0."""
        packs = -(-np.maximum(wanted, self.least) // self.pack)
        return np.where(wanted > 0, packs * self.pack, 0)


@lru_cache(maxsize=4)
def supply(params: WorldParams, day: int) -> Supply:
    """Who supplies all items that were ever listed by the day: a supplier has some brands, and keeps its pace."""
    rng = chance(params, "suppliers")
    lead, share = rng.uniform(3.5, 10, SUPPLIERS), rng.uniform(0.1, 0.4, SUPPLIERS)
    least, is_told = rng.choice((0, 0, 0, 6), SUPPLIERS), rng.random(SUPPLIERS) < 0.8
    of = catalogue.items(params, day)
    who = of.brand.astype(np.int64) % SUPPLIERS
    chunks = -(-len(of) // CHUNK)
    pack = np.concatenate([chance(params, "packs", at).choice(PACKS, CHUNK, p=PACK_SHARES) for at in range(chunks)])
    pack = pack[: len(of)]
    return Supply(who, lead[who], (lead * share)[who], pack, least[who], is_told[who])


def terms_file(of: Supply, ids: np.ndarray, on_sale: np.ndarray) -> bytes:
    """A snapshot of terms by article, separated by semicolons; blank where the supplier does not say."""
    rows = [
        f"S{of.supplier[at]:02d};{ids[at]};{of.lead[at]:.1f};{f'{of.lead_sd[at]:.1f}' if of.is_told[at] else ''};1;"
        f"{of.pack[at]};{of.least[at]}"
        for at in np.flatnonzero(on_sale).tolist()
    ]
    return ("\n".join([TERMS_HEADER, *rows]) + "\n").encode()
