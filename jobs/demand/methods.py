"""Every model by name, behind one signature: a history and what was learnt in, quantiles and means out.

A name with a plus is the mean of its parts' quantiles. Whatever is chosen, a boosted mean is averaged with another's:
the two err apart. That is the exponentially weighted level, which knows no seasons, or what stands after a slash.
Whatever is chosen, parts that repeat last year are left out for an item that was not on sale then.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd

from jobs.demand import boosted, launches, naive, sparse
from jobs.demand.boosted import Boosted
from jobs.demand.calendar import Calendar
from jobs.demand.ewq import ewq
from jobs.demand.forecasts import Forecast, long_frame
from jobs.demand.history import History, history
from jobs.demand.launches import Library
from jobs.demand.networks import Networks
from jobs.demand.segments import ENDED_DAYS

BASELINE = "weekday"
PLAIN: dict[str, Callable[[History], Forecast]] = {
    BASELINE: naive.weekday_quantiles,
    "seasonal": naive.seasonal,
    "growing": naive.growing,
    "ewq": ewq,
    "lines": sparse.lines,
    "zero": sparse.zero,
    **{name: partial(sparse.intermittent, model=name) for name in sparse.MODELS},
}
CENTRES = {"boosted": "ewq", "ewq+boosted": "ewq"}
LAST_YEARS = ("seasonal", "growing")


def parts(method: str) -> set[str]:
    """The models that a method is made of."""
    return set(re.split("[+/]", method))


def without_last_year(method: str) -> str:
    """What is left of a method for an item that has no last year."""
    names = [name for name in method.partition("/")[0].split("+") if name not in LAST_YEARS]
    return "+".join(names) or "ewq"


@dataclass(frozen=True)
class Learnt:
    """What models learnt from a history; None where there was too little to learn from."""

    boosted: Boosted | None = None
    library: Library | None = None
    networks: Networks | None = None

    def methods(self) -> set[str]:
        """The names that can be forecast with."""
        names = set(PLAIN)
        if self.boosted is not None:
            names.add("boosted")
        if self.library is not None:
            names.add("launches")
        if self.networks is not None:
            names |= set(self.networks.names)
        return names


class Forecasts:
    """The forecasts of one history by method, each made once."""

    def __init__(self, of: History, learnt: Learnt):
        self.history, self.learnt = of, learnt
        self._made: dict[str, Forecast] = {}

    def of(self, method: str) -> Forecast:
        """The forecast of a method; a plus means the mean of several, a slash stands before what the boosted mean is
        averaged with. Raises KeyError for an unknown name."""
        if method not in self._made:
            found = self._averaged(method)
            lacking = self._lacks_last_year() if parts(method) & set(LAST_YEARS) else np.zeros(len(self.history), bool)
            if lacking.any():
                instead = self.of(without_last_year(method)).of(lacking)
                found.quantiles[lacking], found.mean[lacking] = instead.quantiles, instead.mean
            self._made[method] = found
        return self._made[method]

    def _averaged(self, method: str) -> Forecast:
        names, _, told = method.partition("/")
        made = [self._one(name) for name in names.split("+")]
        quantiles = np.mean([part.quantiles for part in made], axis=0)
        mean = np.mean([part.mean for part in made], axis=0)
        if centre := told or CENTRES.get(method):
            mean = (self._one(centre).mean + self._one("boosted").mean) / 2
        return Forecast(quantiles, mean)

    def _lacks_last_year(self) -> np.ndarray:
        """Items that last year is no guide to, although the store has one. An item that is idle may have had no other
        days than last year's: its season."""
        of = self.history
        is_selling = of.calendar.past - 1 - of.last < of.calendar.periods(ENDED_DAYS)
        return of.knows_last_year & is_selling & ~of.had_last_year

    def _one(self, name: str) -> Forecast:
        key = f"{name} alone"
        if key not in self._made:
            self._made[key] = self._make(name)
        return self._made[key]

    def _make(self, name: str) -> Forecast:
        if name in PLAIN:
            return PLAIN[name](self.history)
        if name == "boosted" and self.learnt.boosted is not None:
            return boosted.forecast(self.history, self.learnt.boosted)
        if name == "launches" and self.learnt.library is not None:
            return launches.launches(self.history, self.learnt.library)
        if self.learnt.networks is not None and name in self.learnt.networks.names:
            return self.learnt.networks.forecast(self.history, name)
        raise KeyError(f"no forecast is made by {name!r}: it was not learnt")


def by_segment(of: History, learnt: Learnt, segment: np.ndarray, choice: dict[str, str]) -> tuple[Forecast, np.ndarray]:
    """The chosen method's forecast of each item, and the method's name by item."""
    shape = (len(of), of.calendar.horizon)
    whole = Forecast(np.zeros((*shape, 7)), np.zeros(shape))
    method = np.full(len(of), "zero", object)
    for name in sorted(set(segment)):
        rows = np.flatnonzero(segment == name)
        found = Forecasts(of.of(rows), learnt).of(choice[name])
        whole.quantiles[rows], whole.mean[rows] = found.quantiles, found.mean
        method[rows] = choice[name]
    return whole, method


def forecast(long: pd.DataFrame, calendar: Calendar, learnt: Learnt, method: str) -> pd.DataFrame:
    """Any method on a long frame: the published columns, one row an item and period to come."""
    dense = history(long, calendar)
    return long_frame(Forecasts(dense, learnt).of(method), dense, method)
