"""Forecasts of a store with weekly sums from the published files, beside what looks back a year by itself.

Dominick's orange juice: units a week of eleven brands in all shops together and in each of 83, eight weeks ahead, from
the newest weeks that leave eight to come. The night runs stage by stage, without Airflow.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd

from benchmarks import published
from benchmarks.figures import Figure
from benchmarks.homes import fresh_home, public_data, run
from jobs.demand import metrics, naive
from jobs.demand.calendar import calendar
from jobs.demand.forecasts import NAMES, Forecast
from jobs.demand.frames import HORIZON_DAYS
from jobs.demand.history import WHOLE, History, history
from jobs.demand.metrics import Truth

BENCH = "demand_weekly"
STORE = "dominicks_orange_juice"
FIRST_WEEK = date(1989, 9, 14)
WEEKS = (136, 144, 152)  # after them a night each; in store.yml is how the chain counts them
HORIZON = HORIZON_DAYS["week"] // 7
WEEKLY = SimpleNamespace(period="week", closed_weekdays=frozenset(), holidays_country=None)
STAGES = (["landed"], ["validated"], ["features"], ["train", "--product", "demand"], ["demand"], ["published"])
NAMED = {"wape": "WAPE", "mase": "MASE", "pinball": "scaled pinball", "total_wape": "WAPE of the 8-week total"}
PEERS = {
    "last eight weeks": naive.weekday_quantiles,
    "a year ago": naive.seasonal,
    "a year ago with growth": naive.growing,
}


def measure() -> Iterator[Figure]:
    """Three nights eight weeks apart, each against the eight weeks after it."""
    whole, places = weeks_of(public_data(STORE) / "orange_juice_weekly.csv.gz")
    with fresh_home() as home:
        for week in WEEKS:
            as_of = last_day(week)
            for stage in STAGES:
                print(f"  {stage[0]} of {as_of} …", flush=True)
                run(["-m", "jobs", *stage, "--store", STORE, "--as-of", str(as_of)], home, PRODUCTS="demand")
            yield from of_night(home, whole, "all shops", as_of)
            yield from of_night(home, places, "each shop", as_of)
            yield from of_sums(home, places, as_of)


def last_day(week: int) -> date:
    """The day that a week's sums are dated by, its last."""
    return FIRST_WEEK + timedelta(days=7 * week - 1)


def weeks_of(path: Path) -> tuple[History, History]:
    """All weeks of the data, those after the nights among them: of brands, and of brands by shop."""
    raw = pd.read_csv(path)
    told = pd.DataFrame(
        {
            "item_id": raw["brand"].astype(str),
            "location_id": "shop " + raw["store"].astype(str),
            "day": pd.to_datetime(raw["week"].map(last_day)),
            "units": np.round(np.exp(raw["logmove"])),
            "lines": 1,
        }
    )
    sums = told.groupby(["item_id", "day"])[["units", "lines"]].sum().reset_index()
    days = sums.groupby("day").agg(lines=("lines", "sum"), units=("units", "sum"), items=("units", "size"))
    last = sums["day"].max().date()
    weeks = calendar(days.reset_index(), WEEKLY, last, HORIZON * 7)  # type: ignore[arg-type]
    return history(sums, weeks), history(told, weeks)


def of_night(home: Path, whole: History, where: str, as_of: date) -> Iterator[Figure]:
    """The figures of a night: weeks, the eight together, and how often the intervals held."""
    past = int(np.searchsorted(whole.calendar.days, np.datetime64(as_of))) + 1
    # A brand that a shop had given up is forecast as nothing, which says nothing of a forecast.
    sold = np.flatnonzero(whole.at(past).last >= past - HORIZON)
    whole = whole.of(sold)
    then, true = whole.at(past, HORIZON), metrics.truth(whole, past, HORIZON)
    made, absent = _published(home, then, as_of)
    told = f"{as_of}, {where}"
    yield Figure(BENCH, f"{told}: weeks not published (scored as 0)", absent, target=0, better="lower")
    ours = metrics.figures(metrics.per_item(made, true))
    peers = {name: metrics.figures(metrics.per_item(peer(then), true)) for name, peer in PEERS.items()}
    for name, words in NAMED.items():
        best = min(peers, key=lambda peer: peers[peer][name])
        yield Figure(BENCH, f"{told}: {words}", ours[name], peers[best][name], best, better="lower")
        for peer, figures in peers.items():
            yield Figure(BENCH, f"{told}: {words} of {peer}", figures[name], better="lower")
    for name in ("bias", "cover80"):
        yield Figure(BENCH, f"{told}: {name} of weeks", ours[name])
    yield from _totals(home, then, true, told, as_of)


def _published(home: Path, then: History, as_of: date) -> tuple[Forecast, int]:
    """The published forecast of these items, and how many of their weeks it leaves out."""
    table = published.table(home, STORE, "demand", "forecast", str(as_of))
    days = [day.astype(object) for day in then.calendar.days[then.calendar.past :]]
    wanted = _series(then).merge(pd.DataFrame({"target_date": days}), how="cross")
    rows = wanted.merge(table, on=list(wanted), how="left")
    shape = (len(then), HORIZON)
    quantiles = rows[list(NAMES)].to_numpy(float).reshape(*shape, len(NAMES))
    mean = rows["mean"].to_numpy(float).reshape(shape)
    return Forecast(np.nan_to_num(quantiles), np.nan_to_num(mean)), int(np.isnan(mean).sum())


def _series(then: History) -> pd.DataFrame:
    return pd.DataFrame({"item_id": then.ids, "location_id": then.locations})


def of_sums(home: Path, places: History, as_of: date) -> Iterator[Figure]:
    """How often the intervals of what all brands of a shop sell together held, over the shops."""
    past = int(np.searchsorted(places.calendar.days, np.datetime64(as_of))) + 1
    table = published.table(home, STORE, "demand", "forecast_category", str(as_of))
    table = table[(table["level"] == "store") & (table["location_id"] != WHOLE)]
    for days in (7, 14, 28):
        rows = table[table["horizon_days"] == days].set_index("location_id")
        came = pd.Series(places.units[:, past : past + days // 7].sum(axis=1)).groupby(places.locations).sum()
        came = came.reindex(rows.index).to_numpy()
        share = metrics.total_coverage(rows["q10"].to_numpy(), rows["q90"].to_numpy(), came)
        yield Figure(BENCH, f"{as_of}, {len(rows)} shops: q10 to q90 of all brands' {days}-day sum cover", share)


def _totals(home: Path, then: History, true: Truth, told: str, as_of: date) -> Iterator[Figure]:
    table = published.table(home, STORE, "demand", "forecast_total", str(as_of))
    for days in (7, 14, 28):
        rows = _series(then).merge(table[table["horizon_days"] == days], on=["item_id", "location_id"], how="left")
        total = true.units[:, : days // 7].sum(axis=1)
        share = metrics.total_coverage(rows["q10"].to_numpy(), rows["q90"].to_numpy(), total)
        yield Figure(BENCH, f"{told}: q10 to q90 of {days}-day totals cover", share)
