"""New items: how comparable items went on from the age that this one has.

The forty past launches nearest in early units, early order lines, price and words of the title, the nearer the
heavier; days are counted as open days since the first sale, so that closed days and weekdays do not shift an age.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer

from jobs.demand.forecasts import LEVELS, Forecast, tidy
from jobs.demand.history import History, filled
from jobs.demand.segments import NEW_DAYS
from jobs.demand.sparse import lines

NEIGHBOURS = 40
FEWEST = 5
MOST_LAUNCHES = 2000
WORDS = 2**14
TEXT_WEIGHT, PRICE_WEIGHT = 1.0, 0.5
SMOOTHED_DAYS = 3  # a neighbour's day is pooled with so many before and after it


@dataclass(frozen=True)
class Library:
    """Past launches: ``units`` and ``lines`` (launch, open day since the first sale), NaN where not yet known."""

    ids: np.ndarray
    units: np.ndarray
    lines: np.ndarray
    price: np.ndarray
    titles: np.ndarray

    def save(self, path: Path) -> None:
        """Writes one Parquet file."""
        columns: dict[str, Any] = {
            "item_id": self.ids.astype(str),
            "price": self.price,
            "title": self.titles.astype(str),
        }
        columns |= {"units": list(self.units), "lines": list(self.lines)}
        pd.DataFrame(columns).to_parquet(path, index=False)

    @staticmethod
    def load(path: Path) -> Library:
        """Reads what :meth:`save` wrote."""
        found = pd.read_parquet(path)
        width = len(found["units"].iloc[0]) if len(found) else 0
        units, told = (
            np.stack(found[name].to_list()) if len(found) else np.zeros((0, width)) for name in ("units", "lines")
        )
        return Library(
            found["item_id"].to_numpy(object),
            units,
            told,
            found["price"].to_numpy(float),
            found["title"].to_numpy(object),
        )


def library(history: History) -> Library:
    """The newest launches of a history. An item that sold in the store's first 28 days may be older than that."""
    calendar = history.calendar
    start = calendar.periods(NEW_DAYS)
    launched = np.flatnonzero((history.first >= start) & (history.last >= 0))
    launched = np.sort(launched[np.argsort(-history.first[launched], kind="stable")][:MOST_LAUNCHES])
    width = calendar.periods(NEW_DAYS) + calendar.horizon
    found = history.of(launched)
    wanted, lines_wanted = filled(found, found.units), filled(found, found.lines)
    units, told = (np.full((len(launched), width), np.nan) for _ in range(2))
    for row, first in enumerate(found.first):
        days = first + np.flatnonzero(calendar.is_open[first : calendar.past])[:width]
        units[row, : len(days)] = wanted[row, days]
        told[row, : len(days)] = lines_wanted[row, days]
    return Library(found.ids, units, told, np.nan_to_num(_first_price(found)), found.titles)


def launches(history: History, past_launches: Library) -> Forecast:
    """Weighted quantiles of the neighbours' units on the same open day since the first sale; the mean of a day is its
    share of the neighbours' weighted median total, since a few launches in forty would set a mean. With fewer than
    five launches to compare with: the item's own rate of order lines."""
    calendar = history.calendar
    own = lines(history)
    quantiles, mean = own.quantiles.copy(), own.mean.copy()
    is_open = calendar.is_open[calendar.past :]
    ahead, price = int(is_open.sum()), _first_price(history)
    likeness = _likeness(history.titles, past_launches.titles)
    wanted, lines_wanted = filled(history, history.units), filled(history, history.lines)
    for row in range(len(history)):
        seen = np.flatnonzero(calendar.is_open[history.first[row] : calendar.past]) + history.first[row]
        age = min(len(seen), max(past_launches.units.shape[1] - ahead, 0))
        known = ~np.isnan(past_launches.units[:, age + ahead - 1]) if ahead and len(past_launches.ids) else np.zeros(0)
        at = np.flatnonzero(known)
        at = at[past_launches.ids[at] != history.ids[row]]
        if len(at) < FEWEST or not ahead:
            continue
        early = (wanted[row, seen[:age]].sum(), lines_wanted[row, seen[:age]].sum(), price[row])
        near, weight = _nearest(early, age, likeness[row], past_launches, at)
        days, centre = _from_neighbours(past_launches.units[near, age : age + ahead], weight)
        quantiles[row, is_open], mean[row, is_open] = days, centre
    return tidy(quantiles, mean, history)


def _nearest(
    early: tuple[float, float, float], age: int, likeness: np.ndarray, past: Library, at: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    then = np.column_stack(
        [np.nansum(past.units[at, :age], axis=1), np.nansum(past.lines[at, :age], axis=1), past.price[at]]
    )
    there, here = np.log1p(then), np.log1p(np.array(early))
    spread = np.maximum(there.std(axis=0), 1e-6)
    # Of what has not sold yet nobody knows the price: as 0 it would be compared with the cheapest.
    gap = np.nan_to_num((there - here) / spread) ** 2 * np.array([1.0, 1.0, PRICE_WEIGHT])
    distance = gap.sum(axis=1) + TEXT_WEIGHT * (1 - likeness[at])
    order = np.argsort(distance, kind="stable")[:NEIGHBOURS]
    width = max(float(np.median(distance[order])), 1e-6)
    return at[order], np.exp(-distance[order] / width)


def _from_neighbours(units: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Quantiles (day, level) and means (day) of the neighbours' days (neighbour, day)."""
    days = units.shape[1]
    quantiles = np.zeros((days, len(LEVELS)))
    for day in range(days):
        pooled = units[:, max(0, day - SMOOTHED_DAYS) : day + SMOOTHED_DAYS + 1]
        quantiles[day] = _weighted(pooled.ravel(), np.repeat(weight, pooled.shape[1]), LEVELS)
    share = (units * weight[:, None]).sum(axis=0)
    total = _weighted(units.sum(axis=1), weight, (0.5,))[0]
    share = np.convolve(np.pad(share, SMOOTHED_DAYS, mode="edge"), np.ones(2 * SMOOTHED_DAYS + 1), "valid")
    return quantiles, total * share / share.sum() if share.sum() else share


def _weighted(values: np.ndarray, weight: np.ndarray, levels: tuple[float, ...]) -> np.ndarray:
    order = np.argsort(values, kind="stable")
    share = (np.cumsum(weight[order]) - weight[order] / 2) / weight.sum()
    return np.interp(levels, share, values[order])


def _likeness(titles: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Cosine of the titles' letter triples, (item, launch); 0 without words."""
    if not len(titles) or not len(others):
        return np.zeros((len(titles), len(others)))
    hashed = HashingVectorizer(
        analyzer="char_wb", ngram_range=(3, 4), n_features=WORDS, norm=None, alternate_sign=False
    )
    words = TfidfTransformer().fit(hashed.transform(others.astype(str)))
    ours, theirs = (words.transform(hashed.transform(texts.astype(str))) for texts in (titles, others))
    return np.asarray((ours @ theirs.T).todense())


def _first_price(history: History) -> np.ndarray:
    """What each item's first sale paid a piece; NaN without one."""
    sold = ~np.isnan(history.price)
    first = np.argmax(sold, axis=1)
    found = np.take_along_axis(history.price, first[:, None], axis=1)[:, 0] if history.price.shape[1] else np.zeros(0)
    return np.where(sold.any(axis=1), found, np.nan).astype(float)
