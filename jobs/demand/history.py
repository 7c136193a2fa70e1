"""From the long frame of item-days to dense arrays: what was wanted of each item, and on which days that could be seen.

A day without a sale is a zero only while the item was on sale, the store open and stock there; other days are no
observations. What was taken back on the day it was ordered was never wanted (in Online Retail 80,995 paper birds for
twelve minutes). A one-off bulk order is marked (:func:`bulk`; the boosted model sees how much of an item's sales were
such) and counts as the item's usual big day (:func:`capped`; :func:`jobs.demand.ewq.ewq` keeps a share of what is
beyond), so that it neither vanishes from the mean nor sets it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from jobs.demand.calendar import NEVER, Calendar
from jobs.demand.list_prices import ListPrices, list_prices
from jobs.demand.promotions import Promotions, promotions

WHOLE = "all"  # the store as a whole
BULK_QUANTILE = 0.95
BULK_TIMES = 3.0
NEAR_WEEKS = 4
MIN_SALES = 5  # with fewer days of sales there is no usual big day
LONG = ("item_id", "location_id", "day", "units", "withdrawn", "lines", "revenue", "on_hand")


@dataclass(frozen=True)
class History:
    """Arrays (item, period): ``units`` wanted, ``lines``, ``price`` (mean paid, NaN without a sale), ``observed``.
    ``first`` is the period from which an item was on sale (its first sale, or the catalogue's day if that is earlier; 0
    for what never sold and has no known launch), ``last`` that of its last sale; from ``begins`` to before ``ends`` the
    catalogue says that it can be bought, as far as no sale proves otherwise. ``titles``, ``categories`` ("" without
    one) and ``ended`` the catalogue's, ``promotions`` and ``list_prices`` what was ever known of them and when."""

    ids: np.ndarray
    locations: np.ndarray
    units: np.ndarray
    lines: np.ndarray
    price: np.ndarray
    observed: np.ndarray
    first: np.ndarray
    last: np.ndarray
    begins: np.ndarray
    ends: np.ndarray
    titles: np.ndarray
    categories: np.ndarray
    ended: np.ndarray
    promotions: Promotions
    list_prices: ListPrices
    calendar: Calendar

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def promoted(self) -> np.ndarray:
        """Whether an item was or will be promoted (item, period and horizon), as far as it is known by now."""
        return self.promotions.seen(len(self), np.full(len(self.calendar.days), self.calendar.past))

    @property
    def promotion_depth(self) -> np.ndarray:
        """How much the deepest of the ``promoted`` takes off, a share of the price; 0 for what is only shown more."""
        return self.promotions.depths(len(self), np.full(len(self.calendar.days), self.calendar.past))

    @property
    def planned_price_change(self) -> np.ndarray:
        """Logarithm of the list price planned for each period to come over the one in force by now (item, period to
        come), as far as it is known by now; 0 where none is."""
        return self.list_prices.changes(len(self), self.calendar.past, self.calendar.horizon)

    @property
    def knows_last_year(self) -> bool:
        """Whether there is a year to look back on, and eight weeks before it to compare with."""
        return self.calendar.past >= self._year_and_weeks

    @property
    def had_last_year(self) -> np.ndarray:
        """Whether each item was on sale a year ago and in the eight weeks before: else last year says nothing of it."""
        return self.first <= self.calendar.past - self._year_and_weeks

    @property
    def _year_and_weeks(self) -> int:
        return self.calendar.year + self.calendar.periods(56)

    def at(self, past: int, horizon: int | None = None) -> History:
        """As it was known when ``past`` periods were; items that had not sold yet have ``first`` = ``past``."""
        calendar = self.calendar.at(past, horizon)
        cut = {name: getattr(self, name)[:, :past] for name in ("units", "lines", "price", "observed")}
        return replace(
            self,
            **cut,
            first=np.minimum(self.first, past),
            last=sales(cut["units"])[1],
            # What the catalogue said by then of days to come is not known.
            begins=np.full(len(self), -1),
            ends=np.full(len(self), NEVER),
            ended=np.zeros(len(self), bool),
            calendar=calendar,
        )

    def of(self, rows: np.ndarray) -> History:
        """Some of the items, by position or mask."""
        of_items = ("ids", "locations", "first", "last", "begins", "ends", "titles", "categories", "ended")
        some = {name: getattr(self, name)[rows] for name in (*of_items, "units", "lines", "price", "observed")}
        told = {name: getattr(self, name).of(rows, len(self)) for name in ("promotions", "list_prices")}
        return replace(self, **some, **told)

    def actual(self, past: int, horizon: int) -> tuple[np.ndarray, np.ndarray]:
        """Units of the ``horizon`` periods after ``past``, and whether each could be seen: closed days are zeros, days
        without stock say nothing."""
        units = self.units[:, past : past + horizon].astype(float)
        closed = ~self.calendar.is_open[past : past + horizon]
        return units, self.observed[:, past : past + horizon] | closed[None, :]

    def on_days(self) -> np.ndarray:
        """Whether the item was on sale: (item, period)."""
        return np.arange(self.units.shape[1])[None, :] >= self.first[:, None]

    def on_sale_ahead(self) -> np.ndarray:
        """Whether the store will be open and the item can be bought: (item, period to come)."""
        past = self.calendar.past
        ahead = np.arange(past, len(self.calendar.days))[None, :]
        return (ahead >= self.begins[:, None]) & (ahead < self.ends[:, None]) & self.calendar.is_open[None, past:]

    def out_of_stock(self) -> np.ndarray:
        """Whether the item was on sale and the store open, but what was wanted could not be seen: (item, period)."""
        return self.on_days() & self.calendar.is_open[: self.calendar.past] & ~self.observed


