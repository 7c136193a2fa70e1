"""How far quantiles of days and totals were off on earlier origins, by segment, what corrects them; how items erred."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from jobs.demand import metrics, totals
from jobs.demand.backtest import Case
from jobs.demand.choosing import Gate
from jobs.demand.forecasts import LEVELS, Forecast
from jobs.demand.history import WHOLE
from jobs.demand.model import DAYS
from jobs.demand.paths import keys_of
from jobs.demand.together import Errors, deviations

HORIZON_DAYS = (7, 14, 28)


@dataclass(frozen=True)
class Calibration:
    """``factors``: segment → days or horizon → a factor per level. ``totals``: of each case what served it, and the
    corrected quantiles (item, horizon, level) of its totals over :data:`HORIZON_DAYS`."""

    factors: dict[str, dict[str, list[float]]]
    totals: list[tuple[Case, Forecast, np.ndarray]]


def calibrated(cases: list[Case], gates: dict[str, Gate]) -> Calibration:
    """What corrects the method served, from what it said at all of these origins, and its totals so corrected."""
    found: dict[str, dict[str, list[float]]] = {}
    whole: list[tuple[Case, Forecast, np.ndarray]] = []
    for segment, gate in gates.items():
        served = [(case, case.forecasts[gate.serves]) for case in cases if case.segment == segment]
        if not served:
            continue
        of_days = _days_factors(served)
        found[segment] = {DAYS: _listed(of_days)}
        drawn = [(case, total_quantiles(case, forecast, of_days)) for case, forecast in served]
        for at, days in enumerate(HORIZON_DAYS):
            pairs = [(of_case[:, at], sums(case, days)) for case, of_case in drawn]
            known = [(q[told], y[told]) for q, (y, told) in pairs]
            factors = totals.correction(np.concatenate([q for q, _ in known]), np.concatenate([y for _, y in known]))
            found[segment][str(days)] = _listed(factors)
        factors = np.array([found[segment][str(days)] for days in HORIZON_DAYS])
        for (case, of_case), (_, forecast) in zip(drawn, served, strict=True):
            whole.append((case, forecast, totals.corrected(of_case, factors[None, :, :])))
    return Calibration(found, whole)


def errors(calibration: Calibration) -> list[Errors]:
    """By origin what mean forecasts of the longest horizon missed, of items as wholes; NaN where not all of it could be
    seen."""
    found: dict[int, list[Errors]] = {}
    for case, forecast, quantiles in calibration.totals:
        whole = case.then.locations == WHOLE
        mean = forecast.mean[:, : case.then.calendar.periods(HORIZON_DAYS[-1])].sum(axis=1)
        true, seen = sums(case, HORIZON_DAYS[-1])
        error, deviation = np.where(seen, true - mean, np.nan), deviations(quantiles[:, -1], mean)
        missed = Errors(error[whole], deviation[whole], case.then.categories[whole])
        found.setdefault(case.past, []).append(missed)
    return [
        Errors(
            *(np.concatenate([getattr(part, name) for part in parts]) for name in ("error", "deviation", "category"))
        )
        for parts in found.values()
    ]


def total_quantiles(case: Case, forecast: Forecast, of_days: np.ndarray) -> np.ndarray:
    """Quantiles (item, horizon, level) of totals over :data:`HORIZON_DAYS`, from corrected quantiles of days."""
    calendar = case.then.calendar
    periods = [min(calendar.periods(days), calendar.horizon) for days in HORIZON_DAYS]
    keys = keys_of(case.then.ids, case.then.locations)
    return totals.total_quantiles(totals.corrected(forecast.quantiles, of_days), forecast.mean, periods, keys)


def sums(case: Case, days: int) -> tuple[np.ndarray, np.ndarray]:
    """What came in so many days, and whether all of it could be seen."""
    periods = case.then.calendar.periods(days)
    return case.true.units[:, :periods].sum(axis=1), np.all(case.true.seen[:, :periods], axis=1)


def _days_factors(served: list[tuple[Case, Forecast]]) -> np.ndarray:
    """The correction of days, learnt on all origins, if what the older ones teach lowers the loss on the newest: zeros
    that no quantile can split would else be paid for by everything else."""
    newest = max(case.past for case, _ in served)
    older = [pair for pair in served if pair[0].past < newest]
    if not older:
        return np.ones(len(LEVELS))
    learnt = totals.correction(*_of_days(older))
    quantiles, true = _of_days([pair for pair in served if pair[0].past == newest])
    raw, fixed = (_loss(made, true) for made in (quantiles, totals.corrected(quantiles, learnt)))
    return totals.correction(*_of_days(served)) if fixed < raw else np.ones(len(LEVELS))


def _loss(quantiles: np.ndarray, true: np.ndarray) -> float:
    return float(np.mean([metrics.pinball(true, quantiles[:, at], level).sum() for at, level in enumerate(LEVELS)]))


def _of_days(served: list[tuple[Case, Forecast]]) -> tuple[np.ndarray, np.ndarray]:
    is_open = [case.then.calendar.is_open[case.past :] for case, _ in served]
    seen = [case.true.seen & opened[None, :] for (case, _), opened in zip(served, is_open, strict=True)]
    quantiles = [forecast.quantiles[told] for (_, forecast), told in zip(served, seen, strict=True)]
    true = [case.true.units[told] for (case, _), told in zip(served, seen, strict=True)]
    return np.concatenate(quantiles).reshape(-1, len(LEVELS)), np.concatenate(true)


def _listed(factors: np.ndarray) -> list[float]:
    return [round(float(factor), 4) for factor in factors]
