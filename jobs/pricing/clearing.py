"""Plans to clear stock: which items, by when, and a price for each week to come; in plain frames."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np
import pandas as pd
from scipy.special import ndtr

from jobs.pricing import fluid, markdown_dp
from jobs.pricing.bounds import SAME, bounds, with_ending
from jobs.pricing.guardrails import Clearance, Guardrails, Rules
from jobs.pricing.markdown_belief import Belief
from jobs.pricing.posterior import Posterior

SCENARIOS, FLUID = "scenarios", "fluid"
MOST = "max_changes"
COLUMNS = (
    "item_id", "week", "price", "current_price", "expected_units", "expected_stock_left", "expected_revenue",
    "clearance_probability", "clear_by", "method", "reason", "held_by",
)  # fmt: skip


@dataclass(frozen=True)
class MarkdownParams:
    """What is believed where nothing is known: ``elasticity`` and the spreads of it and of the level (logs), ``size``
    of the weekly negative binomial. Up to ``dp_stock`` pieces the programme runs piece by piece, above it as a fluid.
    ``kept_worth`` is what a piece without an end date is worth, as a share of today's price, where no cost is known."""

    elasticity: float = -2.0
    elasticity_sd: float = 0.8
    level_sd: float = 0.7
    least_level_sd: float = 0.3
    size: float = 8.0
    dp_stock: int = 400
    kept_worth: float = 0.5


@dataclass(frozen=True)
class Case:
    """One item to clear: pieces, how much of a usual week each one to come is (by its season, and the last one by its
    days), the last day of sale, whether that is a date by which it must be gone, what a piece left over is worth (share
    of today's price), the prices that may be asked (falling, today's first) and why it is planned."""

    item_id: str
    price: float
    stock: int
    pace: np.ndarray
    clear_by: date
    is_dated: bool
    salvage: float
    prices: np.ndarray
    belief: Belief
    why: str


def plans(
    rows: pd.DataFrame,
    posterior: Posterior,
    guardrails: Guardrails,
    sold: pd.DataFrame,
    as_of: date,
    params: MarkdownParams = MarkdownParams(),
) -> pd.DataFrame:
    """``COLUMNS``, one row an item to clear and week.

    ``rows`` as :func:`jobs.pricing.tonight.tonight` gives them; ``sold``: ``item_id, week, price, units``, one row a
    week since the posterior was fitted, with the price that was paid in it. Items that are frozen, or have no stock,
    are not planned, nor is what has too much stock and no better price: a suggestion may still raise it. ``held_by`` is
    the rule for which the coming week's price is not proposed tonight (:func:`proposed`).
    """
    every = cases(rows, posterior, guardrails, sold, as_of, params)
    found = [told for case in every if _cuts(told := plan(case, as_of, params)) or case.is_dated]
    if not found:
        return pd.DataFrame(columns=list(COLUMNS))
    told, held = pd.concat(found, ignore_index=True), {one.item_id: one.held for one in bounds(rows, guardrails, as_of)}
    told["held_by"] = told["item_id"].map(held).astype(object)
    return _at_most(told, guardrails.max_changes, as_of)


def _cuts(plan: pd.DataFrame) -> bool:
    return bool((plan["price"] < plan["current_price"] * (1 - SAME)).any())


def proposed(plan: pd.DataFrame, as_of: date) -> pd.DataFrame:
    """The rows of a plan that are a change for tomorrow: another price than today's, which no rule holds back."""
    is_coming = pd.to_datetime(plan["week"]).dt.date == as_of + timedelta(days=1)
    has_moved = (plan["price"] / plan["current_price"] - 1).abs() > SAME
    return plan[is_coming & has_moved & plan["held_by"].isna()]


def _at_most(told: pd.DataFrame, most: int | None, as_of: date) -> pd.DataFrame:
    """Of more changes than a night may have, those whose stock must be gone first and brings in most are proposed."""
    if most is None:
        return told
    wanted = proposed(told, as_of)
    worth = told.groupby("item_id")["expected_revenue"].sum().reindex(wanted["item_id"]).to_numpy()
    order = wanted.assign(worth=worth).sort_values(["clear_by", "worth", "item_id"], ascending=[True, False, True])
    return told.assign(held_by=told["held_by"].mask(told["item_id"].isin(order["item_id"][most:]), MOST))


