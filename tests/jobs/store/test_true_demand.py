"""Forecasts and order levels of what a shop can see, against the demand that only the world knows."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from jobs.demand import inventory
from jobs.demand.calendar import Calendar, calendar
from jobs.demand.ewq import ewq
from jobs.demand.forecasts import LEVELS, Forecast
from jobs.demand.history import History, history
from jobs.demand.inventory import Setting
from jobs.demand.paths import keys_of
from jobs.store.truth import Truth

STORE = SimpleNamespace(period="day", closed_weekdays=frozenset(), holidays_country=None)
SEEN_DAYS = 26


@pytest.fixture(scope="module")
def days(month: Truth) -> pd.DataFrame:
    """Item-days as a shop sees them (``units``, ``on_hand`` of the evening) and as they were (``demand``)."""
    true = pd.concat([month.demand(day).assign(day=pd.Timestamp(day)) for day in month.days()])
    landing = month.folder.parent / "landing"
    counted = pd.concat(
        [pd.read_csv(landing / f"stock-{day}.csv", sep="|").assign(day=pd.Timestamp(day)) for day in month.days()]
    ).rename(columns={"SKU": "item_id", "Available": "on_hand"})
    joined = true.merge(counted[["item_id", "day", "on_hand"]], on=["item_id", "day"], how="left")
    return joined.assign(lines=(joined["units"] > 0).astype(int), revenue=1.0)


def calendar_of(days: pd.DataFrame) -> Calendar:
    sold = days[days["units"] > 0].groupby("day")
    told = sold.agg(lines=("units", "sum"), units=("units", "sum"), items=("units", "size")).reset_index()
    return calendar(told, STORE, days["day"].max().date(), 28)  # type: ignore[arg-type]


def forecast(days: pd.DataFrame) -> tuple[History, Forecast]:
    seen = history(days, calendar_of(days))
    return seen, ewq(seen)


def test_days_that_ran_out_are_censored_and_the_forecast_comes_nearer_to_true_demand(days: pd.DataFrame) -> None:
    unmet = days["demand"] - days["units"]
    assert (unmet >= 0).all() and unmet[days["on_hand"] <= 0].sum() > 0.2 * unmet.sum()
    views = {
        "truth": days.assign(units=days["demand"]).drop(columns="on_hand"),
        "told of stock": days,
        "sales alone": days.drop(columns="on_hand"),
    }
    daily = pd.DataFrame(
        {name: pd.Series(made.mean.mean(axis=1), seen.ids) for name, (seen, made) in
         ((name, forecast(view)) for name, view in views.items())}
    )  # fmt: skip
    error = daily.sub(daily.pop("truth"), axis=0)
    ran_out = days[days["on_hand"] <= 0].groupby("item_id").size()
    struck = error.loc[ran_out.index[ran_out >= 3]]
    assert len(struck) >= 10 and struck["sales alone"].sum() < 0
    assert abs(struck["told of stock"].sum()) < 0.7 * abs(struck["sales alone"].sum())
    assert struck["told of stock"].abs().sum() < struck["sales alone"].abs().sum()


def test_levels_from_the_shops_own_view_cost_less_than_the_usual_ones_on_true_demand(days: pd.DataFrame) -> None:
    first, last = days["day"].min(), days["day"].max()
    cut = first + pd.Timedelta(days=SEEN_DAYS)
    seen, made = forecast(days[days["day"] < cut])
    wide = days.pivot_table(index="item_id", columns="day", values="demand", fill_value=0).reindex(seen.ids)
    actual = wide.loc[:, cut:last].fillna(0).to_numpy(float)
    setting = Setting()
    on_hand = inventory.start(seen.units, setting)
    ours, _ = inventory.path_levels(made.quantiles, made.mean, LEVELS, setting, keys_of(seen.ids))

    def cost(levels: np.ndarray) -> float:
        return inventory.per_unit(inventory.cost_of(levels, actual, on_hand, setting), actual, setting)

    oracle = np.stack([inventory.cost_of(np.full(len(ours), float(n)), actual, on_hand, setting) for n in range(50)])
    best = inventory.per_unit(oracle.min(axis=0), actual, setting)
    assert cost(ours) < cost(inventory.mean_sigma_levels(seen.units, 1.28, setting))
    assert best < cost(ours) < 2.2 * best
