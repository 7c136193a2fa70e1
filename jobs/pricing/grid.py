"""A category's panel as arrays of items × weeks, with what else moves demand beside the own price.

Everything is in logs and centred by item over the weeks observed, so that a column says "dearer than usual".
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

YEAR_WEEKS = 365.25 / 7
COST_LAG = 4
STICKY_CHANGES_A_YEAR = 3
# No term says that a promotion ran: beside the price paid it took what promotions teach of prices (measured: the share
# of the oracle's gain fell from .56 to .49 over two seeds of jobs.store.pricing_world, elasticities came out flatter).
CONTROLS = ("feature", "dip", "competitor", "nest", "rest", "sine", "cosine")


@dataclass(frozen=True)
class Grid:
    """One category. Arrays are items × weeks; ``is_seen`` is False where the panel has no row.

    ``x`` is the centred log price paid, ``regular`` the same without promotions; ``controls`` items × weeks × one of
    ``CONTROLS``; ``log_price`` (items) is what was taken off. ``cost`` (centred logs) and ``margin`` (items: the mean
    share of the price, less the category's mean of it) are None where no cost is known.
    """

    item_id: np.ndarray
    nest: np.ndarray
    weeks: pd.DatetimeIndex
    units: np.ndarray
    is_seen: np.ndarray
    is_stockout: np.ndarray
    x: np.ndarray
    regular: np.ndarray
    log_price: np.ndarray
    controls: np.ndarray
    cost: np.ndarray | None
    margin: np.ndarray | None

    @property
    def depth(self) -> np.ndarray:
        """How far a promotion lies below the regular price, in logs, ≥ 0."""
        return np.maximum(self.regular - self.x, 0.0)

    @property
    def mean_units(self) -> np.ndarray:
        """Mean units of the weeks seen, by item."""
        return (self.units * self.is_seen).sum(axis=1) / np.maximum(self.is_seen.sum(axis=1), 1)


def grid(rows: pd.DataFrame, weeks: pd.DatetimeIndex) -> Grid:
    """The arrays of one category's rows of the panel over all weeks of the store."""
    item_id, item = np.unique(rows["item_id"].to_numpy(str), return_inverse=True)
    week = weeks.get_indexer(pd.DatetimeIndex(rows["week"]))
    size = (len(item_id), len(weeks))

    def spread(column: str, empty: float = np.nan) -> np.ndarray:
        out = np.full(size, empty)
        out[item, week] = rows[column].to_numpy(dtype=float, na_value=np.nan)
        return out

    log_price, is_promotion = np.log(spread("price")), spread("is_promotion", 0.0) > 0
    is_seen = ~np.isnan(log_price)
    regular = _held(np.where(is_promotion, np.nan, log_price), log_price)
    centre = _mean(log_price, is_seen)
    x, regular = _off(log_price, centre), _off(regular, centre)
    nest = np.full(len(item_id), "", dtype=object)
    nest[item] = rows["nest"].fillna("").to_numpy(str)
    units = np.nan_to_num(spread("units"))
    cost, margin = _costs(spread("cost"), log_price)
    with np.errstate(divide="ignore", invalid="ignore"):
        competitor = _off(*_centred(np.log(spread("competitor_price"))))
    depth = np.maximum(regular - x, 0) * is_promotion
    rate = (units * is_seen).sum(axis=1) / np.maximum(is_seen.sum(axis=1), 1)
    mates, rest = neighbours(x, nest, rate)
    angle = 2 * np.pi * ((weeks - weeks[0]).days.to_numpy() / 7) / YEAR_WEEKS
    columns = (
        spread("is_featured", 0.0), np.pad(depth, ((0, 0), (1, 0)))[:, :-1], competitor, mates, rest,
        np.broadcast_to(np.sin(angle), size), np.broadcast_to(np.cos(angle), size),
    )  # fmt: skip
    return Grid(
        item_id=item_id,
        nest=nest.astype(str),
        weeks=weeks,
        units=units,
        is_seen=is_seen,
        is_stockout=spread("is_stockout", 0.0) > 0,
        x=x,
        regular=np.where(is_promotion, regular, x),
        log_price=centre,
        controls=np.stack(columns, axis=2),
        cost=cost,
        margin=margin,
    )


def _costs(cost: np.ndarray, log_price: np.ndarray) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Centred log costs, and items' mean margins about the category's; an item without costs is taken for usual."""
    log_cost = np.log(np.where(cost > 0, cost, np.nan))
    if np.isnan(log_cost).all():
        return None, None
    values, centre = _centred(log_cost)
    is_both = ~np.isnan(values) & ~np.isnan(log_price)
    margin = _mean(1 - np.exp(np.clip(values - log_price, None, 0)), is_both)
    usual = margin[is_both.any(axis=1)].mean() if is_both.any() else 0.0
    return _off(values, centre), np.where(is_both.any(axis=1), margin - usual, 0.0)


def neighbours(values: np.ndarray, nest: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weighted means of ``values`` (items × anything) over the other items of the nest, and over those outside it.

    An item without a nest has no mates: all others are the rest. 0 where there is nobody.
    """
    weight = np.maximum(weight, 1e-6)[:, None]
    held = weight * values
    _, group = np.unique(nest, return_inverse=True)
    weights, sums = np.zeros((group.max() + 1, 1)), np.zeros((group.max() + 1, values.shape[1]))
    np.add.at(weights, group, weight)
    np.add.at(sums, group, held)
    has_nest = (nest != "")[:, None]
    mates = np.where(has_nest, sums[group] - held, 0), np.where(has_nest, weights[group] - weight, 0)
    rest = held.sum(axis=0) - held - mates[0], weight.sum() - weight - mates[1]
    return _ratio(*mates), _ratio(*rest)


def is_sticky(grid: Grid) -> np.ndarray:
    """Items whose regular price hardly ever moves."""
    changes = (np.abs(np.diff(grid.regular, axis=1)) > 0.005).sum(axis=1)
    return changes < STICKY_CHANGES_A_YEAR * grid.x.shape[1] / YEAR_WEEKS


def _ratio(total: np.ndarray, weight: np.ndarray) -> np.ndarray:
    return np.where(weight > 1e-9, total / np.where(weight > 1e-9, weight, 1), 0.0)


def _mean(values: np.ndarray, is_known: np.ndarray) -> np.ndarray:
    return np.where(is_known, values, 0).sum(axis=1) / np.maximum(is_known.sum(axis=1), 1)


def _centred(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    values = np.where(np.isfinite(values), values, np.nan)
    return values, _mean(values, ~np.isnan(values))


def _off(values: np.ndarray, centre: np.ndarray) -> np.ndarray:
    """Values less their item's centre; 0, "as usual", where nothing is known."""
    return np.nan_to_num(values - centre[:, None])


def _held(values: np.ndarray, otherwise: np.ndarray) -> np.ndarray:
    """The last known value carried forward, else ``otherwise``."""
    frame = pd.DataFrame(values.T)
    return np.where(np.isnan(values), frame.ffill().fillna(pd.DataFrame(otherwise.T)).to_numpy().T, values)
