"""What the boosted model knows of an item at an origin, and of a day ahead of it; all of units relative to a level.

Days without stock are left out or filled, except where what sold is measured by itself: the largest day, the usual big
day and the share of bulk orders (which are what empties a shelf).

No dates: with a year of history a tree would learn last December by heart. With more than a year the same weeks of
last year stand among the features.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

from jobs.demand.ewq import weekday_factors
from jobs.demand.history import History, bulk, capped, filled

WINDOWS = (7, 14, 28, 56, 112)
LEVEL_WEIGHTS = {56: 0.5, 28: 0.25, 112: 0.25}
LEVEL_FLOOR = 0.2
QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)
PLANNED_PRICE = "planned_price_change"
SEASON_WORDS = ("christmas", "xmas", "advent", "easter", "valentine", "halloween", "summer", "winter", "garden")


@dataclass(frozen=True)
class Rows:
    """``features`` (item × period, feature) float32 with ``names``; ``level`` (item)."""

    features: np.ndarray
    names: tuple[str, ...]
    level: np.ndarray


def rows(history: History, with_planned_prices: bool = False) -> Rows:
    """The features of every item on every day to come, items outer, days inner. Planned prices are for a model that
    had any to learn from: which columns a tree may ask depends on how many there are."""
    level = levels(history)
    item = _item(history, level)
    horizon = history.calendar.horizon
    columns = {name: np.repeat(values, horizon) for name, values in item.items()}
    columns |= {name: values.ravel() for name, values in _day(history, level).items()}
    if with_planned_prices:
        columns[PLANNED_PRICE] = history.planned_price_change.ravel()
    features = np.column_stack([np.asarray(values, np.float32) for values in columns.values()])
    features[~np.isfinite(features)] = np.nan  # an item without a price has no logarithm of it
    return Rows(features, tuple(columns), level)


def levels(history: History) -> np.ndarray:
    """Units per open day: half of the mean of 56 days, a quarter each of 28 and 112; at least 0.2."""
    found = sum(weight * means(history.units, history, days) for days, weight in LEVEL_WEIGHTS.items())
    return np.maximum(found, LEVEL_FLOOR)


def means(values: np.ndarray, history: History, days: int) -> np.ndarray:
    """Mean of ``values`` (item, period) over the observed ones of the last ``days`` days; 0 without any."""
    span = history.calendar.periods(days)
    seen = history.observed[:, -span:]
    count = seen.sum(axis=1)
    return np.divide((values[:, -span:] * seen).sum(axis=1), count, out=np.zeros(len(count)), where=count > 0)


def _item(history: History, level: np.ndarray) -> dict[str, np.ndarray]:
    found: dict[str, np.ndarray] = {"log_level": np.log(level)}
    for days in WINDOWS:
        found[f"units_{days}"] = means(history.units, history, days) / level
        found[f"lines_{days}"] = means(history.lines, history, days)
        found[f"sold_{days}"] = means((history.units > 0).astype(float), history, days)
    found |= _spread(history, level)
    past = history.calendar.past
    found["since_sale"] = np.minimum(past - 1 - history.last, 400)
    found["age"] = np.minimum(past - history.first, 400)
    found |= _price(history) | _store(history)
    titles = [str(title).lower() for title in history.titles]
    found["season_word"] = np.array([any(word in title for word in SEASON_WORDS) for title in titles], float)
    return found


def _spread(history: History, level: np.ndarray) -> dict[str, np.ndarray]:
    span = history.calendar.periods(112)
    recent = np.where(history.observed[:, -span:], history.units[:, -span:], np.nan)
    robust = capped(history.units[:, -span:])
    with warnings.catch_warnings(), np.errstate(invalid="ignore", divide="ignore"):
        warnings.simplefilter("ignore", RuntimeWarning)  # an item that was not seen of late is all NaN
        quantiles = np.nanquantile(recent, QUANTILES, axis=1)
        found = {f"q{int(q * 100)}": values / level for q, values in zip(QUANTILES, quantiles, strict=True)}
        found["sd"] = np.nanstd(recent, axis=1) / level
        found["max"] = np.nanmax(recent, axis=1) / level
    found["robust"] = (
        means(np.pad(robust, ((0, 0), (history.calendar.past - robust.shape[1], 0))), history, 112) / level
    )
    total = np.maximum(history.units[:, -span:].sum(axis=1), 1e-9)
    found["bulk_share"] = (history.units * bulk(history.units))[:, -span:].sum(axis=1) / total
    age = np.arange(history.calendar.past)[::-1]
    for half_life in (10, 30):
        weight = 0.5 ** (age / (half_life / history.calendar.period)) * history.observed
        total = weight.sum(axis=1)
        found[f"decayed_{half_life}"] = (
            np.divide((history.units * weight).sum(axis=1), total, out=np.zeros(len(total)), where=total > 0) / level
        )
    return found


def _price(history: History) -> dict[str, np.ndarray]:
    span = history.calendar.periods(112)
    recent = history.price[:, -span:]
    sold = ~np.isnan(recent)
    last = np.where(sold.any(axis=1), recent.shape[1] - 1 - np.argmax(sold[:, ::-1], axis=1), 0)
    latest = np.take_along_axis(recent, last[:, None], axis=1)[:, 0]
    with warnings.catch_warnings(), np.errstate(invalid="ignore", divide="ignore"):
        warnings.simplefilter("ignore", RuntimeWarning)
        usual = np.nanmedian(recent, axis=1)
        units, lines = history.units[:, -span:].sum(axis=1), history.lines[:, -span:].sum(axis=1)
        return {"log_price": np.log(usual), "relative_price": latest / usual, "units_per_line": units / lines}


def _store(history: History) -> dict[str, np.ndarray]:
    calendar = history.calendar
    found = {}
    for name, values in (("lines", calendar.lines), ("units", calendar.units), ("items", calendar.items)):
        recent = [_open_mean(values, calendar.is_open, calendar.periods(days)) for days in (7, 28, 112)]
        found[f"store_{name}_7_28"] = np.full(len(history), recent[0] / max(recent[1], 1e-9))
        found[f"store_{name}_28_112"] = np.full(len(history), recent[1] / max(recent[2], 1e-9))
    return found


def _open_mean(values: np.ndarray, is_open: np.ndarray, span: int) -> float:
    late = slice(max(0, len(values) - span), len(values))
    seen = is_open[: len(values)][late]
    return float(values[late][seen].mean()) if seen.any() else 0.0


def _day(history: History, level: np.ndarray) -> dict[str, np.ndarray]:
    """Features of (item, period to come)."""
    calendar, shape = history.calendar, (len(history), history.calendar.horizon)
    past, weekday = calendar.past, calendar.weekday
    ahead = weekday[past:]
    span = slice(max(0, past - calendar.periods(112)), past)
    mean, share = np.zeros(shape), np.zeros(shape)
    for day in np.unique(ahead):
        same = history.observed[:, span] & (weekday[span] == day)[None, :]
        count = np.maximum(same.sum(axis=1), 1)
        mean[:, ahead == day] = ((history.units[:, span] * same).sum(axis=1) / count / level)[:, None]
        share[:, ahead == day] = (((history.units[:, span] > 0) & same).sum(axis=1) / count)[:, None]
    before = calendar.is_open[past - 1 : -1]
    factor = weekday_factors(calendar, 112)[ahead]
    wide = {"weekday": ahead, "h": np.arange(1, shape[1] + 1), "open_before": before, "store_weekday": factor}
    found = {name: np.broadcast_to(np.asarray(values, float), shape) for name, values in wide.items()}
    found |= {"weekday_mean": mean, "weekday_share": share}
    # One column, 1 and the depth: a tree asks it for either, and where there are no campaigns it costs no second one.
    found["promoted"] = (history.promoted + history.promotion_depth)[:, past:]
    return found | _last_year(history, level)


def _last_year(history: History, level: np.ndarray) -> dict[str, np.ndarray]:
    """The same period a year ago and the weeks about it, by the level of then and of now; nothing with less history."""
    calendar = history.calendar
    past, year, week = calendar.past, calendar.year, max(1, 7 // calendar.period)
    if not history.knows_last_year:
        return {}
    ahead = np.arange(past, past + calendar.horizon) - year
    units = filled(history, history.units)
    around = np.stack([units[:, np.minimum(ahead + k * week, past - 1)] for k in (-1, 0, 1)])
    span = calendar.periods(56)
    then = np.maximum(units[:, past - year - span : past - year].mean(axis=1), LEVEL_FLOOR)
    there = history.had_last_year[:, None]
    return {
        "last_year": np.where(there, around[1] / level[:, None], np.nan),
        "last_year_near": np.where(there, around.mean(axis=0) / level[:, None], np.nan),
        "last_year_rise": np.where(there, around.mean(axis=0) / then[:, None], np.nan),
        "grown": np.where(there, around[1] / then[:, None], np.nan),
    }
