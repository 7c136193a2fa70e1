"""The gate: elasticities count only where they foretell later weeks better than "price does not matter".

Fitted on the weeks before a cut, judged on those after it: how an item's units spread over its judged weeks, given
their sum and the ups and downs of its category, by the price of each week (a conditional Poisson likelihood: levels and
seasons drop out). Weeks with promotions, features or empty shelves are left out, since they move sales by themselves.
The difference is summed over items and its interval is a bootstrap over items.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from jobs.lib import registry
from jobs.pricing.posterior import CROSS, NONE, Posterior

EVERYTHING = "all"


@dataclass(frozen=True)
class GateParams:
    """``judged_weeks`` are judged, after at least ``fewest_weeks`` to fit on; ``draws`` of the bootstrap, whose
    ``quantile`` must be above 0."""

    judged_weeks: int = 13
    fewest_weeks: int = 26
    draws: int = 500
    quantile: float = 0.1
    seed: int = 5


@dataclass(frozen=True)
class Verdict:
    """Whether elasticities decide prices, and the sentence that says why. ``gain`` is log likelihood over "price does
    not matter", over all judged items, ``low`` its lower quantile."""

    publishes: bool
    reason: str
    gain: float = float("nan")
    low: float = float("nan")
    items: int = 0
    weeks: int = 0


def for_registry(verdict: Verdict) -> dict[str, Any]:
    """What the registry keeps of the verdict."""
    published = "elasticities" if verdict.publishes else "current prices"
    return {"prices": registry.gate_said(published, verdict.publishes, verdict.reason)}


def cut(panel: pd.DataFrame, params: GateParams) -> pd.Timestamp | None:
    """The first judged week; None where too little history lies before it."""
    weeks = np.sort(panel["week"].unique())
    if len(weeks) < params.judged_weeks + params.fewest_weeks:
        return None
    return pd.Timestamp(weeks[-params.judged_weeks])


def judged(posterior: Posterior, later: pd.DataFrame, params: GateParams) -> Verdict:
    """``posterior`` fitted on earlier weeks against the panel rows ``later``."""
    each = gains(posterior, later)
    weeks = later["week"].nunique()
    if each.empty:
        return Verdict(False, f"no item's price moved in the {weeks} judged weeks: prices stay", weeks=weeks)
    rng = np.random.default_rng(params.seed)
    drawn = each.to_numpy()[rng.integers(0, len(each), (params.draws, len(each)))].sum(axis=1)
    gain, low = float(each.sum()), float(np.quantile(drawn, params.quantile))
    verb = "foretell" if low > 0 else "do not surely foretell"
    reason = (
        f"elasticities {verb} later sales better than that price does not matter: log likelihood {gain:+.1f} "
        f"({params.quantile:.0%} quantile {low:+.1f}) over {len(each):,} items whose price moved in the {weeks} weeks "
        f"from {later['week'].min():%Y-%m-%d}" + ("" if low > 0 else ": prices stay")
    )
    return Verdict(low > 0, reason, gain, low, len(each), weeks)


def gains(posterior: Posterior, later: pd.DataFrame) -> pd.Series:
    """item → log likelihood of its judged weeks under its elasticity less that under none; items whose price moved."""
    known = posterior.frame()[["item_id", "mean", "evidence"]]
    rows = later[~later["is_promotion"] & ~later["is_featured"] & ~later["is_stockout"]]
    rows = rows.merge(known[known["evidence"] != NONE], on="item_id", how="inner")
    rows = rows.assign(category=rows["category"].fillna(EVERYTHING), log_price=np.log(rows["price"].astype(float)))
    # The others of the category set the pace of a week; one item alone has only itself.
    week = rows.groupby(["category", "week"])["units"].transform("sum") - rows["units"]
    rows["pace"] = np.log(week + 1.0)
    rows["bent"] = rows["pace"] + rows["mean"] * rows["log_price"]
    by_item = rows.groupby("item_id")
    moved = by_item["log_price"].transform(lambda prices: prices.max() - prices.min()) > 1e-3
    rows = rows[moved]
    by_item = rows.groupby("item_id")
    told = {name: rows[name] - by_item[name].transform(_log_sum) for name in ("pace", "bent")}
    return (rows["units"] * (told["bent"] - told["pace"])).groupby(rows["item_id"]).sum()


def _log_sum(values: pd.Series) -> float:
    top = values.max()
    return float(top + np.log(np.exp(values - top).sum()))


def silenced(posterior: Posterior) -> Posterior:
    """The posterior of which nothing counts: evidence none for every item."""
    nothing = np.full(len(posterior.item_id), np.nan)
    return replace(
        posterior,
        evidence=np.full(len(posterior.item_id), NONE),
        mean=nothing,
        low=nothing,
        high=nothing,
        draws=np.full_like(posterior.draws, np.nan),
        **dict.fromkeys(CROSS, nothing),
    )
