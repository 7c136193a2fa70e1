"""Which method serves which segment: chosen on the older origins, admitted on the newest, in words.

The gate: a method that does not beat the segment's baseline (weekday quantiles for what sells regularly) by pinball
loss on the newest origin, with the whole 95% interval of a bootstrap over items, is not served, nor one that is behind
it there by all measures together: good quantiles beside a mean that one order of a new item has blown up. The three
best of the older origins may try: one that is ahead by chance does not keep out another that surely is. Of those that
pass the best on all origins together is served, where one model alone counts as :data:`ALONE` worse than it was: which
of an average's parts is a little ahead of it changes from month to month (Clemen, "Combining forecasts: a review and
annotated bibliography", 1989), and on Online Retail's windows of June to September 2011 the average of exponentially
weighted and boosted quantiles erred less than the former alone on three of four, and as much on the fourth.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from jobs.demand import metrics
from jobs.demand.backtest import Case
from jobs.demand.methods import BASELINE, parts
from jobs.demand.segments import SEGMENTS
from jobs.lib import intervals, registry
from jobs.lib.intervals import Interval

MEASURES = ("wape", "pinball", "total_wape")
# What is served without proof, and what must be beaten. A new item has no weekdays of its own yet: its rate of order
# lines stands in; one that is no longer sold is expected to sell nothing, one whose season begins what it sold in it.
BASELINES = {"dense": BASELINE, "sparse": BASELINE, "new": "lines", "seasonal": "seasonal", "ended": "zero"}
FEWEST = 10
SCALED = 0.9  # share of the items that must have a scale for losses to be scaled: else the youngest would not count
TRIED = 3
ALONE = 0.01  # of the baseline's loss
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

    @property
    def has_passed(self) -> bool:
        """Whether a method that had to prove itself is served, and not the baseline."""
        return self.serves != BASELINES[self.segment]


def chosen(cases: list[Case], seed: int = SEED) -> dict[str, Gate]:
    """A gate for every segment."""
    return {segment: _gate(segment, [c for c in cases if c.segment == segment], seed) for segment in SEGMENTS}


def learnable(gates: dict[str, Gate], cases: list[Case], known: set[str], seed: int = SEED) -> dict[str, Gate]:
    """The gates, chosen again among the methods ``known`` tonight where one serves what is not: after its season a
    store may sell too few items to learn again what the origins had enough for."""
    found = dict(gates)
    for segment, gate in gates.items():
        if not parts(gate.serves) <= known:
            left = [_within(case, known) for case in cases if case.segment == segment]
            again = _gate(segment, left, seed)
            found[segment] = replace(again, reason=f"{again.reason}; too little is there to learn {gate.serves} now")
    return found


def _within(case: Case, known: set[str]) -> Case:
    return replace(case, figures={name: each for name, each in case.figures.items() if parts(name) <= known})


def score(figures: dict[str, pd.DataFrame], baseline: str) -> dict[str, float]:
    """Method → mean of its WAPE, scaled pinball and total WAPE over those of the baseline; lower is better."""
    told = {name: metrics.figures(each) for name, each in figures.items()}
    base = told[baseline]
    usable = [name for name in MEASURES if np.isfinite(base[name]) and base[name] > 0]
    return {
        name: float(np.mean([each[name] / base[name] for name in usable])) if usable else 1.0
        for name, each in told.items()
    }


def pooled(cases: list[Case], names: tuple[str, ...]) -> dict[str, pd.DataFrame]:
    """The figures of some methods, of several origins as if of one."""
    return {name: pd.concat([case.figures[name] for case in cases], ignore_index=True) for name in names}


def judges(method: str, cases: list[Case]) -> list[Case]:
    """The origins that a method is chosen on: those before the newest that know it. A store's first year has just
    passed where only the newest does: what looks back on it would else be no candidate for half a year more."""
    return [case for case in cases[1:] if method in case.figures] or cases[:1]


def against(ours: pd.DataFrame, theirs: pd.DataFrame, seed: int) -> Interval:
    """Pinball loss of one method over another's on the same items; scaled where nearly all have a scale."""
    column = "scaled_pinball" if ours["scaled"].notna().mean() >= SCALED else "total_pinball"
    both = pd.DataFrame({"ours": ours[column], "theirs": theirs[column]})
    return intervals.resampled(both, seed).ratio("ours", "theirs")


def _gate(segment: str, cases: list[Case], seed: int) -> Gate:
    base = BASELINES[segment]
    if not cases:
        return Gate(segment, base, f"{base}: history too short, or no such item, to be judged on")
    newest = cases[0]
    told = {name: score(pooled(judges(name, cases), (base, name)), base)[name] for name in newest.figures}
    worth = {name: told[name] + _handicap(name) for name in told}
    tried = sorted((name for name in told if told[name] < told[base]), key=lambda name: (worth[name], name))[:TRIED]
    items = len(newest.true.units)
    if not tried or items < FEWEST:
        why = f"only {items} items to judge others on" if tried else "nothing did better on earlier origins"
        return Gate(segment, base, f"{base}: {why}", items=items)
    ratios = {name: against(newest.figures[name], newest.figures[base], seed) for name in tried}
    whole = score({name: newest.figures[name] for name in (base, *tried)}, base)
    ahead = [name for name in tried if ratios[name].high < 1.0 and whole[name] < whole[base]]
    best = min(ahead, key=lambda name: _on_all(name, cases, base) + _handicap(name), default=tried[0])
    is_better = bool(ahead)
    found = ratios[best]
    verb = "beats" if found.high < 1.0 else "does not beat"
    chosen_on = judges(best, cases)
    origins = f"{len(chosen_on)} earlier origins" if chosen_on[0] is not newest else "1 origin, the same"
    reason = (
        f"pinball of {best} {verb} that of {base} (ratio {found.value:.3f}, 95% {found.low:.3f} to {found.high:.3f}) "
        f"on {items:,} items after {newest.then.calendar.days[newest.past - 1]}; chosen on {origins}"
    )
    if found.high < 1.0 and not is_better:
        reason += f"; its errors of days and totals together do not (ratio {whole[best]:.3f})"
    return Gate(segment, best if is_better else base, reason, found.value, found.low, found.high, items)


def _handicap(method: str) -> float:
    return 0.0 if "+" in method else ALONE


def _on_all(method: str, cases: list[Case], base: str) -> float:
    """The score of a method on all origins that know it."""
    known = [case for case in cases if method in case.figures]
    return score(pooled(known, (base, method)), base)[method]


def verdict(gates: dict[str, Gate]) -> dict[str, Any]:
    """What the registry keeps of the gates."""
    return {segment: registry.gate_said(gate.serves, gate.has_passed, gate.reason) for segment, gate in gates.items()}


def plain(gates: dict[str, Gate]) -> dict[str, dict]:
    """Gates as JSON keeps them."""
    return {segment: asdict(gate) for segment, gate in gates.items()}
