"""Training: fit on four cuts, stop on a later one, judge on the newest whole window, then fit on the newest four.

``train`` is a function of plain frames; ``run`` is the night's entry: it builds the cuts' features, logs and crowns.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
from pyspark.sql import functions as F

from jobs.lib import registry
from jobs.lib.evaluations import EVALUATION
from jobs.lib.settings import Settings
from jobs.lib.stages import Night
from jobs.lib.stores import Store
from jobs.lib.tables import only_row
from jobs.recommendations import basket, catalogue, frames, gates, judging, position, rerank
from jobs.recommendations.fairness import FairnessParams
from jobs.recommendations.fitting import Trained, TrainParams, fitted
from jobs.recommendations.for_newcomer import segment_popularity
from jobs.recommendations.learning import Cut, window
from jobs.recommendations.model import Model

PRODUCT = "recommendations"


def train(
    cut_at: Callable[[date], Cut],
    as_of: date,
    first_day: date | None,
    params: TrainParams,
    threads: int,
    log: Callable[[str], None] = lambda text: None,
) -> Trained:
    """Trains for night ``as_of``; ``cut_at`` gives the frames of a day, ``first_day`` is that of the first order.

    With too little history for three cuts (one to fit on, one to stop on, one to judge on) the result is the
    baselines, and its gates say so. Raises nothing for a small store.
    """
    days = cut_days(as_of, first_day, params)
    if len(days) < 3:
        return _baselines(as_of, f"history too short to learn from: {len(days)} of at least 3 windows of 28 days")
    windows = []
    for day, cut in zip(days, _ahead(cut_at, days), strict=True):
        found = window(cut, fitting=params.catalogue)
        log(f"cut {day}: {len(found.customer_ids):,} buyers with history, {len(found.is_bought):,} candidates")
        if len(np.unique(found.found.row[found.is_bought])) < params.min_buyers:
            continue
        windows.append(found)
    if len(windows) < 3:
        return _baselines(as_of, f"too few buyers with history: {len(windows)} of at least 3 windows have enough")
    return fitted(windows, as_of, params, threads, log)


def _ahead(cut_at: Callable[[date], Cut], days: list[date]) -> Iterator[Cut]:
    """The cuts of these days; Spark makes the next one while the one before is being learnt from."""
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(cut_at, days[0])
        for following in [*days[1:], None]:
            cut = coming.result()
            if following is not None:
                coming = pool.submit(cut_at, following)
            yield cut


def cut_days(as_of: date, first_day: date | None, params: TrainParams) -> list[date]:
    """The cuts whose windows have closed by ``as_of``, the newest first, each with enough history before it."""
    if first_day is None:
        return []
    days = [as_of - timedelta(days=params.window_days * (k + 1)) for k in range(params.fit_cuts + 2)]
    return [day for day in days if (day - first_day).days >= params.min_history_days]


def run(night: Night) -> None:
    """Trains, keeps the files and figures in the registry and MLflow, and crowns the model for this night."""
    if not registry.is_due(night.settings, night.store.name, PRODUCT, night.as_of):
        night.log("the champion in force is fresh: nothing to train")
        return
    params = _with_positions(night, params_of(night.settings, night.store))
    first = only_row(night.tables.read("validated.order_lines", night.as_of).agg(F.min("order_date").alias("day")))
    with night.tables.keeping(["validated.order_lines", "validated.events"]):
        trained = train(
            lambda day: _cut(night, day, params),
            night.as_of,
            first["day"],
            params,
            night.settings.model_threads,
            night.log,
        )
    verdict = gates.verdict(trained.model.gates)
    for split, said in verdict.items():
        night.log(f"{split}: publishes {said['publishes']}: {said['reason']}")
    for told in trained.warnings.values():
        night.log(f"warning: {told}")
    if trained.warnings:
        verdict["warnings"] = trained.warnings
    with tempfile.TemporaryDirectory() as folder:
        trained.model.save(Path(folder))
        trained.evaluation.to_csv(Path(folder) / EVALUATION, index=False)
        champion = registry.crown(
            night.settings, night.store.name, PRODUCT, night.as_of, Path(folder), trained.figures, verdict
        )
    night.log(f"champion {champion.version} from {night.as_of}")


def params_of(settings: Settings, store: Store) -> TrainParams:
    """The protocol with what a store may choose."""
    chosen = FairnessParams(settings.fairness_threshold, settings.group_column, settings.group_weight)
    return replace(
        TrainParams(),
        cost_budget=settings.cost_budget,
        fairness=chosen,
        catalogue=catalogue.params_of(settings, store),
        rerank=rerank.params_of(settings),
        exploration_share=settings.exploration_share,
    )


def are_events_there(events_from: date | None, cut: date) -> bool:
    """Whether maintenance has left all events of the days after ``cut``; ``events_from`` is the first day whose are
    there (None: all)."""
    return events_from is None or events_from <= cut + timedelta(days=1)


def _with_positions(night: Night, params: TrainParams) -> TrainParams:
    """With how fast looks fall with the place, where the store wants that corrected and says what it has shown."""
    if not night.settings.is_position_corrected or "events" not in night.store.mappings:
        return params
    events = night.tables.read("validated.events", night.as_of)
    found = position.powers(position.counts(events, night.as_of), params.position)
    night.log(f"looks fall with the place by these powers: {found}" if found else "too few clicks to learn of places")
    return replace(params, position=replace(params.position, powers=found))


def _cut(night: Night, day: date, params: TrainParams) -> Cut:
    """Features as of the cut, labels as known by the night."""
    with night.at(day) as then:
        customer_item, item, customer = (
            then.tables.read(f"features.{name}", day) for name in ("customer_item", "item", "customer")
        )
        pairs = frames.pair_rows(customer_item, customer, day)
        if "consents" in night.store.mappings and "consents" not in then.store.mappings:
            # Nobody had been asked by then: learnt from are those who agree tonight.
            tonight = night.tables.read("features.customer", night.as_of).where("is_personal_allowed")
            pairs = pairs.join(tonight.select("customer_id"), "customer_id", "left_semi")
        lines = night.tables.read("validated.order_lines", night.as_of)
        # Of a window that has lost events nobody knows what had been shown before it was bought, not even of the days
        # that have theirs. Taken for never shown, a purchase would weigh as one at the last place; here all weigh 1,
        # which is the mean of every window, and nothing is graded beside them.
        is_there = are_events_there(night.events_from(), day)
        is_shown = bool(params.position.powers) and is_there
        # Two queries at a time: planning leaves a core idle.
        with ThreadPoolExecutor(1) as pool:
            items = pool.submit(frames.item_rows, item, day)
            segments = pool.submit(segment_popularity, customer_item, customer)
            seen = position.shown(night.tables.read("validated.events", night.as_of), day) if is_shown else None
            truth = frames.labels(lines, day, params.buyers, seen)
            buyers = truth["customer_id"].unique()
            truth["has_ordered"] = truth["customer_id"].isin(frames.who_ordered(customer_item, buyers))
            sample, own = frames.sampled_and_of(pairs, buyers)
            looked = None
            if night.settings.is_interest_graded and "events" in night.store.mappings:
                # Not None: examples of windows are graded all or none.
                looked = pd.DataFrame(columns=["customer_id", "item_id", "grade"])
                if is_there:
                    looked = frames.looked_at(night.tables.read("validated.events", night.as_of), day, buyers)
            held = basket.baskets(then.tables.read("validated.order_lines", day), day, params.catalogue.baskets)
            return Cut(day, items.result(), sample, own, truth, segments.result(), looked, held)


def _baselines(as_of: date, reason: str) -> Trained:
    nothing = pd.DataFrame(columns=judging.COLUMNS)
    return Trained(Model({}, gates.without_model(reason), {}, str(as_of)), nothing, {}, {})
