"""Which method serves which segment: chosen on the older origins, admitted on the newest, in words.

The gate: a method that does not beat weekday quantiles by pinball loss on the newest origin, with the whole 95%
interval of a bootstrap over items, is not served.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd

from jobs.demand import metrics
from jobs.demand.backtest import Case
from jobs.demand.methods import BASELINE
from jobs.demand.segments import SEGMENTS
from jobs.lib import intervals
from jobs.lib.intervals import Interval

MEASURES = ("wape", "pinball", "total_wape")
WITHOUT = {"dense": BASELINE, "sparse": BASELINE, "new": BASELINE, "ended": "zero"}
FEWEST = 10
SEED = 13


@dataclass(frozen=True)
class Gate:
    """What a segment is served by, and the sentence that says why."""

    segment: str
    serves: str
    reason: str
    ratio: float | None = None
    low: float | None = None
    high: float | None = None
    items: int = 0


def chosen(cases: list[Case], seed: int = SEED) -> dict[str, Gate]:
    """A gate for every segment."""
    return {segment: _gate(segment, [c for c in cases if c.segment == segment], seed) for segment in SEGMENTS}


def score(figures: dict[str, pd.DataFrame]) -> dict[str, float]:
    """Method → mean of its WAPE, scaled pinball and total WAPE over those of weekday quantiles; lower is better."""
    told = {name: metrics.figures(each) for name, each in figures.items()}
    base = told[BASELINE]
    usable = [name for name in MEASURES if np.isfinite(base[name]) and base[name] > 0]
    return {
        name: float(np.mean([each[name] / base[name] for name in usable])) if usable else 1.0
        for name, each in told.items()
    }


def pooled(cases: list[Case]) -> dict[str, pd.DataFrame]:
    """The figures of several origins as if of one; methods that all of them know."""
    names = [name for name in cases[0].figures if all(name in case.figures for case in cases)]
    return {name: pd.concat([case.figures[name] for case in cases], ignore_index=True) for name in names}


def against(ours: pd.DataFrame, theirs: pd.DataFrame, seed: int) -> Interval:
    """Pinball loss of one method over another's on the same items; scaled where items have a scale."""
    column = "scaled_pinball" if ours["scaled"].sum() >= FEWEST else "total_pinball"
    both = pd.DataFrame({"ours": ours[column], "theirs": theirs[column]})
    return intervals.resampled(both, seed).ratio("ours", "theirs")


def _gate(segment: str, cases: list[Case], seed: int) -> Gate:
    if not cases:
        return Gate(segment, WITHOUT[segment], "history too short, or no such item, to be judged on")
    newest, older = cases[0], cases[1:]
    told = score(pooled(older or [newest]))
    allowed = {name: value for name, value in told.items() if name in newest.figures}
    best = min(allowed, key=lambda name: (allowed[name], name))
    items = len(newest.true.units)
    day = newest.then.calendar.days[newest.past - 1]
    if best == BASELINE or items < FEWEST:
        why = "nothing did better on earlier origins" if best == BASELINE else f"only {items} items to judge on"
        return Gate(segment, WITHOUT[segment], f"{WITHOUT[segment]}: {why}", items=items)
    found = against(newest.figures[best], newest.figures[BASELINE], seed)
    is_better = bool(found.high < 1.0)
    verb = "beats" if is_better else "does not beat"
    reason = (
        f"pinball of {best} {verb} that of weekday quantiles (ratio {found.value:.3f}, 95% {found.low:.3f} to "
        f"{found.high:.3f}) on {items:,} items after {day}; chosen on {len(older) or 1} "
        f"{'earlier origins' if older else 'origin, the same'}"
    )
    serves = best if is_better else WITHOUT[segment]
    return Gate(segment, serves, reason, found.value, found.low, found.high, items)


def plain(gates: dict[str, Gate]) -> dict[str, dict]:
    """Gates as JSON keeps them."""
    return {segment: asdict(gate) for segment, gate in gates.items()}