def history(
    long: pd.DataFrame,
    calendar: Calendar,
    items: pd.DataFrame | None = None,
    campaigns: pd.DataFrame | None = None,
    prices: pd.DataFrame | None = None,
) -> History:
    """Dense arrays of a long frame (:data:`LONG`; ``withdrawn``, ``revenue``, ``on_hand`` may be missing), items sorted
    by id. ``items`` has ``item_id`` and any of ``title``, ``category``, ``available_from``, ``discontinued_on``,
    ``is_ended``; ``campaigns`` as in :func:`jobs.features.campaigns.campaigns`, ``prices`` as in
    :func:`jobs.features.list_prices.list_prices`. Order of rows does not matter; rows outside the calendar do not
    count."""
    long = long.assign(location_id=long.get("location_id", WHOLE))
    keys = _keys(long, items)
    place = _Places(long, keys, calendar)
    sold, revenue = place.dense("units"), place.dense("revenue")
    units = np.maximum(sold - place.dense("withdrawn"), 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        price = np.where((sold > 0) & (revenue > 0), revenue / sold, np.nan).astype(np.float32)
    told = _catalogue(keys, items, calendar)
    first, last = sales(units)
    # What sells before its launch or after its end is on sale, whatever the catalogue says.
    begins = np.where((last >= 0) & (first < told["from"]), -1, told["from"])
    ends = np.where(last >= told["until"], NEVER, told["until"])
    # The catalogue may know of days on sale before the first sale; an item cannot have sold before it was there. One
    # that never sold and that no launch is known of was always there: else it would be launched anew every night.
    unknown = np.where(last < 0, 0, first)
    first = np.where(told["from"] >= 0, np.minimum(first, told["from"]), unknown)
    on_sale = np.arange(calendar.past)[None, :] >= first[:, None]
    stock = place.latest("on_hand")
    return History(
        ids=keys["item_id"].to_numpy(object),
        locations=keys["location_id"].to_numpy(object),
        units=units,
        lines=place.dense("lines"),
        price=price,
        observed=on_sale & calendar.is_open[None, : calendar.past] & ~stocked_out(stock, units),
        first=first,
        last=last,
        begins=begins,
        ends=ends,
        titles=told["title"],
        categories=told["category"],
        ended=told["ended"],
        promotions=promotions(keys, campaigns, calendar),
        list_prices=list_prices(keys, prices, calendar),
        calendar=calendar,
    )


def _keys(long: pd.DataFrame, items: pd.DataFrame | None) -> pd.DataFrame:
    """Item and place of every row of the arrays: what has sold, and what is listed and has not sold yet."""
    found = long[["item_id", "location_id"]]
    if items is not None:
        unsold = items.loc[~items["item_id"].isin(found["item_id"]), ["item_id"]]
        found = pd.concat([found, unsold.assign(location_id=WHOLE)])
    return found.drop_duplicates().sort_values(["item_id", "location_id"])


class _Places:
    """Where the rows of a long frame belong in arrays of (item, period)."""

    def __init__(self, long: pd.DataFrame, keys: pd.DataFrame, calendar: Calendar):
        self.long, self.shape = long, (len(keys), calendar.past)
        self.row = pd.MultiIndex.from_frame(keys).get_indexer(
            pd.MultiIndex.from_frame(long[["item_id", "location_id"]])
        )
        self.span = (long["day"].to_numpy("datetime64[D]") - calendar.days[0]).astype(int) // calendar.period
        self.inside = (self.span >= 0) & (self.span < calendar.past)

    def dense(self, name: str) -> np.ndarray:
        """A column's sums."""
        found = np.zeros(self.shape)
        at, values, _ = self._told(name)
        np.add.at(found, at, values)
        return found.astype(np.float32)

    def latest(self, name: str) -> np.ndarray:
        """A column's last value in each period (a week may hold several), NaN where no row tells any."""
        found = np.full(self.shape, np.nan, np.float32)
        (row, span), values, day = self._told(name)
        in_time = np.lexsort((values, day))
        found[row[in_time], span[in_time]] = values[in_time]
        return found

    def _told(self, name: str) -> tuple[tuple[np.ndarray, np.ndarray], np.ndarray, np.ndarray]:
        """Where a column tells anything, what, and on which day."""
        has_any = name in self.long
        told = self.inside & (self.long[name].notna().to_numpy() if has_any else False)
        values = self.long[name].to_numpy(float)[told] if has_any else np.zeros(0)
        return (self.row[told], self.span[told]), values, self.long["day"].to_numpy()[told]


def sales(units: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The periods of first and last sale; the number of periods and -1 without any."""
    sold, past = units > 0, units.shape[1]
    ever = sold.any(axis=1)
    first = np.where(ever, np.argmax(sold, axis=1), past)
    return first, np.where(ever, past - 1 - np.argmax(sold[:, ::-1], axis=1), -1)


def stocked_out(on_hand: np.ndarray, units: np.ndarray) -> np.ndarray:
    """Days (item, period) on which stock ran out or had run out: counted at the close, carried on until the next
    count or sale. Negative stock is none. A day with a sale and stock left over at its close was seen whole."""
    latest, sold = _latest(~np.isnan(on_hand)), _latest(units > 0)
    carried = np.take_along_axis(on_hand, np.maximum(latest, 0), axis=1)
    # A sale after the last count proves that there was stock again, and nothing that it ran out since: were its day
    # alone seen, an item that is counted no more would show its sales and none of its zeros.
    return (latest >= 0) & (carried <= 0) & (sold <= latest)


def _latest(told: np.ndarray) -> np.ndarray:
    """The last period up to each (item, period) that is ``told``; -1 before the first."""
    return np.maximum.accumulate(np.where(told, np.arange(told.shape[1])[None, :], -1), axis=1)


def filled(history: History, values: np.ndarray, looks_ahead: bool = True) -> np.ndarray:
    """``values`` (item, period) in which a day without stock counts at least as the mean of the item's observed days of
    the same weekday within four weeks; as it was where there is none. Unless it ``looks_ahead`` the eight weeks before
    count instead, and no value depends on later ones."""
    hidden = history.out_of_stock()
    rows = np.flatnonzero(hidden.any(axis=1))
    seen, week, past = history.observed[rows], max(1, 7 // history.calendar.period), hidden.shape[1]
    told, total, count = values[rows] * seen, np.zeros(seen.shape), np.zeros(seen.shape)
    for shift in week * np.arange(1, (1 if looks_ahead else 2) * NEAR_WEEKS + 1):
        before = (slice(shift, past), slice(0, -shift))
        for here, there in (before, before[::-1]) if looks_ahead else (before,):
            total[:, here] += told[:, there]
            count[:, here] += seen[:, there]
    near = np.divide(total, count, out=np.zeros(seen.shape), where=count > 0)
    found = values.astype(float)
    found[rows] = np.where(hidden[rows], np.maximum(found[rows], near), found[rows])
    return found


def big_day(units: np.ndarray) -> np.ndarray:
    """The usual big day of each item (item, period): the 95th percentile of its days with a sale, infinite where it has
    too few of them."""
    found = np.full(len(units), np.inf)
    enough = (units > 0).sum(axis=1) >= MIN_SALES
    if enough.any():
        sold = np.where(units[enough] > 0, units[enough], np.nan)
        found[enough] = np.nanquantile(sold, BULK_QUANTILE, axis=1)
    return found


def capped(units: np.ndarray) -> np.ndarray:
    """Units with each day at most the item's usual big day."""
    return np.minimum(units, big_day(units)[:, None])


def bulk(units: np.ndarray) -> np.ndarray:
    """Marks one-off bulk orders: days of more than three usual big days."""
    return units > BULK_TIMES * big_day(units)[:, None]


def _catalogue(keys: pd.DataFrame, items: pd.DataFrame | None, calendar: Calendar) -> dict[str, np.ndarray]:
    known = items.drop_duplicates("item_id").set_index("item_id") if items is not None else pd.DataFrame()
    known = known.reindex(keys["item_id"])

    def column(name: str) -> pd.Series:
        return known[name] if name in known else pd.Series(None, known.index, dtype=object)

    since = pd.to_datetime(column("available_from")).to_numpy("datetime64[D]")
    span = (since - calendar.days[0]).astype(float)
    # Days before the store's own history are not known to have been on sale.
    starts = np.where(np.isnat(since) | (span < 0), -1, span // calendar.period).astype(int)
    # A week counts until no day of it is left.
    last_days = pd.to_datetime(column("discontinued_on")) + pd.Timedelta(days=calendar.period - 1)
    ended = column("is_ended").eq(True).to_numpy(bool)
    words = {name: column(name).fillna("").to_numpy(object) for name in ("title", "category")}
    return {**words, "from": starts, "until": calendar.period_of(last_days), "ended": ended}
