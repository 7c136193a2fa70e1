"""What could be changed tonight: units (items, or lines that move together), each with the prices on its way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from jobs.pricing.bounds import Bounds, candidates

LINE = "price_line"
NO_EVIDENCE = "no_evidence"
SAME = 0.5  # of the smallest unit: prices of a line that differ by less are one price


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

    def asked(self, prices: np.ndarray) -> np.ndarray:
        """How far of the way to ``prices`` a broken rule asks for: prices again, today's where none is broken. The
        least option mends; where none does, as near as one comes to it."""
        today = np.array([one.price for one in self.items])
        if not self.must_move or not len(self.prices):
            return today
        is_kept = all(one.allows(price) for one, price in zip(self.items, self.prices[-1], strict=True))
        least = self.prices[0 if is_kept else -1]
        return np.clip(prices, np.minimum(today, least), np.maximum(today, least))


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
    ratio, low, high = wanted(items, targets)
    if low > high:
        return np.empty((0, len(items)))
    # Each item's first of the same price: those of one price are asked together, so that they stay at one price.
    near = SAME * items[0].rules.smallest_unit
    first = [next(at for at, other in enumerate(items) if abs(other.price - one.price) < near) for one in items]
    alike = {at: _alike([one for one, other in zip(items, first, strict=True) if other == at]) for at in set(first)}
    lead = alike[0]
    if lead is None or None in alike.values():
        return np.empty((0, len(items)))
    found = []
    for price in candidates(replace(lead, low=lead.price * low, high=lead.price * high), lead.price * ratio):
        ways = {at: candidates(one, one.price * price / lead.price) for at, one in alike.items() if one and at}
        if all(map(len, ways.values())):
            ending_at = {0: price} | {at: way[-1] for at, way in ways.items()}
            found.append([float(ending_at[at]) for at in first])
    return np.array(found, float).reshape(len(found), len(items))


def wanted(items: Sequence[Bounds], targets: Sequence[float]) -> tuple[float, float, float]:
    """By what a line's prices are wanted to be multiplied, and between what its items' bounds let them be."""
    ratio = float(np.exp(np.mean([np.log(target / one.price) for one, target in zip(items, targets, strict=True)])))
    return ratio, max(one.low / one.price for one in items), min(one.high / one.price for one in items)


def _alike(items: Sequence[Bounds]) -> Bounds | None:
    """What items of one price may do together, as if they were one; None where they have no ending in common."""
    said = [set(one.rules.endings) for one in items if one.rules.endings]
    endings = tuple(sorted(set.intersection(*said))) if said else ()
    if said and not endings:
        return None
    smallest = max(one.rules.smallest_step for one in items)
    return replace(
        items[0],
        low=max(one.low for one in items),
        high=min(one.high for one in items),
        rules=replace(items[0].rules, endings=endings, smallest_step=smallest),
    )


def table(every: Sequence[Unit], rows: pd.DataFrame) -> pd.DataFrame:
    """One row an item of an option: ``unit, option, item_id, price, ratio, must_move, asked`` (as much of the ratio as
    a broken rule asks for), with ``category`` and ``weight`` (revenue a week) of ``rows``."""
    parts = [
        (unit.name, option, one.item_id, price, price / one.price, unit.must_move, asked / one.price)
        for unit in every
        for option, prices in enumerate(unit.prices)
        for one, price, asked in zip(unit.items, prices, unit.asked(prices), strict=True)
    ]
    found = pd.DataFrame(parts, columns=["unit", "option", "item_id", "price", "ratio", "must_move", "asked"])
    return found.merge(rows[["item_id", "category", "weight"]], on="item_id", how="left")
