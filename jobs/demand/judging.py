"""The evaluation as rows: segment × method × measure on the newest origin, with intervals."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from jobs.demand import calibration, inventory, metrics, totals
from jobs.demand.backtest import Case
from jobs.demand.choosing import BASELINES, SEED, Gate, against
from jobs.demand.evaluation import COLUMNS, COST
from jobs.demand.forecasts import LEVELS, Forecast
from jobs.demand.history import WHOLE
from jobs.demand.inventory import FORESIGHT, OURS, USUAL, Setting
from jobs.demand.model import DAYS
from jobs.demand.paths import keys_of
from jobs.lib import intervals
from jobs.lib.intervals import Interval

DIGITS = 6
MOST_MISSED = 20
STOCKED = 150  # items of a segment that policies are tried on
LOW, HIGH = LEVELS.index(0.1), LEVELS.index(0.9)


def rows(cases: list[Case], gates: dict[str, Gate]) -> pd.DataFrame:
    """All figures (:data:`jobs.demand.evaluation.COLUMNS`) on each segment's newest origin. Coverage of totals is that
    of the served method, once as sampled and once with the correction learnt on the older origins alone; so is the cost
    in the stockroom, which stands beside those of other policies under their names."""
    newest = {case.segment: case for case in reversed(cases)}
    found: list[tuple] = []
    for segment, case in newest.items():
        day = str(case.then.calendar.days[case.past - 1])
        for method, each in case.figures.items():
            served = method == gates[segment].serves
            for measure, value, low, high, count in _figures(each, case.figures[BASELINES[segment]]):
                found.append((segment, method, measure, value, low, high, count, served, day))
        older = [other for other in cases if other.segment == segment and other.past != case.past]
        serves = gates[segment].serves
        told = _learnt(older, gates[segment])
        days = totals.corrected(case.forecasts[serves].quantiles, told.get(DAYS, np.ones(len(LEVELS))))
        for measure, value, count in _coverage(case, serves, told):
            found.append((segment, serves, measure, value, np.nan, np.nan, count, True, day))
        for policy, each in _costs(case, Forecast(days, case.forecasts[serves].mean)):
            by = serves if policy == OURS else policy
            found.append((segment, by, COST, each.value, each.low, each.high, each.cases, policy == OURS, day))
    frame = pd.DataFrame(found, columns=list(COLUMNS))
    return frame.round({"value": DIGITS, "low": DIGITS, "high": DIGITS})


def missed(cases: list[Case], gates: dict[str, Gate]) -> pd.DataFrame:
    """The items (each as a whole) whose served medians missed by most units at the last origin, the worst first:
    ``item_id, units``."""
    last = max(case.past for case in cases)
    judged = [(case, case.then.locations == WHOLE) for case in cases if case.past == last]
    errors = [case.figures[gates[case.segment].serves]["error"].to_numpy()[whole] for case, whole in judged]
    ids = np.concatenate([case.then.ids[whole] for case, whole in judged])
    found = pd.DataFrame({"item_id": ids, "units": np.concatenate(errors)})
    ranked = found.round({"units": DIGITS}).sort_values(["units", "item_id"], ascending=[False, True], kind="stable")
    return ranked.head(MOST_MISSED).reset_index(drop=True)


def _figures(each: pd.DataFrame, baseline: pd.DataFrame) -> Iterator[tuple[str, float, float, float, int]]:
    drawn = intervals.resampled(each, SEED)
    for measure, (above, below) in metrics.RATIOS.items():
        found = drawn.ratio(above, below)
        if np.isfinite(found.value):
            yield measure, found.value, found.low, found.high, found.cases
    ratio = against(each, baseline, SEED)
    if np.isfinite(ratio.value):
        yield "pinball_ratio", ratio.value, ratio.low, ratio.high, ratio.cases


def _learnt(older: list[Case], gate: Gate) -> dict[str, np.ndarray]:
    """What these origins teach to correct of what the segment is served by."""
    known = [other for other in older if gate.serves in other.forecasts]
    told = calibration.calibrated(known, {gate.segment: gate}).factors.get(gate.segment, {})
    return {of: np.array(factors) for of, factors in told.items()}


def _coverage(case: Case, serves: str, told: dict[str, np.ndarray]) -> Iterator[tuple[str, float, int]]:
    none = np.ones(len(LEVELS))
    drawn = calibration.total_quantiles(case, case.forecasts[serves], told.get(DAYS, none))
    for at, days in enumerate(calibration.HORIZON_DAYS):
        true, seen = calibration.sums(case, days)
        for name, factors in (("", told.get(str(days), none)), ("_as_sampled", none)):
            quantiles = totals.corrected(drawn[seen, at], factors)
            share = metrics.total_coverage(quantiles[:, LOW], quantiles[:, HIGH], true[seen])
            if np.isfinite(share):
                yield f"total_cover80_{days}{name}", share, int(seen.sum())


def _costs(case: Case, served: Forecast) -> Iterator[tuple[str, Interval]]:
    """Cost a unit demanded by policy (:mod:`jobs.demand.inventory`), of an even share of the items as wholes all of
    whose days could be seen: what was wanted on others nobody knows."""
    calendar = case.then.calendar
    setting = Setting(calendar.periods(Setting.lead_days), calendar.periods(Setting.recent_days))
    whole = np.flatnonzero((case.then.locations == WHOLE) & case.true.seen.all(axis=1))
    if not len(whole):
        return
    rows = whole[np.linspace(0, len(whole) - 1, min(STOCKED, len(whole))).astype(int)]
    keys = keys_of(case.then.ids[rows], case.then.locations[rows])
    levels, _ = inventory.path_levels(served.quantiles[rows], served.mean[rows], LEVELS, setting, keys)
    each = inventory.compared(case.then.units[rows], case.true.units[rows], levels, setting)
    drawn = intervals.resampled(each, SEED)
    for policy in (OURS, USUAL, FORESIGHT):
        found = drawn.ratio(policy, "demanded")
        if np.isfinite(found.value):
            yield policy, found


def nested(table: pd.DataFrame) -> dict:
    """Segment → method → measure → value, for people to look at."""
    found: dict = {}
    for row in table.itertuples():
        found.setdefault(row.segment, {}).setdefault(row.method, {})[row.measure] = row.value
    return found
