"""What a store allows its prices to do: bounds by store, category and item, and what holds for the whole shop.

``jobs.pricing.guardrails_file`` reads them from a YAML; the defaults here are in force where a store wrote none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from jobs.features.category import steps

PROFIT, REVENUE = "profit", "revenue"
# ISO 4217: currencies without fractions.
WHOLE = ("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF")


@dataclass(frozen=True)
class Rules:
    """What one item's price may do tonight. Steps and floors are shares: 0.1 is a tenth of today's price.

    ``margin_floor`` is the least (price - cost) / price. ``competitor_low`` and ``competitor_high`` bound the price as
    multiples of the competitors' median; None leaves a bound out. ``endings`` are the cents that a price may end with
    (0.99); empty allows any multiple of ``smallest_unit``. A price that changed less than ``days_between_changes`` days
    ago stays, as does one that the list changes within as many. ``largest_move`` bounds how far a price may get from
    the one ``Guardrails.move_days`` days ago, as a share of that one: small steps in one direction add up, and evidence
    does not reach far from prices that there were.
    """

    margin_floor: float = 0.05
    largest_step_up: float = 0.10
    largest_step_down: float = 0.10
    largest_move: float = 0.25
    smallest_step: float = 0.01
    smallest_unit: float = 0.01
    lowest_price: float | None = None
    highest_price: float | None = None
    competitor_low: float | None = None
    competitor_high: float | None = None
    endings: tuple[float, ...] = ()
    days_between_changes: int = 7
    is_frozen: bool = False


@dataclass(frozen=True)
class Exploration:
    """A ``share`` of the items that may move gets a price ``step`` above or below today's, by chance, so that later
    nights can learn from it; smaller steps than some 8% teach next to nothing (measured). Of a night's changes, and of
    how far a category's average price may move, it takes no more than that share."""

    share: float = 0.0
    step: float = 0.08

    def of(self, many: int) -> int:
        """Its share of so many, rounded down; a hair of slack for what floats lose."""
        return int(self.share * many + 1e-9)


@dataclass(frozen=True)
class Trust:
    """Which competitors' prices count: seen at most ``stale_days`` ago, and between ours divided and multiplied by
    ``implausible_ratio`` (a price 100 times ours is a wrong match, not a competitor)."""

    stale_days: int = 14
    implausible_ratio: float = 3.0


@dataclass(frozen=True)
class Clearance:
    """Markdowns. Items with a date to be gone by, or with stock for more than ``weeks_of_stock`` weeks and a sale in
    the last 28 days, are planned over at most ``longest_weeks``; ``levels`` are the prices as shares of today's,
    ``salvage`` what a piece left over is worth as a share of today's price."""

    weeks_of_stock: float = 26.0
    longest_weeks: int = 10
    levels: tuple[float, ...] = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3)
    salvage: float = 0.0


@dataclass(frozen=True)
class Guardrails:
    """All of a store's guardrails. ``source`` names where they stand, for messages; ``categories`` and ``items`` have
    what is said of them alone, by the names of ``Rules``."""

    source: str = "defaults"
    objective: str = PROFIT
    decide_on_quantile: float = 0.25
    max_changes: int | None = None
    largest_average_step: float | None = None
    move_days: int = 91
    store: Rules = field(default_factory=Rules)
    categories: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    items: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    price_lines: Mapping[str, str] = field(default_factory=dict)
    competitors: Trust = field(default_factory=Trust)
    exploration: Exploration = field(default_factory=Exploration)
    clearance: Clearance = field(default_factory=Clearance)

    def of(self, item_id: str, category: str | None) -> Rules:
        """The rules of an item, each its own, else that of the deepest category above it that says it, else the
        store's: a narrower rule takes nothing else back."""
        said: dict[str, Any] = {}
        for step in steps(category) if category else []:
            said |= self.categories.get(step, {})
        said |= self.items.get(item_id, {})
        return replace(self.store, **said) if said else self.store
