"""What is believed of a shop's demand: elasticities by item with draws, and what diverts to neighbours.

``jobs.pricing.elasticity`` makes it from sales and prices, ``jobs.pricing.gains`` turns prices into expected gains.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, field, fields, replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from jobs.pricing.grid import YEAR_WEEKS

FILE = "posterior.npz"
OWN, CATEGORY, NONE = "own", "category", "none"
CROSS = ("cross_nest", "cross_nest_low", "cross_nest_high", "cross_rest", "cross_rest_low", "cross_rest_high")
COMING = 4  # weeks for which a night's prices are thought to hold


@dataclass(frozen=True)
class Posterior:
    """Arrays over items (all of one length, in the order of ``item_id``) and over categories (``category_*``).

    ``draws`` is items × draws, of the own elasticity (negative: log units per log price); ``mean``, ``low`` and
    ``high`` (10% and 90%) summarise it, NaN where ``evidence`` is ``none``. ``naive`` is what regressing log units on
    log price item by item says (NaN where the price never moved), there to be shown beside. ``log_rate`` is the log of
    expected units a week at ``price`` with no promotion, no feature, as the last weeks went but in a season neither
    high nor low (:meth:`season` is what the year adds), ``log_rate_sd`` its standard error. ``diversion_nest`` and
    ``diversion_category`` are the shares of units lost to a higher price that mates in the nest, and the rest of the
    category, win.

    ``cross_nest`` and ``cross_rest`` say how an item's log units change with the log price of its nest mates together,
    and of the rest of its category together; ``_low`` and ``_high`` are their 10% and 90%. NaN where an item has no
    such neighbours, or none of them ever moved a price. Empty in a posterior that was saved before there were these.

    ``category_cross_nest`` and ``category_cross_rest`` are the same of categories, each × (effect, its 10% and its
    90%); ``category_season`` is categories × (how far the best week of the year lies above its mean, in logs, and the
    day since 1970 on which one begins). Without rows in a posterior that was saved before there were these.
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
    cross_nest: np.ndarray = field(default_factory=lambda: np.empty(0))
    cross_nest_low: np.ndarray = field(default_factory=lambda: np.empty(0))
    cross_nest_high: np.ndarray = field(default_factory=lambda: np.empty(0))
    cross_rest: np.ndarray = field(default_factory=lambda: np.empty(0))
    cross_rest_low: np.ndarray = field(default_factory=lambda: np.empty(0))
    cross_rest_high: np.ndarray = field(default_factory=lambda: np.empty(0))
    category_season: np.ndarray = field(default_factory=lambda: np.empty((0, 2)))
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

    def season(self, weeks: pd.DatetimeIndex) -> np.ndarray:
        """How far demand lies above the year's mean in weeks that begin on these days, in logs (items × weeks)."""
        if not len(self.category_season):
            return np.zeros((len(self.item_id), len(weeks)))
        amplitude, peak = self.category_season[pd.Index(self.category_id).get_indexer(self.category)].T[..., None]
        days = (weeks - pd.Timestamp(0)).days.to_numpy()
        return amplitude * np.cos(2 * np.pi * (days - peak) / (7 * YEAR_WEEKS))

    def coming(self, as_of: date) -> Posterior:
        """The same with the rates of the ``COMING`` weeks after a night, in the mean."""
        weeks = pd.date_range(as_of + timedelta(days=1), periods=COMING, freq="7D")
        return replace(self, log_rate=self.log_rate + self.season(weeks).mean(axis=1))

    def frame(self) -> pd.DataFrame:
        """One row an item: every array but the draws, as a column of its name; NaN what the posterior does not have."""
        alike = {f.name: getattr(self, f.name) for f in fields(self) if not f.name.startswith(("draws", "category_"))}
        many = len(self.item_id)
        return pd.DataFrame({name: values if len(values) == many else np.nan for name, values in alike.items()})

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
