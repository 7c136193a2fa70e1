"""What a week's sales of an item at a location are told by, given its prices: columns for regressions and trees."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from jobs.pricing.sales_regression import Design

SALES = ("location_id", "item_id", "week", "price", "is_promotion", "is_featured")
LAGS = (1, 2)


@dataclass(frozen=True)
class Known:
    """Rows sorted by item, location and week; ``prices`` is rows × items: log prices of the location's week.

    A price that nobody told is its item's mean. ``of_item`` the items' order in ``prices``.
    """

    rows: pd.DataFrame
    prices: np.ndarray
    of_item: np.ndarray
    locations: np.ndarray
    weeks: np.ndarray

    @property
    def own(self) -> np.ndarray:
        """The row's own log price."""
        return self.prices[np.arange(len(self.rows)), self.rows["_item"].to_numpy()]


def known(sales: pd.DataFrame) -> Known:
    """``sales`` (the columns of ``SALES``, one row a location, item and week) made ready; other columns stay.

    Raises ValueError for a missing column, a second row of a key, and prices that are not above 0.
    """
    missing = [name for name in SALES if name not in sales]
    if missing:
        raise ValueError(f"sales: the frame lacks {', '.join(missing)}")
    if sales.duplicated(["location_id", "item_id", "week"]).any():
        raise ValueError("sales: a location has two rows of an item in one week")
    if not (sales["price"] > 0).all():
        raise ValueError("sales: a price is not above 0")
    rows = sales.sort_values(["item_id", "location_id", "week"], kind="stable").reset_index(drop=True)
    of_item, rows["_item"] = np.unique(rows["item_id"], return_inverse=True)
    locations, rows["_location"] = np.unique(rows["location_id"], return_inverse=True)
    weeks, rows["_week"] = np.unique(rows["week"], return_inverse=True)
    rows["_own"] = np.log(rows["price"].astype(float))
    # Not by position: a location-week need not have every item.
    wide = np.full((len(locations), len(weeks), len(of_item)), np.nan)
    wide[rows["_location"], rows["_week"], rows["_item"]] = rows["_own"]
    usual = rows.groupby("_item")["_own"].mean().to_numpy()
    prices = np.where(np.isnan(wide), usual, wide)[rows["_location"], rows["_week"]]
    return Known(rows, prices, of_item, locations, weeks)


def design(data: Known, at: np.ndarray, item: int, trained_weeks: int) -> Design:
    """The regression's columns of rows ``at`` (all of one item); weeks from ``trained_weeks`` on are new to it."""
    rows = data.rows.iloc[at]
    own = data.own[at]
    flags = rows[["is_promotion", "is_featured"]].to_numpy(float)
    cross = np.delete(data.prices[at], item, axis=1) - np.delete(data.prices.mean(axis=0), item)
    week = rows["_week"].to_numpy()
    return Design(
        fixed=np.column_stack([np.ones(len(at)), own, flags]),
        cross=cross,
        own=own,
        location=rows["_location"].to_numpy(),
        week=np.where(week < trained_weeks, week, -1),
    )


def lean_features(data: Known, usual: np.ndarray) -> np.ndarray:
    """Own price, against the cheapest and the mean other, promotion, feature, item, and the usual log units (rows)."""
    own, item = data.own, data.rows["_item"].to_numpy()
    others = np.where(np.arange(len(data.of_item)) == item[:, None], np.nan, data.prices)
    is_alone = len(data.of_item) == 1
    least = own if is_alone else np.nanmin(others, axis=1)
    mean = own if is_alone else np.nanmean(others, axis=1)
    flags = data.rows[["is_promotion", "is_featured"]].to_numpy(float)
    return np.column_stack([own, own - least, own - mean, flags, item, usual])


def rich_features(data: Known, usual: np.ndarray, usual_price: np.ndarray) -> np.ndarray:
    """The lean ones, the price against the location's usual, all prices, neighbours' promotions, the weeks before."""
    rows = data.rows
    columns = [lean_features(data, usual), (data.own - usual_price)[:, None], data.prices]
    by_place = rows.groupby(["_location", "_week"])
    for flag in ("is_promotion", "is_featured"):
        columns.append((by_place[flag].transform("sum") - rows[flag]).to_numpy(float)[:, None])
    by_series = rows.assign(
        is_promotion=rows["is_promotion"].astype(float), is_featured=rows["is_featured"].astype(float)
    ).groupby(["_item", "_location"])
    for lag in LAGS:
        before = by_series[["_own", "is_promotion", "is_featured"]].shift(lag).to_numpy(float)
        before[:, 0] -= data.own
        columns.append(before)
    return np.concatenate(columns, axis=1)
