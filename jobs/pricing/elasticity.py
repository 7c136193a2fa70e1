"""Own-price elasticities by item from weekly sales, pooled towards category and store, and diversion to neighbours."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from jobs.pricing.posterior import Posterior

PANEL = (
    "item_id", "category", "nest", "week", "units", "price", "cost", "is_promotion", "is_featured", "is_stockout",
    "competitor_price",
)  # fmt: skip


@dataclass(frozen=True)
class ElasticityParams:
    """How evidence is weighed. ``draws`` of each elasticity are kept; ``seed`` makes them the same again."""

    draws: int = 200
    seed: int = 17


def fit(panel: pd.DataFrame, params: ElasticityParams = ElasticityParams()) -> Posterior:
    """The posterior of every item of ``panel``.

    ``panel`` has one row per item and week with the columns of ``PANEL``: ``week`` a date (its Monday, or whatever day
    the store's weeks begin with), ``units`` sold, ``price`` per piece that customers paid, in the store's currency,
    ``cost`` per piece (nullable), ``is_promotion``, ``is_featured``, ``is_stockout`` (the shelf was empty for part of
    the week: units are a lower bound), ``category`` and ``nest`` (close substitutes; both nullable),
    ``competitor_price`` (nullable). Raises ValueError for missing columns, a second row of an item and week, and
    prices that are not above 0.
    """
    raise NotImplementedError
