"""What Online Retail's forecasts are worth in the stockroom: cost per unit demanded of four policies, held-out days.

The game is that of jobs/demand/inventory.py: lead time 7 days, holding 1 a unit and day, penalty 9 a lost unit. By
itself this benchmark trains the boosted model as of the night and averages it with exponentially weighted quantiles,
without Spark; ``figures`` takes any forecasts, the published ones of the benchmark ``demand`` among them.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd

from benchmarks.figures import Figure
from benchmarks.homes import public_data
from jobs.demand import boosted, inventory
from jobs.demand.boosted import BoostedParams
from jobs.demand.calendar import calendar
from jobs.demand.forecasts import LEVELS, Forecast
from jobs.demand.history import History, history
from jobs.demand.inventory import Setting
from jobs.demand.methods import Forecasts, Learnt
from jobs.demand.paths import keys_of

STORE = "online_retail"
FIRST_TARGETS = (date(2011, 10, 1), date(2011, 11, 1))
EARLIER = (date(2011, 6, 1), date(2011, 7, 1), date(2011, 8, 1), date(2011, 9, 1))
ITEMS, BUSY_DAYS, HORIZON = 500, 180, 28
TARGETS = {FIRST_TARGETS[0]: 6.6, FIRST_TARGETS[1]: 5.8}
USUAL_DEVIATIONS = 1.28  # the normal distribution's nine tenths, as penalty 9 against holding 1 suggests


def measure() -> Iterator[Figure]:
    """Both windows, the usual policy tuned on the four months before them."""
    whole = whole_history(public_data(STORE) / "by-day")
    earlier = [window(whole, first)[:2] for first in EARLIER]
    deviations = inventory.tuned([past for past, _ in earlier], [actual for _, actual in earlier], Setting())
    for first in FIRST_TARGETS:
        past, actual, then, chosen = window(whole, first)
        learnt = Learnt(boosted=boosted.fit(then, BoostedParams(), threads=2))
        found = Forecasts(then.of(chosen), learnt).of("ewq+boosted" if learnt.boosted else "ewq")
        yield from figures(past, actual, found, then.ids[chosen], first, deviations)


def figures(
    past: np.ndarray, actual: np.ndarray, forecast: Forecast, ids: np.ndarray, first: date, deviations: float
) -> Iterator[Figure]:
    """Cost per unit demanded in the days from ``first`` on. ``past`` and ``actual`` are units [items, days], the
    ``forecast`` of the same items, ``deviations`` those of the tuned usual policy (inventory.tuned)."""
    setting = Setting()
    on_hand = inventory.start(past, setting)
    ours, medians = inventory.path_levels(forecast.quantiles, forecast.mean, LEVELS, setting, keys_of(ids))

    def cost(levels: np.ndarray) -> float:
        return inventory.per_unit(inventory.cost_of(levels, actual, on_hand, setting), actual, setting)

    usual = {
        z: cost(inventory.mean_sigma_levels(past, z, setting)) for z in dict.fromkeys((USUAL_DEVIATIONS, deviations))
    }
    named = f"mean28 {deviations:+.2f} sigma, tuned before"
    measure = f"{first}: cost per unit demanded"
    yield Figure(
        "inventory", f"{measure}, paths", cost(ours), usual[deviations], named, TARGETS.get(first), better="lower"
    )
    yield Figure("inventory", f"{measure}, mean28 +{USUAL_DEVIATIONS} sigma", usual[USUAL_DEVIATIONS], better="lower")
    yield Figure("inventory", f"{measure}, median of the paths' 8 days", cost(medians), better="lower")
    best = inventory.per_unit(inventory.foresight_cost(actual, on_hand, setting), actual, setting)
    yield Figure("inventory", f"{measure}, perfect foresight", best, better="lower")


def window(whole: History, first: date) -> tuple[np.ndarray, np.ndarray, History, np.ndarray]:
    """Of the busiest items before ``first``: units of the days before, units of the days from it on; the history as it
    was then, and the items' places in it."""
    past = int((np.datetime64(first) - whole.calendar.days[0]).astype(int))
    then = whole.at(past, HORIZON)
    chosen = np.sort(np.argsort(-then.units[:, -BUSY_DAYS:].sum(axis=1), kind="stable")[:ITEMS])
    return then.units[chosen], whole.units[chosen][:, past : past + HORIZON], then, chosen


def whole_history(folder: Path) -> History:
    """All days of the data: lines of products that are no cancellation, with quantity and price above 0."""
    raw = pd.concat([pd.read_csv(path, dtype=str) for path in sorted(folder.glob("*.csv"))], ignore_index=True)
    units, price = raw["Quantity"].astype(float), raw["UnitPrice"].astype(float)
    kept = ~raw["InvoiceNo"].str.startswith("C") & (units > 0) & (price > 0) & raw["StockCode"].str.match(r"\d{5}|DCGS")
    day = pd.to_datetime(raw["InvoiceDate"]).dt.normalize()
    told = pd.DataFrame({"item_id": raw["StockCode"], "day": day, "units": units, "revenue": units * price})[kept]
    long = told.groupby(["item_id", "day"]).agg(
        units=("units", "sum"), lines=("units", "size"), revenue=("revenue", "sum")
    )
    days = (
        long.reset_index().groupby("day").agg(lines=("lines", "sum"), units=("units", "sum"), items=("units", "size"))
    )
    store = SimpleNamespace(period="day", closed_weekdays=frozenset({5}), holidays_country="GB")
    return history(long.reset_index(), calendar(days.reset_index(), store, days.index.max().date(), HORIZON))
