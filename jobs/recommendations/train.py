"""Training: fit on four cuts, stop on a later one, judge on the newest whole window, then fit on the newest four.

``train`` is a function of plain frames; ``run`` is the night's entry: it builds the cuts' features, logs and crowns.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from pyspark.sql import functions as F

from jobs.lib import registry
from jobs.lib.stages import Night
from jobs.lib.tables import only_row
from jobs.recommendations import evaluate, frames, gates, ranker
from jobs.recommendations.blend import CHOICES, Blend, blended
from jobs.recommendations.for_newcomer import segment_popularity
from jobs.recommendations.learning import Cut, Window, together, window
from jobs.recommendations.model import Model
from jobs.recommendations.ranker import Examples, Ranker, RankerParams

PRODUCT = "recommendations"
RANKED_SPLITS = ("all", "discovery")


@dataclass(frozen=True)
class TrainParams:
    """The protocol. ``buyers`` bounds the driver's memory: at most so many of a cut's buyers are learnt from.
    ``coverage_price`` is the share of NDCG@10 that may be given for lists that cover more of the catalogue."""

    fit_cuts: int = 4
    window_days: int = 28
    min_history_days: int = 28
    min_buyers: int = 30
    buyers: int = 3000
    coverage_price: float = 0.003
    ranker: RankerParams = field(default_factory=RankerParams)


@dataclass(frozen=True)
class Trained:
    """A model with its evaluation: figures by split, list and measure, and the days that each cut stood for."""

    model: Model
    figures: dict[str, Any]


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
        found = window(cut)
        log(f"cut {day}: {len(found.customer_ids):,} buyers with history, {len(found.is_bought):,} candidates")
        if found.is_bought.sum() < params.min_buyers:
            break
        windows.append(found)
    if len(windows) < 3:
        return _baselines(as_of, f"too few buyers with history: {len(windows)} of at least 3 windows have enough")
    return _fitted(windows, as_of, params, threads, log)


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
    params = TrainParams()
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
    verdict = {split: {"publishes": g.publishes, "reason": g.reason} for split, g in trained.model.gates.items()}
    with tempfile.TemporaryDirectory() as folder:
        trained.model.save(Path(folder))
        champion = registry.crown(
            night.settings, night.store.name, PRODUCT, night.as_of, Path(folder), trained.figures, verdict
        )
    for split, said in verdict.items():
        night.log(f"{split}: publishes {said['publishes']}: {said['reason']}")
    night.log(f"champion {champion.version} from {night.as_of}")


def _cut(night: Night, day: date, params: TrainParams) -> Cut:
    """Features as of the cut, labels as known by the night."""
    with night.at(day) as then:
        customer_item, item, customer = (
            then.tables.read(f"features.{name}", day) for name in ("customer_item", "item", "customer")
        )
        pairs = frames.pair_rows(customer_item, customer, day)
        truth = frames.labels(night.tables.read("validated.order_lines", night.as_of), day, params.buyers)
        return Cut(
            day,
            frames.item_rows(item, day),
            frames.sampled(pairs),
            frames.of_customers(pairs, truth["customer_id"].unique()),
            truth,
            segment_popularity(customer_item, customer),
        )


def _fitted(
    windows: list[Window], as_of: date, params: TrainParams, threads: int, log: Callable[[str], None]
) -> Trained:
    """Windows come newest first: one to judge, one to stop on, the rest (at most four) to fit on."""
    judged, later, earlier = windows[0], windows[1], windows[2 : 2 + params.fit_cuts]
    newest = windows[: params.fit_cuts]
    tried, final = {}, {}
    for split in RANKED_SPLITS:
        sampled = {w.cut.day: w.examples(split, params.ranker) for w in windows}
        tried[split] = ranker.fit(_of(earlier, sampled), params.ranker, threads, later=sampled[later.cut.day])
        final[split] = ranker.fit(_of(newest, sampled), params.ranker, threads, rounds=tried[split].rounds)
        log(f"{split}: {tried[split].rounds} rounds")
    blends = {split: _blend(later, split, tried[split], params) for split in RANKED_SPLITS}
    candidate = Model(tried, {}, blends, str(as_of))
    verdict, figures = gates.evaluated(judged, candidate, params.ranker.seed)
    figures["protocol"] = {
        "fit_cuts": len(earlier),
        "blends": {split: asdict(blend) for split, blend in blends.items()},
        "rounds": {split: fitted.rounds for split, fitted in tried.items()},
    }
    return Trained(replace(candidate, rankers=final, gates=verdict), figures)


def _of(windows: list[Window], sampled: dict[date, Examples]) -> Examples:
    return together([sampled[w.cut.day] for w in sorted(windows, key=lambda w: w.cut.day)])


def _blend(later: Window, split: str, fitted: Ranker, params: TrainParams) -> Blend:
    """The blend whose lists cover the most of the catalogue among those near the best NDCG@10, measured on the cut
    that was stopped on (neither fitted nor judged on)."""
    mask = ~later.found.is_own if split == "discovery" else np.ones(len(later.found.row), bool)
    truth = gates.discoveries(later) if split == "discovery" else later.cut.truth
    truth = truth[truth["customer_id"].isin(set(later.customer_ids))]
    features, row = later.found.features[mask], later.found.row[mask]
    predicted = fitted.predicted(features)
    reached = []
    for choice in CHOICES[split]:
        lists = later.lists(blended(predicted, features, row, choice), mask)
        ndcg = evaluate.per_customer(lists, truth)["ndcg@10"].mean()
        reached.append((ndcg, evaluate.coverage(lists, len(later.cut.items)), choice))
    enough = max(ndcg for ndcg, _, _ in reached) * (1 - params.coverage_price)
    return max((found for found in reached if found[0] >= enough), key=lambda found: found[1])[2]


def _baselines(as_of: date, reason: str) -> Trained:
    return Trained(Model({}, gates.without_model(reason), {}, str(as_of)), {})
