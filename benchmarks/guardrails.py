"""A night's prices for 10,000 items with all portfolio rules at once, on one thread: minutes, and what that wins.

Items, beliefs and rules are drawn; what is measured is the decision alone, from a posterior to the table's rows. The
peer takes changes greedily, the best gain first, as long as no rule breaks.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import date

import numpy as np
import pandas as pd

from benchmarks.figures import Figure
from jobs.pricing.guardrails import Guardrails, Rules
from jobs.pricing.posterior import OWN, Posterior
from jobs.pricing.suggestions import suggest

ITEMS, CATEGORIES, LINES = 10_000, 50, 300
NIGHT = date(2026, 3, 31)
LIMITED = Guardrails(
    max_changes=500, largest_average_step=0.01, store=Rules(endings=(0.49, 0.95, 0.99), competitor_high=1.2)
)


def measure() -> Iterator[Figure]:
    """Seconds of a night within all rules, and of one within no rule of the portfolio."""
    rows, posterior = drawn()
    started = time.monotonic()
    limited = suggest(rows, posterior, LIMITED, "salt", NIGHT)
    minutes = (time.monotonic() - started) / 60
    name = f"{ITEMS:,} items, {LIMITED.max_changes} changes, {LINES} lines, {CATEGORIES} averages: minutes"
    yield Figure("guardrails", name, minutes, target=10, better="lower")
    free = suggest(rows, posterior, Guardrails(store=LIMITED.store), "salt", NIGHT)
    greedy = _greedy(free, rows)
    ours = limited["expected_gain_low"].where(_changed(limited), 0).sum()
    yield Figure("guardrails", "lower bound of the gain a week within the rules", ours, greedy, "greedy, best first")
    broken = _broken(limited, rows)
    yield Figure("guardrails", "portfolio rules broken", broken, target=0, better="lower")


def drawn(items: int = ITEMS, seed: int = 1) -> tuple[pd.DataFrame, Posterior]:
    """Items as the night knows them, and what is believed of them."""
    rng = np.random.default_rng(seed)
    names = np.array([f"i{n:05d}" for n in range(items)])
    category = np.array([f"c{n:02d}" for n in rng.integers(0, CATEGORIES, items)])
    price = np.round(np.exp(rng.normal(2.7, 0.7, items)) + 1, 2)
    mean = -np.clip(np.exp(rng.normal(np.log(2.5), 0.35, items)), 1.2, 6)
    line = np.where(np.arange(items) < 4 * LINES, [f"line {n // 4}" for n in range(items)], None)
    price[: 4 * LINES] = np.repeat(price[: 4 * LINES : 4], 4)  # of one line, one price
    rows = at_night(
        pd.DataFrame(
            {
                "item_id": names, "category": category, "price": price, "cost": price * rng.uniform(0.3, 0.8, items),
                "on_hand": 100.0, "msrp": price * 1.15, "price_line": line,
                "competitor_price": price * rng.uniform(0.9, 1.1, items),
            }
        )
    )  # fmt: skip
    nothing = np.zeros(items)
    known = np.unique(category)
    posterior = Posterior(
        item_id=names, category=category, nest=names.copy(), evidence=np.full(items, OWN), mean=mean, low=mean - 0.5,
        high=mean + 0.5, draws=mean[:, None] + 0.4 * rng.standard_normal((items, 200)), naive=mean, price=price,
        log_rate=rng.normal(2.5, 1, items), log_rate_sd=np.full(items, 0.1), diversion_nest=nothing + 0.15,
        diversion_category=nothing + 0.05, category_id=known, category_mean=np.full(len(known), -2.5),
        category_low=np.full(len(known), -3.0), category_high=np.full(len(known), -2.0),
    )  # fmt: skip
    return rows, posterior


def at_night(items: pd.DataFrame) -> pd.DataFrame:
    """Items (``item_id, category, price, cost`` and what else is known) as a night knows them of which all else is
    unknown or empty."""
    rows, never = items.reset_index(drop=True), pd.Series(pd.NaT, index=range(len(items)), dtype="datetime64[ns]")
    unknown = {
        "title": rows["item_id"], "on_hand": np.nan, "units_28d": 40, "discontinued_on": never, "map_price": np.nan,
        "msrp": np.nan, "price_line": None, "clear_by": never, "changed_on": never, "decided_on": never,
        "planned_on": never, "planned_price": np.nan, "on_promotion": False, "past_price": np.nan,
        "competitor_price": np.nan, "competitor_note": "",
    }  # fmt: skip
    return rows.assign(**{name: values for name, values in unknown.items() if name not in rows})


def _changed(told: pd.DataFrame) -> pd.Series:
    return told["suggested_price"] != told["current_price"]


def _push(told: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    """Each item's part in the move of its category's average price, and the revenue that it is measured by."""
    revenue = told["expected_units_now"] * told["current_price"]
    return revenue * (told["suggested_price"] / told["current_price"] - 1), revenue


def _broken(told: pd.DataFrame, rows: pd.DataFrame) -> int:
    push, revenue = _push(told)
    moves = push.groupby(rows["category"]).sum() / revenue.groupby(rows["category"]).sum()
    ratio = (
        (told["suggested_price"] / told["current_price"]).groupby(rows["price_line"]).agg(lambda r: r.max() - r.min())
    )
    too_many = int(_changed(told).sum() > (LIMITED.max_changes or 0))
    return too_many + int((moves.abs() > (LIMITED.largest_average_step or 0) + 1e-9).sum()) + int((ratio > 1e-6).sum())


def _greedy(free: pd.DataFrame, rows: pd.DataFrame) -> float:
    """The gain of taking the best changes of a night without portfolio rules until these forbid them, without lines."""
    push, revenue = _push(free)
    allowed = revenue.groupby(rows["category"]).sum() * (LIMITED.largest_average_step or 0)
    spent = dict.fromkeys(allowed.index, 0.0)
    total, left = 0.0, LIMITED.max_changes or 0
    alone = free[_changed(free) & rows["price_line"].isna()].sort_values("expected_gain_low", ascending=False)
    for at, gain in alone["expected_gain_low"].items():
        category = rows.at[at, "category"]
        if left and abs(spent[category] + push[at]) <= allowed[category]:
            spent[category] += push[at]
            total, left = total + gain, left - 1
    return total
