"""Why an item has its price, in a sentence for the person who approves it."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from jobs.pricing.guardrails import PROFIT, REVENUE

HELD = {
    "frozen_items": "the store froze this price",
    "clearance": "it is being cleared, the markdown plan has its prices",
    "decided": "a person refused a change lately, or a decided one waits for its day",
    "promotion": "a promotion runs tomorrow, the list price waits",
    "days_between_changes": "it changed only lately, or its list is about to change it",
    "no_evidence": "nothing is known of how demand answers to its price, so it stays",
    "price_line": "the rules of others in its price line",
    "decide_on_quantile": "no allowed change gains enough to be sure of",
    "max_changes": "other changes gain more, and tonight's number of changes is used up",
    "largest_average_step": "the category's average price may not move further tonight",
    "endings": "no price with an allowed ending lies nearer to the desired one",
    "smallest_step": "the desired change is too small to be worth it",
    "margin_floor": "the margin's floor",
    "map_price": "the maker's lowest advertised price",
    "msrp": "the price that the maker recommends",
    "largest_step_up": "the largest step up",
    "largest_step_down": "the largest step down",
    "largest_move": "the largest move from the price that it had some time ago",
    "competitor_low": "the lower end of the band around competitors",
    "competitor_high": "the upper end of the band around competitors",
    "lowest_price": "the lowest price allowed",
    "highest_price": "the highest price allowed",
}
EVIDENCE = {"own": "from its own price changes", "category": "from its category"}
MOST = 400


def notes(rows: pd.DataFrame) -> list[str]:
    """What else there is to know of each row of :func:`jobs.pricing.tonight.tonight`: which competitors were ignored,
    and what the price list will make of any price of tonight."""
    planned = [
        "" if pd.isna(day) else f"the price list has {price:.2f} from {day:%Y-%m-%d}"
        for day, price in zip(rows["planned_on"], rows["planned_price"], strict=True)
    ]
    return ["; ".join(filter(None, both)) for both in zip(rows["competitor_note"], planned, strict=True)]


def reasons(table: pd.DataFrame, notes: Sequence[str]) -> list[str]:
    """A sentence a row of the suggestions; ``notes`` are those of :func:`notes`."""
    by_profit = bool(table["objective"].eq(PROFIT).any())
    return [
        _reason(row, note, by_profit)[:MOST] for row, note in zip(table.itertuples(index=False), notes, strict=True)
    ]


def _reason(row, note: str, by_profit: bool) -> str:
    change = row.suggested_price / row.current_price - 1
    said = [_change(row, change)]
    if row.cost == row.cost and row.cost > row.current_price:
        said.append(f"it sells below its cost of {row.cost:.2f}")
    if row.objective == REVENUE:
        unknown = ", the cost is not known" if row.cost != row.cost else ""
        ranked = " (beside others it ranks by its category's usual one)" if unknown and by_profit else ""
        said.append("revenue counts here" + unknown + ranked)
    return "; ".join([*said, *([note] if note else [])])


def _change(row, change: float) -> str:
    if row.is_exploration:
        return f"{change:+.1%} by chance, to learn from: probability {row.propensity:.3g}"
    held = HELD.get(row.bound_by or "", "")
    if not change:
        return f"stays: {held}" if held else "stays: it is where it should be"
    told = f"{change:+.1%}, held by {held}" if held else f"{change:+.1%} to the desired price"
    if row.elasticity != row.elasticity:
        return told
    what = f"elasticity {row.elasticity:.2f} ({row.elasticity_low:.2f} to {row.elasticity_high:.2f})"
    gain = f"gain of {row.expected_gain:.2f} a week expected, {row.expected_gain_low:.2f} or more in most draws"
    return f"{told}: {what} {EVIDENCE.get(row.evidence, '')}; {gain}"