def cases(
    rows: pd.DataFrame,
    posterior: Posterior,
    guardrails: Guardrails,
    sold: pd.DataFrame,
    as_of: date,
    params: MarkdownParams,
) -> Iterator[Case]:
    """The items to clear."""
    known = posterior.frame().set_index("item_id")
    since = dict(list(_paced(sold, posterior).groupby("item_id")))
    weeks = pd.date_range(as_of + timedelta(days=1), periods=guardrails.clearance.longest_weeks, freq="7D")
    paces = dict(zip(posterior.item_id, np.exp(posterior.season(weeks)), strict=True))
    for row in rows[rows["on_hand"].fillna(0) >= 1].itertuples(index=False):
        rules = guardrails.of(row.item_id, row.category if isinstance(row.category, str) else None)
        # What sells below the maker's lowest advertised price or the store's is first to come up, by a suggestion.
        if rules.is_frozen or row.price < _least(row, rules):
            continue
        believed = known.loc[row.item_id] if row.item_id in known.index else None
        belief = _belief(row, believed, since.get(row.item_id), params)
        pace = paces.get(row.item_id, np.ones(len(weeks)))
        case = _case(row, rules, belief, pace, guardrails.clearance, as_of, params)
        if case is not None:
            yield case


def _paced(sold: pd.DataFrame, posterior: Posterior) -> pd.DataFrame:
    """Weeks that sold with the ``pace`` that their season gave them."""
    weeks = pd.DatetimeIndex(pd.to_datetime(sold["week"]))
    item, week = pd.Index(posterior.item_id).get_indexer(sold["item_id"]), weeks.unique()
    season = posterior.season(week)[item, week.get_indexer(weeks)] if len(posterior.item_id) else np.zeros(len(sold))
    return sold.assign(pace=np.exp(np.where(item >= 0, season, 0.0)))


def _belief(row, believed: pd.Series | None, sold: pd.DataFrame | None, params: MarkdownParams) -> Belief:
    """The item's demand at today's price: the posterior's, updated by the weeks since, or that of four weeks."""
    if believed is None or not np.isfinite(believed["log_rate"]):
        level = np.log(max(float(row.units_28d or 0) / 4, 0.25))
        return Belief.prior(level, params.level_sd, params.elasticity, params.elasticity_sd, params.size)
    slope, spread = params.elasticity, params.elasticity_sd
    if np.isfinite(believed["mean"]):
        slope, spread = float(believed["mean"]), max((believed["high"] - believed["low"]) / 2.5632, 0.1)
    level = float(believed["log_rate"]) + slope * np.log(row.price / believed["price"])
    sd = max(float(np.nan_to_num(believed["log_rate_sd"], nan=params.level_sd)), params.least_level_sd)
    belief = Belief.prior(level, sd, slope, spread, params.size)
    for week in () if sold is None else sold.itertuples(index=False):
        belief = belief.updated(week.units, week.price / row.price, week.pace)
    return belief


