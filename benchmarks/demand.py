"""Forecasts of Online Retail from the published files, beside what a user would pick instead, in one run.

The 500 products with the most units in the 180 days before each first target day; daily units of lines that are no
cancellation (their originals stay) with quantity and price above 0, zeros on other days; 28 days ahead.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks import demand_peers, inventory, online_retail, published
from benchmarks.figures import Figure
from benchmarks.homes import fresh_home, night, public_data
from benchmarks.online_retail import HORIZON, ITEMS, STORE, sold, whole_history
from jobs.demand import metrics, naive
from jobs.demand.forecasts import LEVELS, NAMES, Forecast
from jobs.demand.history import History
from jobs.demand.metrics import Truth
from jobs.demand.segments import NEW_DAYS

AS_OF = (date(2011, 9, 30), date(2011, 10, 31))
TARGETS = {
    "wape": (0.865, 0.798),
    "mase": (0.90, 1.075),
    "pinball": (0.335, 0.372),
    "total_wape": (0.43, 0.40),
}
NAMED = {"wape": "WAPE", "mase": "MASE", "pinball": "scaled pinball", "total_wape": "total WAPE"}
NEW_TARGETS = (0.50, 0.52)
MINUTES_BUSIEST, MINUTES_ALL = 6, 12


def measure() -> Iterator[Figure]:
    """Two nights of Online Retail, each against the 28 days after it, and one of its busiest items alone."""
    files = public_data(STORE) / "by-day"
    whole = whole_history(sold(files))
    with fresh_home() as home:
        for as_of in AS_OF:
            cost = night(home, STORE, str(as_of), PRODUCTS="demand")
            name = f"{as_of}: the whole night, minutes"
            yield Figure("demand", name, cost.seconds / 60, target=MINUTES_ALL, better="lower")
        yield _of_busiest(home / "busiest", files, whole, AS_OF[-1])
        for at, as_of in enumerate(AS_OF):
            yield from of_night(home, whole, as_of, at)


def _of_busiest(home: Path, files: Path, whole: History, as_of: date) -> Figure:
    """The first night of a store that sells the busiest items and no others, in minutes."""
    then, chosen = online_retail.as_of(whole, as_of + timedelta(days=1))
    busiest = set(then.of(chosen).ids)
    landing = home / "landing"
    landing.mkdir(parents=True)
    for path in sorted(files.glob("*.csv")):
        raw = pd.read_csv(path, dtype=str, keep_default_na=False)
        raw[raw["StockCode"].isin(busiest)].to_csv(landing / path.name, index=False)
    cost = night(home, STORE, str(as_of), PRODUCTS="demand", DAYBREAK_LANDING=str(landing))
    name = f"{as_of}: the whole night of {len(busiest)} items, minutes"
    return Figure("demand", name, cost.seconds / 60, target=MINUTES_BUSIEST, better="lower")


def of_night(home: Path, whole: History, as_of: date, at: int) -> Iterator[Figure]:
    """The figures of a night: busiest items, totals' coverage, new items."""
    then, chosen = online_retail.as_of(whole, as_of + timedelta(days=1))
    past = then.calendar.past
    part, true = then.of(chosen), metrics.truth(whole.of(chosen), past, HORIZON)
    ours, absent = _published(home, part, as_of)
    name = f"{as_of}: days not published (scored as 0), {ITEMS} busiest"
    yield Figure("demand", name, absent, target=0, better="lower")
    told = metrics.figures(metrics.per_item(ours, true))
    peers = {name: metrics.figures(metrics.per_item(made, true)) for name, made in _peers(part)}
    for name, targets in TARGETS.items():
        best = min(peers, key=lambda peer: peers[peer][name])
        measure = f"{as_of}: {NAMED[name]}, {ITEMS} busiest"
        yield Figure("demand", measure, told[name], peers[best][name], best, targets[at], "lower")
        for peer, figures in peers.items():
            yield Figure("demand", f"{as_of}: {NAMED[name]} of {peer}", figures[name], better="lower")
    for name in ("bias", "cover80", "above_q90"):
        yield Figure("demand", f"{as_of}: {name} of days", told[name])
    yield from _totals(home, part, true, as_of)
    yield from _new(home, then, whole, past, as_of, at)
    yield from inventory.of_window(whole, as_of + timedelta(days=1), chosen, ours)


