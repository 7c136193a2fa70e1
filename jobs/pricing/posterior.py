"""What is believed of a shop's demand: elasticities by item with draws, and what diverts to neighbours.

``jobs.pricing.elasticity`` makes it from sales and prices, ``jobs.pricing.gains`` turns prices into expected gains.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, field, fields
from pathlib import Path

import numpy as np
import pandas as pd

FILE = "posterior.npz"
OWN, CATEGORY, NONE = "own", "category", "none"


@dataclass(frozen=True)
class Posterior:
    """Arrays over items (all of one length, in the order of ``item_id``) and over categories (``category_*``).

    ``draws`` is items × draws, of the own elasticity (negative: log units per log price); ``mean``, ``low`` and
    ``high`` (10% and 90%) summarise it, NaN where ``evidence`` is ``none``. ``naive`` is what regressing log units on
    log price item by item says (NaN where the price never moved), there to be shown beside. ``log_rate`` is the
    log of expected units a week at ``price`` with no promotion, no feature and a season neither high nor low,
    ``log_rate_sd`` its standard error. ``diversion_nest`` and ``diversion_category`` are the shares of units lost to a
    higher price that mates in the nest, and the rest of the category, win.

    ``category_cross_nest`` and ``category_cross_rest`` are categories × (effect, its 10% and its 90%): how an item's
    log units change with the log price of its nest mates together, and of the rest of its category together. NaN where
    no item has such neighbours; without rows in a posterior that was saved before there were these.
    """

    item_id: np.ndarray
    category: np.ndarray
    nest: np.ndarray
    evidence: np.ndarray
    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray
    draws: np.ndarray
    naive: np.ndarray
    price: np.ndarray
    log_rate: np.ndarray
    log_rate_sd: np.ndarray
    diversion_nest: np.ndarray
    diversion_category: np.ndarray
    category_id: np.ndarray
    category_mean: np.ndarray
    category_low: np.ndarray
    category_high: np.ndarray
    category_cross_nest: np.ndarray = field(default_factory=lambda: np.empty((0, 3)))
    category_cross_rest: np.ndarray = field(default_factory=lambda: np.empty((0, 3)))

    def save(self, folder: Path) -> None:
        """Writes one file, ``posterior.npz``; the same posterior gives the same bytes."""
        folder.mkdir(parents=True, exist_ok=True)
        arrays = {field.name: getattr(self, field.name) for field in fields(self)}
        whole = io.BytesIO()
        np.savez(whole, **arrays)  # a zip whose members carry no clock time
        (folder / FILE).write_bytes(whole.getvalue())

    @staticmethod
    def load(folder: Path) -> Posterior:
        """Reads what :meth:`save` wrote."""
        with np.load(folder / FILE, allow_pickle=False) as arrays:
            return Posterior(**{name: arrays[name] for name in arrays.files})

    def frame(self) -> pd.DataFrame:
        """One row an item: every array but the draws, as a column of its name."""
        alike = [f.name for f in fields(self) if f.name != "draws" and not f.name.startswith("category_")]
        return pd.DataFrame({name: getattr(self, name) for name in alike})

    def categories(self) -> pd.DataFrame:
        """One row a category: ``category, mean, low, high`` of its common elasticity, and the same of the effects of
        neighbours' prices: ``nest, nest_low, nest_high, rest, rest_low, rest_high``."""
        own = pd.DataFrame(
            {
                "category": self.category_id,
                "mean": self.category_mean,
                "low": self.category_low,
                "high": self.category_high,
            }
        )
        for name, effect in (("nest", self.category_cross_nest), ("rest", self.category_cross_rest)):
            own[[name, f"{name}_low", f"{name}_high"]] = effect if len(effect) else np.nan
        return own
