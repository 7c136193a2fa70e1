"""What ordering an item costs and how long it takes: the store's own terms, and what is assumed where it has none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from jobs.demand.policy import Terms

TERMS = ("lead_time_days", "lead_time_sd_days", "review_days", "pack_size", "minimum_order")
DAYS_A_YEAR = 365.0


@dataclass(frozen=True)
class Params:
    """What is assumed where a store does not say.

    ``lead_time_sd_share`` of the lead time is its deviation where unknown; ``service_level`` the newsvendor ratio
    where price or cost are unknown, and ``lowest_level`` to ``highest_level`` the bounds of one that follows from them:
    beyond them it would rest on the very tail of the paths. ``holding_share_per_year`` of a piece's cost is what
    keeping it a year costs (capital, room, ageing)."""

    lead_time_days: float = 7.0
    lead_time_sd_share: float = 0.25
    review_days: int = 1
    pack_size: int = 1
    minimum_order: int = 0
    service_level: float = 0.95
    lowest_level: float = 0.5
    highest_level: float = 0.98
    holding_share_per_year: float = 0.25


@dataclass(frozen=True)
class Ordering:
    """The terms in force for one item at one place, in steps of the forecast; ``assumed`` names those that the store
    did not give."""

    terms: Terms
    pack: int
    minimum: int
    service_level: float
    assumed: tuple[str, ...]


def ordering(row: pd.Series, params: Params, step_days: int) -> Ordering:
    """The terms of a row with the columns TERMS, supplied_from, transfer_days, price and cost, any of them null. A
    place that another one refills takes single pieces, any number, as often as reviews are by default."""
    assumed: list[str] = []

    def known(name: str, default: Any) -> Any:
        if pd.notna(row[name]):
            return row[name]
        assumed.append(name)
        return default

    if isinstance(row["supplied_from"], str):
        lead = float(known("transfer_days", params.lead_time_days))
        deviation, review, pack, minimum = params.lead_time_sd_share * lead, params.review_days, 1, 0
    else:
        lead = float(known("lead_time_days", params.lead_time_days))
        deviation = float(known("lead_time_sd_days", params.lead_time_sd_share * lead))
        review = max(int(known("review_days", params.review_days)), 1)
        pack = max(int(known("pack_size", params.pack_size)), 1)
        minimum = max(int(known("minimum_order", params.minimum_order)), 0)
    steps = -(-review // step_days)
    level = service_level(row["price"], row["cost"], steps * step_days, params)
    if level is None:
        assumed.append("service_level")
        level = params.service_level
    # In units of holding a piece for a step, since only the ratio of the two decides.
    terms = Terms(lead / step_days, deviation / step_days, steps, 1.0, steps * level / (1 - level))
    return Ordering(terms, pack, minimum, level, tuple(assumed))


def service_level(price: float | None, cost: float | None, cycle_days: int, params: Params) -> float | None:
    """The newsvendor ratio: the margin that goes with a sale, against it and a cycle's holding; None where price or
    cost are unknown."""
    if price is None or cost is None or not price >= 0 or not cost > 0:
        return None
    margin = max(price - cost, 0.0)
    holding = cost * params.holding_share_per_year * cycle_days / DAYS_A_YEAR
    return float(np.clip(margin / (margin + holding), params.lowest_level, params.highest_level))