def _published(home: Path, part: History, as_of: date) -> tuple[Forecast, int]:
    """The published forecast of these items, and how many of their days it leaves out."""
    table = published.table(home, STORE, "demand", "forecast", str(as_of))
    table = table.set_index(["item_id", "target_date"]).sort_index()
    days = [as_of + timedelta(days=n + 1) for n in range(HORIZON)]
    rows = table.reindex(pd.MultiIndex.from_product([part.ids, days]))
    shape = (len(part), HORIZON)
    quantiles = rows[list(NAMES)].to_numpy(float).reshape(*shape, len(NAMES))
    made = Forecast(np.nan_to_num(quantiles), np.nan_to_num(rows["mean"].to_numpy(float).reshape(shape)))
    return made, int(rows["mean"].isna().sum())


def _peers(part: History) -> Iterator[tuple[str, Forecast]]:
    yield "weekday quantiles", naive.weekday_quantiles(part)
    frame = pd.DataFrame(
        {
            "unique_id": np.repeat(part.ids, part.calendar.past),
            "ds": np.tile(pd.to_datetime(part.calendar.days[: part.calendar.past]), len(part)),
            "y": part.units.astype(float).ravel(),
        }
    )
    started = np.arange(part.calendar.past)[None, :] >= part.first[:, None]
    frame = frame[started.ravel()]
    yield "mlforecast + LightGBM", _aligned(demand_peers.boosted(frame), part)
    for model in ("AutoETS", "AutoTheta"):
        yield model, _aligned(demand_peers.statistical(frame, model), part)


def _aligned(found: pd.DataFrame, part: History) -> Forecast:
    """A peer's rows in our shape; it has three quantiles, the levels between are not scored. A shop's peer knows its
    closed days too."""
    found = found.set_index("unique_id").loc[list(part.ids)].reset_index()
    shape = (len(part), HORIZON)
    is_open = part.calendar.is_open[part.calendar.past :]
    three = {0.1: "q10", 0.5: "q50", 0.9: "q90"}
    quantiles = np.zeros((*shape, len(LEVELS)))
    for level, name in three.items():
        quantiles[:, :, LEVELS.index(level)] = np.maximum(found[name].to_numpy(float).reshape(shape), 0) * is_open
    return Forecast(quantiles, np.maximum(found["mean"].to_numpy(float).reshape(shape), 0) * is_open)


def _totals(home: Path, part: History, true: Truth, as_of: date) -> Iterator[Figure]:
    table = published.table(home, STORE, "demand", "forecast_total", str(as_of))
    for days in (7, 14, 28):
        rows = table[table["horizon_days"] == days].set_index("item_id").reindex(part.ids)
        total = true.units[:, :days].sum(axis=1)
        share = metrics.total_coverage(rows["q10"].to_numpy(), rows["q90"].to_numpy(), total)
        yield Figure("demand", f"{as_of}: q10 to q90 of {days}-day totals cover (0.75 to 0.85)", share, target=0.75)
        yield Figure("demand", f"{as_of}: the same, not more than 0.85", share, target=0.85, better="lower")


def _new(home: Path, then: History, whole: History, past: int, as_of: date, at: int) -> Iterator[Figure]:
    chosen = np.flatnonzero((past - then.first < NEW_DAYS) & (then.last >= 0))
    part, true = then.of(chosen), metrics.truth(whole.of(chosen), past, HORIZON)
    age = (past - part.first)[:, None]
    own = part.units.sum(axis=1, keepdims=True) / age * np.ones((1, HORIZON))
    made, absent = _published(home, part, as_of)
    name = f"{as_of}: days not published (scored as 0), new items"
    yield Figure("demand", name, absent, target=0, better="lower")
    ours = metrics.figures(metrics.per_item(made, true))["total_wape"]
    plain = Forecast(np.repeat(own[:, :, None], len(LEVELS), axis=2), own)
    peer = metrics.figures(metrics.per_item(plain, true))["total_wape"]
    name = f"{as_of}: total WAPE, {len(chosen)} new items"
    yield Figure("demand", name, ours, peer, "own mean", NEW_TARGETS[at], "lower")
