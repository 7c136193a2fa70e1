"""Training: judge every method on earlier origins, choose by segment, correct the quantiles, learn from all history.

``train`` is a function of a plain history; ``run`` is the night's entry.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.demand import backtest, calibration, choosing, frames, judging, together
from jobs.demand.backtest import BacktestParams
from jobs.demand.evaluation import COLUMNS, MISSED
from jobs.demand.history import History
from jobs.demand.model import Model
from jobs.features.campaigns import campaigns
from jobs.features.list_prices import list_prices
from jobs.lib import registry
from jobs.lib.evaluations import EVALUATION
from jobs.lib.stages import Night

PRODUCT = "demand"
# The driver's sample: the busiest items and an even share of the others and of items at places, by a hash of ids.
BUSIEST = 2000
OTHERS = 2000
AT_PLACES = 1000


@dataclass(frozen=True)
class Trained:
    """A model with its evaluation as rows, the items that it missed most, and figures for people."""

    model: Model
    evaluation: pd.DataFrame
    missed: pd.DataFrame
    figures: dict[str, Any]


def train(
    history: History, params: BacktestParams, threads: int, log: Callable[[str], None] = lambda text: None
) -> Trained:
    """Trains as of the last day of ``history``. With too little of it for one origin the result is baselines."""
    as_of = str(history.calendar.days[history.calendar.past - 1])
    cases = backtest.backtest(history, params, threads, log)
    if not cases:
        needed = params.least_days + history.calendar.horizon * history.calendar.period
        reason = f"history too short to be judged on: {history.calendar.past} periods, {needed} days are needed"
        return Trained(
            Model.without(reason, as_of), pd.DataFrame(columns=list(COLUMNS)), pd.DataFrame(columns=["item_id"]), {}
        )
    gates = choosing.chosen(cases)
    learnt = backtest.learn(history, params, threads, {gate.serves for gate in gates.values()})
    gates = choosing.learnable(gates, cases, learnt.methods())
    table = judging.rows(cases, gates)
    known = [case for case in cases if gates[case.segment].serves in case.forecasts]
    corrected = calibration.calibrated(known, gates)
    correlations = together.correlations(calibration.errors(corrected))
    figures = {**judging.nested(table), "served": {name: gate.serves for name, gate in gates.items()}}
    figures["correlations"] = correlations
    model = Model(gates, corrected.factors, learnt, as_of, correlations)
    return Trained(model, table, judging.missed(cases, gates), figures)


def run(night: Night) -> None:
    """Trains on a bounded sample of items, keeps files and figures in the registry, and crowns the model."""
    if not registry.is_due(night.settings, night.store.name, PRODUCT, night.as_of):
        night.log("the champion in force is fresh: nothing to train")
        return
    days = frames.item_days(night.tables.read("features.item_daily", night.as_of))
    calendar = frames.calendar_of(days, night.store, night.as_of)
    ever = partial(night.tables.read_changes, after=None, through=night.as_of)
    item = frames.with_unlisted(night.tables.read("features.item", night.as_of), ever("validated.items"))
    known = campaigns(ever("validated.promotions")), list_prices(ever("validated.prices"))
    placed = night.tables.read("features.item_location_daily", night.as_of)
    both = sampled(days).unionByName(sampled_places(frames.place_days(placed, calendar)))
    history = frames.dense(frames.with_facts(both, item, *known, night.as_of).toPandas(), calendar)
    night.log(f"{len(history):,} items and items at places, {calendar.past} periods")
    trained = train(history, BacktestParams(), night.settings.model_threads, night.log)
    verdict = choosing.verdict(trained.model.gates)
    for segment, said in verdict.items():
        night.log(f"{segment}: {said['publishes']}: {said['reason']}")
    with tempfile.TemporaryDirectory() as folder:
        trained.model.save(Path(folder))
        trained.evaluation.to_csv(Path(folder) / EVALUATION, index=False)
        trained.missed.to_csv(Path(folder) / MISSED, index=False)
        champion = registry.crown(
            night.settings, night.store.name, PRODUCT, night.as_of, Path(folder), trained.figures, verdict
        )
    night.log(f"champion {champion.version} from {night.as_of}")


def sampled_places(days: DataFrame) -> DataFrame:
    """The rows of at most 1,000 items at places, by a hash of items, whose places go together: what serves a whole
    serves its places too, and where items are few their places are most of what can be learnt from."""
    key = ["item_id", "location_id"]
    chosen = days.select(*key).distinct().orderBy(F.xxhash64("item_id"), *key).limit(AT_PLACES)
    return days.join(chosen, key, "left_semi")


def sampled(days: DataFrame) -> DataFrame:
    """The rows of at most 4,000 items: the 2,000 with the most units and 2,000 others by a hash of their ids."""
    units = days.groupBy("item_id").agg(F.sum("units").alias("units"))
    busiest = units.orderBy(F.desc("units"), "item_id").limit(BUSIEST).select("item_id")
    others = units.join(busiest, "item_id", "left_anti").orderBy(F.xxhash64("item_id"), "item_id").limit(OTHERS)
    return days.join(busiest.unionByName(others.select("item_id")), "item_id", "left_semi")
