"""Units by shop, item and week: forecasts at given prices, their intervals and their refreshing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from jobs.pricing import sales
from jobs.pricing.sales import SalesParams
from jobs.pricing.sales_regression import Design, fit_regression

PARAMS = SalesParams(fold_weeks=8, folds=2, rounds=8)
ORIGIN = 40


@pytest.fixture(scope="module")
def panel() -> pd.DataFrame:
    rng = np.random.default_rng(4)
    shops, items, weeks = 5, 3, 48
    shape = (shops, items, weeks)
    price = np.exp(rng.normal(0, 0.15, shape))
    deal = rng.random(shape) < 0.2
    x = np.log(price)
    log_units = (
        6
        + rng.normal(0, 0.5, (shops, 1, 1))
        + np.array([0.0, 1.0, -1.0])[:, None]
        - 2.5 * x
        + 0.4 * (x.sum(axis=1, keepdims=True) - x)
        + 0.5 * deal
        + rng.normal(0, 0.2, shape)
    )
    at = np.indices(shape).reshape(3, -1)
    return pd.DataFrame(
        {
            "location_id": np.char.add("s", at[0].astype(str)),
            "item_id": np.char.add("i", at[1].astype(str)),
            "week": at[2],
            "units": np.exp(log_units).ravel(),
            "price": price.ravel(),
            "is_promotion": deal.ravel(),
            "is_featured": False,
        }
    )


def rmse(panel: pd.DataFrame, told: pd.DataFrame) -> float:
    return float(np.sqrt((sales.errors(panel, told)["error"] ** 2).mean()))


def test_forecasts_beat_the_mean_and_never_read_what_comes_after(panel: pd.DataFrame) -> None:
    told = sales.fixed_origin(panel, ORIGIN, PARAMS)
    assert len(told) == 5 * 3 * 8 and not told["log_units"].isna().any()
    usual = np.log(panel[panel["week"] < ORIGIN].groupby(["item_id", "location_id"])["units"].mean())
    mean = told.assign(log_units=told.join(usual, on=["item_id", "location_id"])["units"])
    assert rmse(panel, told) < 0.7 * rmse(panel, mean)
    blind = panel.assign(units=panel["units"].where(panel["week"] < ORIGIN))
    pd.testing.assert_frame_equal(sales.fixed_origin(blind, ORIGIN, PARAMS), told)


def test_intervals_from_earlier_origins(panel: pd.DataFrame) -> None:
    missed = sales.earlier_errors(panel, ORIGIN, PARAMS)
    assert missed["week"].max() == ORIGIN - 1 and missed["week"].min() == ORIGIN - 16
    told = sales.with_interval(sales.fixed_origin(panel, ORIGIN, PARAMS), missed)
    both = sales.errors(panel, told)
    truth = both["log_units"] + both["error"]
    assert 0.65 < ((both["low"] <= truth) & (truth <= both["high"])).mean() < 0.95


def test_a_shift_in_level_is_learnt_by_refreshing(panel: pd.DataFrame) -> None:
    shifted = panel.assign(
        units=panel["units"] * np.where((panel["week"] >= 24) & (panel["item_id"] == "i0"), 2.0, 1.0)
    )
    missed = sales.earlier_errors(shifted, ORIGIN - 8, SalesParams(fold_weeks=8, folds=1, rounds=8))
    told = sales.fixed_origin(shifted[shifted["week"] < ORIGIN], ORIGIN - 8, PARAMS)
    seen = shifted[shifted["week"] < ORIGIN]
    again = sales.refreshed(seen, told, missed.assign(fold=1), PARAMS)
    assert len(again) == len(told)
    assert rmse(seen, again) <= rmse(seen, told) * 1.02


def test_a_shop_that_is_new_has_a_forecast(panel: pd.DataFrame) -> None:
    late = panel[(panel["location_id"] != "s4") | (panel["week"] >= ORIGIN)]
    told = sales.fixed_origin(late, ORIGIN, PARAMS)
    assert told.loc[told["location_id"] == "s4", "log_units"].between(2, 11).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda panel: panel.drop(columns="price"), "lacks price"),
        (lambda panel: pd.concat([panel, panel]), "two rows"),
        (lambda panel: panel.assign(price=0.0), "price is not above 0"),
        (lambda panel: panel.assign(units=0.0), "units before the origin"),
        (lambda panel: panel[panel["week"] >= ORIGIN], "units before the origin"),
    ],
)
def test_what_cannot_be_is_refused(change, message: str, panel: pd.DataFrame) -> None:
    with pytest.raises(ValueError, match=message):
        sales.fixed_origin(change(panel), ORIGIN, PARAMS)


def test_the_mixed_model_finds_slopes_of_places() -> None:
    rng = np.random.default_rng(1)
    place, week = (values.ravel() for values in np.indices((12, 60)))
    own, slope = rng.normal(0, 0.2, 720), rng.normal(0, 0.8, 12)
    units = 5 - 2 * own + slope[place] * own + rng.normal(0, 0.1, 720)
    fixed = np.column_stack([np.ones(720), own])
    design = Design(fixed, np.zeros((720, 1)), own, place, week)
    found = fit_regression(units, design, 12, 60, has_weeks=False)
    assert found.fixed[1] + found.slope == pytest.approx(-2 + slope, abs=0.2)
    assert found.noise == pytest.approx(0.01, rel=0.2)
