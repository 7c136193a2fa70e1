"""Between which prices an item may move tonight, and which rule draws each end.

Rules are applied in the order of ``ORDER``, the largest move last; one that leaves nothing of what the rules before it
allow pulls the price to their nearest end instead: a price far below its floor rises by its largest step a night until
it is there.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from jobs.pricing.guardrails import Guardrails, Rules

STEP_UP, STEP_DOWN, MOVE = "largest_step_up", "largest_step_down", "largest_move"
ORDER = (
    "map_price", "margin_floor", "msrp", "competitor_low", "competitor_high", "lowest_price", "highest_price",
)  # fmt: skip
MAKERS = ("map_price", "msrp")  # the maker's word holds also where nothing is known of demand
FROZEN, CLEARANCE = "frozen_items", "clearance"
DECIDED, PROMOTION, CHANGED = "decided", "promotion", "days_between_changes"
MOST_CANDIDATES = 5
DIGITS = 6  # of a price, beyond which floats err
SAME = 1e-5  # as a share: prices nearer to each other are one price, in whatever units they are


@dataclass(frozen=True)
class Bounds:
    """One item's range of prices; ``held`` names the rule that keeps the price whatever would be gained."""

    item_id: str
    price: float
    low: float
    high: float
    low_rule: str
    high_rule: str
    rules: Rules
    held: str | None = None

    @property
    def must_move(self) -> bool:
        """Whether today's price breaks a rule."""
        return self.held is None and not self.low - 1e-9 <= self.price <= self.high + 1e-9

    def allows(self, price: float) -> bool:
        """Whether a price keeps all rules; a hair of slack for what floats lose."""
        slack = self.rules.smallest_unit * 1e-3
        return self.low - slack <= price <= self.high + slack


def bounds(
    rows: pd.DataFrame,
    guardrails: Guardrails,
    as_of: date,
    cleared: Collection[str] = frozenset(),
    order: Sequence[str] = ORDER,
) -> list[Bounds]:
    """One for each row of :func:`jobs.pricing.tonight.tonight`, in its order; items ``cleared`` have a plan; of the
    rules in ``order`` alone."""
    days = (pd.Timestamp(as_of) - rows["changed_on"]).dt.days + 1  # a change is seen the day after the night
    decided = (pd.Timestamp(as_of) - rows["decided_on"]).dt.days
    left = (rows["planned_on"] - pd.Timestamp(as_of)).dt.days - 1  # for so long a price from tomorrow on would stand
    found = []
    for row, since, ago, stands in zip(rows.itertuples(index=False), days, decided, left, strict=True):
        rules = guardrails.of(row.item_id, row.category if isinstance(row.category, str) else None)
        found.append(_of_item(row, rules, order, since, ago, stands, row.item_id in cleared))
    return found


def _of_item(
    row, rules: Rules, order: Sequence[str], days_since: float, decided_ago: float, stands: float, is_cleared: bool
) -> Bounds:
    """``days_since`` the last change; ``decided_ago`` the last refusal, below 0 where a change waits for its day;
    ``stands`` the days until the list changes the price."""
    price = float(row.price)
    low, high = price * (1 - rules.largest_step_down), price * (1 + rules.largest_step_up)
    low_rule, high_rule = STEP_DOWN, STEP_UP
    for name, is_low, value in _limits(row, rules, order):
        if is_low and min(value, high) > low:
            low, low_rule = min(value, high), name
        elif not is_low and max(value, low) < high:
            high, high_rule = max(value, low), name
    held = None
    if rules.is_frozen:
        held = FROZEN
    elif is_cleared:
        held = CLEARANCE
    elif decided_ago < rules.days_between_changes:
        held = DECIDED
    elif row.on_promotion:
        held = PROMOTION
    elif days_since < rules.days_between_changes or stands < rules.days_between_changes:
        held = CHANGED
    return Bounds(row.item_id, price, low, high, low_rule, high_rule, rules, held)


def _limits(row, rules: Rules, order: Sequence[str]) -> Iterator[tuple[str, bool, float]]:
    """(rule, whether it is a lower end, price) of those of ``order`` that apply, ``MOVE`` last."""
    values = {
        "map_price": (True, row.map_price),
        "margin_floor": (True, row.cost / (1 - rules.margin_floor)),
        "msrp": (False, row.msrp),
        "competitor_low": (True, row.competitor_price * (rules.competitor_low or np.nan)),
        "competitor_high": (False, row.competitor_price * (rules.competitor_high or np.nan)),
        "lowest_price": (True, rules.lowest_price),
        "highest_price": (False, rules.highest_price),
    }
    for name in order:
        is_low, value = values[name]
        if value is not None and np.isfinite(value):
            yield name, is_low, float(value)
    if np.isfinite(row.past_price):
        # The store itself may have moved the price further: it need not come back.
        yield MOVE, True, min(row.past_price * (1 - rules.largest_move), row.price)
        yield MOVE, False, max(row.past_price * (1 + rules.largest_move), row.price)


def candidates(one: Bounds, target: float) -> np.ndarray:
    """The prices on the way from today's to the ``target``, nearest to it last, that the rules allow: within the range,
    with an allowed ending, at least the smallest step away; at most ``MOST_CANDIDATES``, evenly chosen. Empty where
    there is none. A price that must move may land anywhere within the range; the least that mends it is among them."""
    goal = float(np.clip(target, one.low, one.high))
    begin = one.price if not one.must_move else (one.low if one.price < one.low else one.high)
    low, high = min(begin, goal), max(begin, goal)
    prices = with_ending(low, high, one.rules)
    if one.must_move and not len(prices):
        # Beyond what is desired an ending may still be allowed; else as far on the way there as one is.
        inside = with_ending(one.low, one.high, one.rules)
        way = with_ending(min(one.price, one.low), max(one.price, one.high), one.rules)
        prices = inside[np.argsort(np.abs(inside - goal), kind="stable")[:1]] if len(inside) else way
    far = np.abs(prices / one.price - 1) >= max(one.rules.smallest_step, 1e-9)
    prices = prices[far if not one.must_move else np.abs(prices - one.price) > one.rules.smallest_unit / 2]
    ordered = prices[np.argsort(-np.abs(prices - goal), kind="stable")]
    if len(ordered) <= MOST_CANDIDATES:
        return ordered
    first = 0 if one.must_move else 1
    evenly = np.linspace(0, len(ordered) - 1, MOST_CANDIDATES + first).round().astype(int)
    return ordered[np.unique(evenly)[first:]]


def with_ending(low: float, high: float, rules: Rules) -> np.ndarray:
    """Prices from ``low`` to ``high`` with the rules' endings, or in whole units; a hair of slack for what floats
    lose."""
    unit, slack = rules.smallest_unit, rules.smallest_unit * 1e-4
    if rules.endings:
        whole = np.arange(np.floor(low), np.floor(high) + 1)
        prices = np.round((whole[:, None] + np.array(rules.endings)[None, :]).ravel(), DIGITS)
        return np.sort(prices[(prices >= low - slack) & (prices <= high + slack) & (prices > 0)])
    first, last = np.ceil((low - slack) / unit), np.floor((high + slack) / unit)
    count = int(min(max(last - first + 1, 0), 400))
    whole = np.unique(np.linspace(first, last, count).round()) if count else np.empty(0)
    return np.round(whole[whole > 0] * unit, DIGITS)
