"""An item at its places agrees with the item as a whole: what each place is forecast is scaled to it.

Forecasts of single places see each place's own rhythm, but taken together they miss what only the sum shows; the
forecast of the whole, the one that was judged, says how much, and theirs how it splits (top-down by forecast
proportions: Athanasopoulos, Ahmed and Hyndman, "Hierarchical forecasts for Australian domestic tourism", International
Journal of Forecasting 25, 2009).

The whole is raised before it is forecast by what its places missed for want of stock: no count says of several places
together that the item was out, and a whole that takes a place's empty days for a lack of demand would scale all places
down to it.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from jobs.demand.forecasts import Forecast
from jobs.demand.history import WHOLE, History, filled, sales


def raised(history: History) -> History:
    """The history in which items as wholes count what their places (of those that it has) would have sold on days on
    which stock had run out there, by the eight weeks before. A day on which it had at each of them, and nothing was
    sold elsewhere, could not be seen. What an earlier origin knew is the same as if it were raised on its own."""
    item, is_place = pd.factorize(history.ids)[0], history.locations != WHOLE
    if not is_place.any():
        return history
    whole_of = np.full(item.max() + 1, -1)
    whole_of[item[~is_place]] = np.flatnonzero(~is_place)
    rows = np.flatnonzero(is_place & (whole_of[item] >= 0))
    at, places = whole_of[item[rows]], history.of(rows)
    units, lines = history.units.copy(), history.lines.copy()
    for wholes, own in ((units, places.units), (lines, places.lines)):
        np.add.at(wholes, at, (filled(places, own, looks_ahead=False) - own).astype(own.dtype))
    is_out, is_seen = np.zeros(units.shape, bool), np.zeros(units.shape, bool)
    np.logical_or.at(is_out, at, places.out_of_stock())
    np.logical_or.at(is_seen, at, places.observed)
    observed = history.observed & ~(is_out & ~is_seen & (history.units == 0))
    return replace(history, units=units, lines=lines, observed=observed, last=sales(units)[1])


def reconciled(found: Forecast, ids: np.ndarray, locations: np.ndarray) -> Forecast:
    """The forecasts (series, period) of items (``ids``) at places and as wholes (:data:`WHOLE`), whose places' means
    add up to the whole's in each period. Quantiles of a place move by the same factor; those that are whole pieces stay
    whole. A period on which no place expects anything is split as all periods together are, else evenly."""
    item = pd.factorize(ids)[0]
    is_place = locations != WHOLE
    if not is_place.any():
        return found
    items, horizon = item.max() + 1, found.mean.shape[1]
    whole, summed = np.full((items, horizon), np.nan), np.zeros((items, horizon))
    whole[item[~is_place]] = found.mean[~is_place]
    np.add.at(summed, item[is_place], found.mean[is_place])
    places = np.bincount(item[is_place], minlength=items)
    here = item[is_place]
    mean, total = found.mean[is_place], summed.sum(axis=1)
    even = 1.0 / np.maximum(places, 1)[here]
    usual = np.divide(mean.sum(axis=1), total[here], out=even, where=total[here] > 0)
    share = np.divide(mean, summed[here], out=np.repeat(usual[:, None], horizon, axis=1), where=summed[here] > 0)
    told = np.where(np.isnan(whole[here]), mean, share * whole[here])
    factor = np.divide(told, mean, out=np.ones_like(mean), where=mean > 0)[:, :, None]
    before = found.quantiles[is_place]
    moved = before * factor
    is_whole = (before == np.round(before)).all(axis=2, keepdims=True)
    quantiles, means = found.quantiles.copy(), found.mean.copy()
    quantiles[is_place], means[is_place] = np.where(is_whole, np.round(moved), moved), told
    return Forecast(quantiles, means)
