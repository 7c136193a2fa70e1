"""Daily units of Online Retail as the figures on demand count them."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from jobs.demand.calendar import calendar
from jobs.demand.history import History, history

STORE = "online_retail"
HORIZON = 28
ITEMS, BUSY_DAYS = 500, 180


def sold(folder: Path) -> pd.DataFrame:
    """Item-days: ``item_id, day, units, lines, revenue``."""
    raw = pd.concat([pd.read_csv(path, dtype=str) for path in sorted(folder.glob("*.csv"))], ignore_index=True)
    units, price = raw["Quantity"].astype(float), raw["UnitPrice"].astype(float)
    kept = ~raw["InvoiceNo"].str.startswith("C") & (units > 0) & (price > 0) & raw["StockCode"].str.match(r"\d{5}|DCGS")
    day = pd.to_datetime(raw["InvoiceDate"]).dt.normalize()
    told = pd.DataFrame({"item_id": raw["StockCode"], "day": day, "units": units, "revenue": units * price})[kept]
    sums = told.groupby(["item_id", "day"])
    return sums.agg(units=("units", "sum"), lines=("units", "size"), revenue=("revenue", "sum")).reset_index()


def whole_history(lines: pd.DataFrame) -> History:
    """All days of the data, those after the nights among them."""
    store = type("Daily", (), {"period": "day", "closed_weekdays": frozenset({5}), "holidays_country": "GB"})
    days = lines.groupby("day").agg(lines=("lines", "sum"), units=("units", "sum"), items=("units", "size"))
    return history(lines, calendar(days.reset_index(), store, lines["day"].max().date(), HORIZON))  # type: ignore[arg-type]


def known_days(whole: History, first: date) -> int:
    """Days of the history before ``first``."""
    return int((np.datetime64(first) - whole.calendar.days[0]).astype(int))


def as_of(whole: History, first: date) -> tuple[History, np.ndarray]:
    """The history as it was the evening before ``first``, and the places of its busiest items."""
    then = whole.at(known_days(whole, first), HORIZON)
    busy = then.units[:, -BUSY_DAYS:].sum(axis=1)
    return then, np.sort(np.argsort(-busy, kind="stable")[:ITEMS])
