"""What Online Retail's forecasts are worth in the stockroom: cost per unit demanded of several policies, held-out days.

The game is that of jobs/demand/inventory.py: lead time 7 days, holding 1 a unit and day, penalty 9 a lost unit. By
itself this benchmark trains the boosted model as of the night and averages it with exponentially weighted quantiles,
without Spark; ``of_window`` takes any forecasts, the published ones of the benchmark ``demand`` among them.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import numpy as np

from benchmarks.figures import Figure
from benchmarks.homes import public_data
from benchmarks.online_retail import HORIZON, STORE, as_of, known_days, sold, whole_history
from jobs.demand import boosted, inventory
from jobs.demand.boosted import BoostedParams
from jobs.demand.forecasts import LEVELS, Forecast
from jobs.demand.history import History
from jobs.demand.inventory import USUAL_DEVIATIONS, Setting
from jobs.demand.methods import Forecasts, Learnt
from jobs.demand.paths import keys_of

TARGETS = {date(2011, 10, 1): 6.6, date(2011, 11, 1): 5.8}
EARLIER = (date(2011, 6, 1), date(2011, 7, 1), date(2011, 8, 1), date(2011, 9, 1))


def measure() -> Iterator[Figure]:
    """Both windows that begin on a day of TARGETS."""
    whole = whole_history(sold(public_data(STORE) / "by-day"))
    for first in TARGETS:
        then, chosen = as_of(whole, first)
        learnt = Learnt(boosted=boosted.fit(then, BoostedParams(), threads=2))
        found = Forecasts(then.of(chosen), learnt).of("ewq+boosted" if learnt.boosted else "ewq")
        yield from of_window(whole, first, chosen, found)


def of_window(whole: History, first: date, chosen: np.ndarray, forecast: Forecast) -> Iterator[Figure]:
    """Cost per unit demanded in the four weeks from ``first`` on, of the items at the places ``chosen`` of the history,
    by their ``forecast``. The usual policy's peer is tuned on the windows of EARLIER, each with its own items."""
    setting = Setting()
    before = [_units(whole, day, as_of(whole, day)[1]) for day in EARLIER]
    tuned = inventory.tuned([past for past, _ in before], [actual for _, actual in before], setting)
    past, actual = _units(whole, first, chosen)
    on_hand = inventory.start(past, setting)
    ours, medians = inventory.path_levels(
        forecast.quantiles, forecast.mean, LEVELS, setting, keys_of(whole.ids[chosen])
    )

    def cost(levels: np.ndarray) -> float:
        return inventory.per_unit(inventory.cost_of(levels, actual, on_hand, setting), actual, setting)

    usual, peer = (cost(inventory.mean_sigma_levels(past, z, setting)) for z in (USUAL_DEVIATIONS, tuned))
    best = inventory.per_unit(inventory.foresight_cost(actual, on_hand, setting), actual, setting)
    said = f"{first}: cost per unit demanded"
    name = f"mean28 {tuned:+.2f} sigma, tuned before"
    yield Figure("inventory", f"{said}, our paths", cost(ours), peer, name, TARGETS.get(first), better="lower")
    yield Figure("inventory", f"{said}, mean28 +{USUAL_DEVIATIONS} sigma", usual, better="lower")
    yield Figure("inventory", f"{said}, median of our paths", cost(medians), better="lower")
    yield Figure("inventory", f"{said}, perfect foresight", best, better="lower")


def _units(whole: History, first: date, chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Units of the items [items, days] before ``first``, and in the four weeks from it on."""
    past = known_days(whole, first)
    units = whole.units[chosen]
    return units[:, :past], units[:, past : past + HORIZON]
