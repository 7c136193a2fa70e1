"""The world's constants and its sources of chance: how large it is, how fast things happen, how often data goes wrong.

Everything random is drawn from :func:`chance`, a generator named by the seed, a purpose and the place and day it is
for; so a block of customers, a chunk of items or a day's faults come out alike in whatever order or process.
"""

from __future__ import annotations

import math
import zlib
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np

COUNTRIES = ("NL", "DE", "BE", "FR", "GB", "IE")
COUNTRY_SHARES = (0.46, 0.2, 0.12, 0.1, 0.08, 0.04)
CHANNELS = ("web", "app", "phone")
CHANNEL_SHARES = (0.56, 0.4, 0.04)
AGE_BANDS = ("16-17", "18-24", "25-34", "35-44", "45-54", "55-64", "65+")
AGE_SHARES = (0.03, 0.15, 0.25, 0.22, 0.16, 0.11, 0.08)
SEGMENTS = ("home", "trend", "family", "outdoor", "gift")
CURRENCY = "EUR"
TIMEZONE = ZoneInfo("Europe/Amsterdam")

#: Visits by weekday (Monday first) and by month (January first), relative to a mean day.
WEEKDAY_VISITS = (1.02, 0.94, 0.95, 0.97, 0.99, 1.02, 1.13)
MONTH_VISITS = (0.94, 0.9, 0.94, 0.97, 0.99, 0.97, 0.93, 0.92, 0.98, 1.04, 1.2, 1.24)


@dataclass(frozen=True)
class FaultRates:
    """How often data goes wrong; each is a share of what the comment names."""

    bot_sessions: float = 0.015  # of sessions: bots of several kinds
    test_orders: float = 0.004  # of orders: placed by the shop's own people
    orders_twice: float = 0.006  # of orders: all lines delivered again, in the same or the next file
    files_twice: float = 0.03  # of order files: the same bytes again under another name, a day later
    files_corrected: float = 0.03  # of order files: other bytes under the old name, some days later
    wrong_prices: float = 0.05  # of the lines of a file that is to be corrected: the comma is misplaced
    late_lines: float = 0.01  # of order lines: in a later day's file
    late_events: float = 0.004  # of events: in a later day's file
    broken_lines: float = 0.004  # of order lines: a bad number, negative units, a missing id or date
    broken_events: float = 0.001  # of events: no time, no id, an unknown type
    events_twice: float = 0.002  # of events: sent again by the browser
    cancellations: float = 0.02  # of order lines: taken back one to ten days later


@dataclass(frozen=True)
class WorldParams:
    """One world. ``customers`` is its size: the accounts there are after ``history_days`` days; they go on growing."""

    seed: int = 7
    customers: int = 1500
    items: int = 400
    history_days: int = 150
    existing_share: float = 0.6  # of customers: registered before the first day
    launches_per_day: float = 0.0007  # of items; as many are delisted
    restricted_leaves: int = 1
    consumable_share: float = 0.35  # of leaf categories: bought again after a cycle of days
    variant_share: float = 0.25  # of items: one of a family of colours or sizes
    visit_rate: float = 0.115  # sessions per customer and day, on average
    anonymous_share: float = 0.35  # sessions of people without an account, per session of a customer
    signed_in_share: float = 0.88  # of customers' sessions: customer id known beside the visitor's
    consent_share: float = 0.88  # of customers: allow personal lists when they register
    return_share: float = 0.03  # of order lines: sent back some days later
    outside_utility: float = 4.75  # what not buying is worth; sets the conversion
    taste_weight: float = 1.7  # of taste against popularity in utility
    block_customers: int = 20_000  # simulated together; part of the world, not of the machine
    rates: FaultRates = field(default_factory=FaultRates)

    @property
    def existing_customers(self) -> int:
        """Accounts that there are before the first day."""
        return max(1, round(self.customers * self.existing_share))

    @property
    def registrations_per_day(self) -> float:
        """New accounts a day."""
        return (self.customers - self.existing_customers) / self.history_days

    def customers_through(self, day: int) -> int:
        """Accounts ever opened by the end of the ``day``-th day (the first is 0)."""
        return self.existing_customers + math.floor(self.registrations_per_day * (day + 1) + 1e-9)

    def items_through(self, day: int) -> int:
        """Items ever listed by the ``day``-th day."""
        return self.items + math.floor(self.items * self.launches_per_day * max(0, day))


def chance(params: WorldParams, purpose: str, *place: int) -> np.random.Generator:
    """The generator for one purpose at one place (block, chunk, day; each ≥ -1000)."""
    words = [params.seed, zlib.crc32(purpose.encode()), *(number + 1000 for number in place)]
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(words)))


def visits_of_day(day: date) -> float:
    """The weekly and yearly season of visits, 1 on a mean day."""
    middle = MONTH_VISITS[day.month - 1]
    other = MONTH_VISITS[day.month % 12 if day.day > 15 else day.month - 2]
    weight = 0.5 + 0.5 * (1 - abs(day.day - 15.5) / 15.5)
    return WEEKDAY_VISITS[day.weekday()] * (weight * middle + (1 - weight) * other)


def utc_offset(day: date) -> timedelta:
    """Local time minus UTC at noon; no session of ours lies in the night hours in which it changes."""
    offset = datetime.combine(day, time(12), TIMEZONE).utcoffset()
    assert offset is not None
    return offset


def sigmoid(values: np.ndarray) -> np.ndarray:
    """Logistic function, safe for large values."""
    return 1.0 / (1.0 + np.exp(-np.clip(values, -40, 40)))
