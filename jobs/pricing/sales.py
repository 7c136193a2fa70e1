"""Forecasts of units by location, item and week at given prices, for a shop that has weekly sums.

The mean of four models: two regressions an item (with and without a common shock of the week) and two boosted trees.
They err differently, and their mean beats each. Intervals come from the errors of earlier origins; a week later the
level of each series is refreshed by what was missed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from jobs.pricing.sales_features import Known, design, known, lean_features, rich_features
from jobs.pricing.sales_regression import fit_regression
from jobs.pricing.sales_trees import fit_trees, predicted

SERIES = ["item_id", "location_id"]


@dataclass(frozen=True)
class SalesParams:
    """``fold_weeks`` is how far a forecast reaches, ``folds`` how many earlier origins teach intervals and refreshing.

    ``level`` is the nominal coverage, ``series_memory`` and ``item_memory`` the weights of a new error in the running
    means of a series and of an item.
    """

    fold_weeks: int = 26
    folds: int = 2
    level: float = 0.8
    rounds: int = 20
    series_memory: float = 0.1
    item_memory: float = 0.1


def fixed_origin(sales: pd.DataFrame, origin: object, params: SalesParams = SalesParams()) -> pd.DataFrame:
    """Forecasts of every week from ``origin`` on, by what happened before it and the prices that are given.

    ``sales``: one row a location, item and week with ``SALES`` (jobs.pricing.sales_features) and ``units`` (read
    before ``origin`` only). Returns ``location_id, item_id, week, log_units``. Raises ValueError where nothing lies
    before the origin.
    """
    data = known(sales)
    is_past = (data.rows["week"] < origin).to_numpy()
    if not is_past.any() or not (data.rows.loc[is_past, "units"] > 0).all():
        raise ValueError("sales: units before the origin must be there, and above 0")
    units = np.full(len(data.rows), np.nan)
    units[is_past] = np.log(data.rows.loc[is_past, "units"].to_numpy(float))
    models = [_regressions(data, units, is_past, has_weeks, params.rounds) for has_weeks in (False, True)]
    models += _trees(data, units, is_past)
    out = data.rows[["location_id", "item_id", "week"]].assign(log_units=np.mean(models, axis=0))
    return out[~is_past].reset_index(drop=True)


def earlier_errors(sales: pd.DataFrame, origin: object, params: SalesParams = SalesParams()) -> pd.DataFrame:
    """What forecasts of earlier origins missed: ``fold, location_id, item_id, week, error`` (log units, truth - ours).

    The origins lie ``fold_weeks`` apart before ``origin``; none sees ``origin`` or later.
    """
    past = sales[sales["week"] < origin]
    weeks = np.sort(past["week"].unique())
    parts = []
    for fold in range(params.folds, 0, -1):
        start = weeks[-fold * params.fold_weeks]
        seen = past[past["week"] <= weeks[-(fold - 1) * params.fold_weeks - 1]]
        parts.append(errors(seen, fixed_origin(seen, start, params)).assign(fold=fold))
    return pd.concat(parts, ignore_index=True)


def errors(sales: pd.DataFrame, forecasts: pd.DataFrame) -> pd.DataFrame:
    """Forecasts beside the truth: ``error`` in log units, truth less forecast."""
    truth = sales[["location_id", "item_id", "week", "units"]]
    both = forecasts.merge(truth, on=["location_id", "item_id", "week"], how="inner")
    return both.assign(error=np.log(both["units"].astype(float)) - both["log_units"]).drop(columns="units")


def with_interval(forecasts: pd.DataFrame, missed: pd.DataFrame, level: float = SalesParams.level) -> pd.DataFrame:
    """Forecasts with ``low`` and ``high``: the item's quantile of absolute errors of ``missed`` on either side.

    Split-conformal (Lei et al. 2018, JASA 113) by item; an item that was never missed takes the quantile of all.
    """
    width = missed["error"].abs().groupby(missed["item_id"]).quantile(level)
    half = forecasts["item_id"].map(width).fillna(missed["error"].abs().quantile(level))
    return forecasts.assign(low=forecasts["log_units"] - half, high=forecasts["log_units"] + half)


def refreshed(
    sales: pd.DataFrame, forecasts: pd.DataFrame, missed: pd.DataFrame, params: SalesParams = SalesParams()
) -> pd.DataFrame:
    """The forecasts as they would be made one week ahead: each week's with the errors of the weeks before it known.

    What the running means of errors are worth is learnt from ``missed``, the errors of earlier origins.
    """
    lessons = pd.concat([_running(part, params) for _, part in missed.groupby("fold")], ignore_index=True)
    columns = ["series_mean", "last", "item_mean"]
    worth = np.linalg.lstsq(lessons[columns].to_numpy(), lessons["error"].to_numpy(), rcond=None)[0]
    now = _running(errors(sales, forecasts), params)
    return now.assign(log_units=now["log_units"] + now[columns].to_numpy() @ worth)[
        ["location_id", "item_id", "week", "log_units"]
    ]


def _running(missed: pd.DataFrame, params: SalesParams) -> pd.DataFrame:
    """Each row with the means of errors of the weeks before it: of its series, its last week, its item."""
    rows = missed.sort_values([*SERIES, "week"], kind="stable").reset_index(drop=True)
    series_mean = _ewma(rows["error"], [rows[name] for name in SERIES], params.series_memory)
    last = rows.groupby(SERIES)["error"].shift(1).fillna(0.0)
    by_week = rows.groupby(["item_id", "week"])["error"].mean().reset_index()
    by_week["item_mean"] = _ewma(by_week["error"], [by_week["item_id"]], params.item_memory)
    item_mean = rows[["item_id", "week"]].merge(by_week, on=["item_id", "week"], how="left")["item_mean"]
    return rows.assign(series_mean=series_mean, last=last, item_mean=item_mean.to_numpy())


def _ewma(values: pd.Series, groups: list[pd.Series], weight: float) -> np.ndarray:
    """The exponentially weighted mean of what came before, from 0, within each group (rows in order)."""
    out = np.zeros(len(values))
    told = values.to_numpy(float)
    for at in pd.Series(np.arange(len(values))).groupby([group.to_numpy() for group in groups]).indices.values():
        mean = 0.0
        for row in at:
            out[row] = mean
            mean += weight * (told[row] - mean)
    return out


def _regressions(data: Known, units: np.ndarray, is_past: np.ndarray, has_weeks: bool, rounds: int) -> np.ndarray:
    """Log units of every row, by a regression an item."""
    out = np.full(len(units), units[is_past].mean())
    weeks = int(data.rows.loc[is_past, "_week"].max()) + 1
    for item in range(len(data.of_item)):
        rows = np.flatnonzero(data.rows["_item"].to_numpy() == item)
        past = rows[is_past[rows]]
        if len(past):
            told = design(data, past, item, weeks)
            found = fit_regression(units[past], told, len(data.locations), weeks, has_weeks, rounds)
            out[rows] = found.predict(design(data, rows, item, weeks))
    return out


def _trees(data: Known, units: np.ndarray, is_past: np.ndarray) -> list[np.ndarray]:
    """Log units of every row by lean and by rich trees, each about what is usual for the series."""
    usual, usual_price = _usual(data.rows, units, is_past), _usual(data.rows, data.own, is_past)
    out = []
    for features in (lean_features(data, usual), rich_features(data, usual, usual_price)):
        trees = fit_trees((units - usual)[is_past], features[is_past], decreasing=(0,))
        out.append(usual + predicted(trees, features))
    return out


def _usual(rows: pd.DataFrame, values: np.ndarray, is_past: np.ndarray) -> np.ndarray:
    """The past mean of the row's series; of its item, then of all, where the series has none."""
    told = pd.Series(np.where(is_past, values, np.nan))
    by_series = told.groupby([rows[name] for name in SERIES]).transform("mean")
    return by_series.fillna(told.groupby(rows["item_id"]).transform("mean")).fillna(told.mean()).to_numpy()
