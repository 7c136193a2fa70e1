"""Rolling origins: what every method would have said on earlier days, beside what came.

The boosted model is learnt, and past launches are collected, at each origin from what was known there, as training
does: a model of the oldest origin would be judged when it is up to eight weeks older than what is served, and kept out
by methods that learn nothing. Networks, which take minutes, are learnt once, as of the oldest origin, and forecast from
each with what was known there. None saw anything of what it is judged on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from jobs.demand import boosted, launches, metrics, networks
from jobs.demand.boosted import BoostedParams
from jobs.demand.forecasts import Forecast
from jobs.demand.history import History
from jobs.demand.methods import BASELINE, Forecasts, Learnt, parts
from jobs.demand.networks import NetworkParams
from jobs.demand.segments import SEGMENTS, segments

CANDIDATES: dict[str, tuple[str, ...]] = {
    "dense": ("ewq", "boosted", "ewq+boosted", "nhits", "tft", "ewq+boosted+nhits", "ewq+boosted+tft"),
    "sparse": ("lines", "ewq", "boosted", "ewq+boosted", "tsb", "adida", "imapa", "croston"),
    "new": ("launches", "lines", "ewq", "boosted"),
    "seasonal": ("zero",),
    "ended": ("zero", "lines"),
}
WITH_A_YEAR = ("seasonal", "growing", "boosted/growing", "boosted+growing", "boosted+seasonal", "ewq+boosted+growing")
LEARNT_ANEW = {"boosted", "launches"}  # at each origin
AT_MOST = {"dense": 1500, "sparse": 600, "new": 600, "seasonal": 300, "ended": 300}


@dataclass(frozen=True)
class BacktestParams:
    """``origins`` are a horizon apart, the newest a horizon before the night; each has ``least_days`` of history."""

    origins: int = 3
    least_days: int = 84
    boosted: BoostedParams = field(default_factory=BoostedParams)
    networks: NetworkParams = field(default_factory=NetworkParams)


@dataclass(frozen=True)
class Case:
    """One segment at one origin (``past`` periods known): its history of then, what came, every method's forecast and
    its figures by item."""

    past: int
    segment: str
    then: History
    true: metrics.Truth
    forecasts: dict[str, Forecast]
    figures: dict[str, pd.DataFrame]


def origins(history: History, params: BacktestParams) -> list[int]:
    """Numbers of periods known at each origin, the newest first."""
    horizon, least = history.calendar.horizon, history.calendar.periods(params.least_days)
    found = [history.calendar.past - horizon * (k + 1) for k in range(params.origins)]
    return [past for past in found if past >= least]


def backtest(
    history: History, params: BacktestParams, threads: int, log: Callable[[str], None] = lambda text: None
) -> list[Case]:
    """All cases, the newest origin first; none where the history is too short."""
    pasts = origins(history, params)
    if not pasts:
        return []
    slow = networks.fit(history.at(pasts[-1]), params.networks, threads)
    found: list[Case] = []
    for past in pasts:
        learnt = replace(learn(history.at(past), params, threads, LEARNT_ANEW), networks=slow)
        log(f"learnt as of {history.calendar.days[past - 1]}: {', '.join(sorted(learnt.methods()))}")
        found += _of_origin(history, past, learnt)
    log("judged on " + ", ".join(str(history.calendar.days[past - 1]) for past in pasts))
    return found


def learn(history: History, params: BacktestParams, threads: int, wanted: set[str] | None = None) -> Learnt:
    """All that can be learnt from a history, or what the methods ``wanted`` need of it."""
    needed = set().union(*map(parts, wanted)) if wanted is not None else None
    needs_networks = needed is None or bool(needed & set(networks.NAMES))
    return Learnt(
        boosted.fit(history, params.boosted, threads),
        launches.library(history),
        networks.fit(history, params.networks, threads) if needs_networks else None,
    )


def candidates(segment: str, then: History, learnt: Learnt) -> list[str]:
    """The methods that a segment chooses among, the baseline first."""
    names = [BASELINE, *CANDIDATES[segment]]
    if then.knows_last_year and segment in ("dense", "sparse", "seasonal"):
        names += WITH_A_YEAR
    known = learnt.methods()
    return [name for name in names if parts(name) <= known]


def _of_origin(history: History, past: int, learnt: Learnt) -> Iterator[Case]:
    then = history.at(past)
    kind = segments(then)
    for segment in SEGMENTS:
        # Items that were not there yet had no forecast; of the others the busiest bound the work.
        rows = np.flatnonzero((kind == segment) & (then.last >= 0))
        if len(rows) > AT_MOST[segment]:
            busiest = rows[np.argsort(-then.units[rows, -then.calendar.periods(180) :].sum(axis=1), kind="stable")]
            rows = np.sort(busiest[: AT_MOST[segment]])
        if not len(rows):
            continue
        part, true = then.of(rows), metrics.truth(history.of(rows), past, then.calendar.horizon)
        made = Forecasts(part, learnt)
        forecasts = {name: made.of(name) for name in candidates(segment, then, learnt)}
        figures = {name: metrics.per_item(forecast, true) for name, forecast in forecasts.items()}
        yield Case(past, segment, part, true, forecasts, figures)
