"""What could be changed tonight: units (items, or lines that move together), each with the prices on its way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from jobs.pricing.bounds import Bounds, candidates

LINE = "price_line"
NO_EVIDENCE = "no_evidence"
SAME = 0.005  # prices of a line that differ by less are one price


@dataclass(frozen=True)
class Unit:
    """Items that move together. ``prices`` is options × items, the option nearest to what is desired last; ``held``
    the rule that keeps all of them where they are."""

    name: str
    items: tuple[Bounds, ...]
    targets: tuple[float, ...]
    prices: np.ndarray
    held: str | None

    @property
    def must_move(self) -> bool:
        """Whether the price of some of them breaks a rule."""
        return self.held is None and any(one.must_move for one in self.items)


def units(limits: Sequence[Bounds], targets: Sequence[float], lines: Sequence[str | None]) -> list[Unit]:
    """Units of the items in ``limits``; ``lines`` names the price line of each, None where it moves alone."""
    together: dict[str, list[int]] = {}
    for at, (one, line) in enumerate(zip(limits, lines, strict=True)):
        together.setdefault(f"{LINE} {line}" if isinstance(line, str) else one.item_id, []).append(at)
    return [
        _unit(name, tuple(limits[at] for at in members), tuple(targets[at] for at in members))
        for name, members in together.items()
    ]


def _unit(name: str, items: tuple[Bounds, ...], targets: tuple[float, ...]) -> Unit:
    held = next((one.held for one in items if one.held), None)
    if held is not None:
        return Unit(name, items, targets, np.empty((0, len(items))), held)
    if len(items) == 1:
        return Unit(name, items, targets, candidates(items[0], targets[0])[:, None], None)
    return Unit(name, items, targets, _together(items, targets), None)


def _together(items: tuple[Bounds, ...], targets: tuple[float, ...]) -> np.ndarray:
    """Options of a line: all by the same ratio, within what each item's rules allow; items of one price keep to one
    price. The ratio is the mean (of logs) of those desired."""
    ratio = float(np.exp(np.mean([np.log(target / one.price) for one, target in zip(items, targets, strict=True)])))
    low = max(one.low / one.price for one in items)
    high = min(one.high / one.price for one in items)
    if low > high:
        return np.empty((0, len(items)))
    lead = items[0]
    shared = replace(lead, low=lead.price * low, high=lead.price * high)
    found = []
    for price in candidates(shared, lead.price * ratio):
        moved = [_nearest(one, price, price / lead.price, lead.price) for one in items]
        if all(at is not None for at in moved):
            found.append(moved)
    return np.array(found, float).reshape(len(found), len(items))


def _nearest(one: Bounds, price: float, ratio: float, lead: float) -> float | None:
    if abs(one.price - lead) < SAME:
        return price
    way = candidates(one, one.price * ratio)
    return float(way[-1]) if len(way) else None


def table(every: Sequence[Unit], rows: pd.DataFrame) -> pd.DataFrame:
    """One row an item of an option: ``unit, option, item_id, price, ratio, must_move``, with ``category`` and
    ``weight`` (revenue a week) of ``rows``."""
    parts = [
        (unit.name, option, one.item_id, price, price / one.price, unit.must_move)
        for unit in every
        for option, prices in enumerate(unit.prices)
        for one, price in zip(unit.items, prices, strict=True)
    ]
    found = pd.DataFrame(parts, columns=["unit", "option", "item_id", "price", "ratio", "must_move"])
    return found.merge(rows[["item_id", "category", "weight"]], on="item_id", how="left")