def _case(
    row, rules: Rules, belief: Belief, season: np.ndarray, clearance: Clearance, as_of: date, params: MarkdownParams
) -> Case | None:
    """None where neither a date nor too much stock asks for a plan."""
    # What is discontinued on a day was sold on the day before it for the last time.
    known = (row.clear_by, row.discontinued_on - pd.Timedelta(days=1))
    ends = [day for day in known if pd.notna(day) and day.date() > as_of]
    stock = int(row.on_hand)
    week = float(belief.weight @ np.exp(belief.log_level))
    last = as_of + timedelta(weeks=clearance.longest_weeks)
    if ends and min(ends).date() <= last:
        until, is_dated, salvage = min(ends).date(), True, clearance.salvage
        why = f"{stock} pieces are to be gone by {until}"
    elif stock > clearance.weeks_of_stock * week and row.units_28d and row.units_28d > 0:
        cost = float(row.cost) / row.price if pd.notna(row.cost) else params.kept_worth
        until, is_dated, salvage = last, False, max(clearance.salvage, min(cost, 1.0))
        why = f"{stock} pieces are stock for {stock / week:.0f} weeks"
    else:
        return None
    days = (until - as_of).days
    weeks = -(-days // 7)
    prices = _prices(row, rules, clearance)
    pace = season[:weeks] * np.r_[np.ones(weeks - 1), days / 7 - weeks + 1]
    return Case(row.item_id, float(row.price), stock, pace, until, is_dated, salvage, prices, belief, why)


def _prices(row, rules: Rules, clearance: Clearance) -> np.ndarray:
    """Today's price, unless it is above what the maker recommends or the store's highest, and the lower ones near the
    levels, else the next below them, with the store's endings and never below the maker's lowest advertised or the
    store's lowest. What is too cheap for any ending is marked down in whole units."""
    least, most = _least(row, rules), np.nanmin([row.msrp, rules.highest_price or np.inf])
    levels = clearance.levels if row.price <= most else (most / row.price, *clearance.levels)
    for allowed, width in ((rules, 0.1), (rules, 1.0), (replace(rules, endings=()), 0.1)):
        found = [float(row.price)]
        for level in levels:
            near = with_ending(row.price * level * (1 - width), row.price * level, allowed)
            if len(near) and least <= near[-1] < found[-1] - rules.smallest_unit / 2:
                found.append(float(near[-1]))
        if len(found) > 1:
            break
    within = [price for price in found if price <= most + rules.smallest_unit / 2]
    return np.array(within or found[:1])


def _least(row, rules: Rules) -> float:
    return float(np.nanmax([row.map_price, rules.lowest_price or 0.0]))


def plan(case: Case, as_of: date, params: MarkdownParams) -> pd.DataFrame:
    """The rows of one item."""
    rates, weights = case.belief.rates(case.prices / case.price)
    scaled, size = case.prices / case.price, case.belief.size
    if case.stock <= params.dp_stock:
        way = markdown_dp.path(case.stock, case.pace, 0, scaled, rates, weights, size, case.salvage)
        told = markdown_dp.followed(case.stock, way, rates, weights, size, case.pace)
        units, left, cleared, method = told[:-1, 0], told[:-1, 1], float(told[-1, 0]), SCENARIOS
    else:
        way, units, left, cleared = _fluid(case, scaled, rates, weights)
        method = FLUID
    price = case.prices[way]
    revenue = price * units
    told_money = f"{revenue.sum():.2f} expected"
    reason = f"{case.why}: {told_money}, all gone with probability {cleared:.2f}"
    return pd.DataFrame(
        {
            "item_id": case.item_id,
            "week": [as_of + timedelta(days=1 + 7 * week) for week in range(len(case.pace))],
            "price": price,
            "current_price": case.price,
            "expected_units": units,
            "expected_stock_left": left,
            "expected_revenue": revenue,
            "clearance_probability": np.clip(cleared, 0.0, 1.0),
            "clear_by": case.clear_by,
            "method": method,
            "reason": reason,
        }
    )


def _fluid(
    case: Case, scaled: np.ndarray, rates: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """Path, units and stock left by week, and the probability of clearing, of a large stock."""
    mean = weights @ rates
    cv = float(np.mean(np.sqrt(weights @ (rates - mean) ** 2) / mean))
    way = fluid.path(case.stock, case.pace, 0, scaled, mean, cv, case.salvage)
    wanted = np.cumsum(mean[way] * case.pace)
    sold = fluid.expected_sales(case.stock, wanted, cv)
    spread = np.sqrt(wanted[-1] + (cv * wanted[-1]) ** 2)
    cleared = float(ndtr((wanted[-1] - case.stock) / spread))
    return way, np.diff(sold, prepend=0.0).clip(0), case.stock - sold, cleared
