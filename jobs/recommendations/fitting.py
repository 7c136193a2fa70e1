"""From windows to a model that has been judged: fit, stop, blend, compare, fit again on the newest cuts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from typing import Any

import pandas as pd

from jobs.lib import intervals
from jobs.recommendations import columns, contenders, cost, evaluate, fairness, gates, judging, ranker
from jobs.recommendations.blend import CHOICES, Blend, best, blended
from jobs.recommendations.catalogue import CatalogueParams
from jobs.recommendations.contenders import UNWEIGHTED
from jobs.recommendations.cost import CONFIGURATIONS, Cost
from jobs.recommendations.fairness import FairnessParams
from jobs.recommendations.learning import Window, together, window
from jobs.recommendations.model import MODEL, Model
from jobs.recommendations.position import PositionParams
from jobs.recommendations.ranker import Examples, Ranker, RankerParams
from jobs.recommendations.rerank import Exploration, Reranker, RerankParams

SPLITS = ("all", "discovery")


@dataclass(frozen=True)
class TrainParams:
    """The protocol. ``buyers`` bounds the driver's memory: at most so many of a cut's buyers are learnt from.
    A hundredth more of the catalogue in lists of anything is worth ``coverage_worth`` hundredths of their NDCG@10; one
    of the two models alone must be better by ``alone_margin``, since on single windows that is often chance; so is what
    lies within ``blend_margin`` (on cuts of 10 June, 8 July and 5 August 2011 of Online Retail blends with own 1 to 2
    were at most .5% apart, with a tail 4 and 8% better at 2 on two of them, 2% worse on one).
    ``rankers`` are by :data:`SPLITS`: lists of anything, and of what is new to a customer.
    ``cost_budget`` is what the lists of 1,000 customers may take in CPU seconds (None: no matter),
    ``exploration_share`` what of their exploring places a night gives to chance."""

    fit_cuts: int = 4
    window_days: int = 28
    min_history_days: int = 28
    min_buyers: int = 30
    buyers: int = 3000
    coverage_worth: float = 0.2
    alone_margin: float = 0.01
    blend_margin: float = 0.005
    cost_budget: float | None = None
    fairness: FairnessParams = field(default_factory=FairnessParams)
    rankers: dict[str, RankerParams] = field(
        default_factory=lambda: {"all": RankerParams(), "discovery": ranker.DISCOVERY}
    )
    catalogue: CatalogueParams = field(default_factory=CatalogueParams)
    position: PositionParams = field(default_factory=PositionParams)
    rerank: RerankParams = field(default_factory=RerankParams)
    exploration_share: float = 0.0


@dataclass(frozen=True)
class Trained:
    """A model with its evaluation: one row a figure (:data:`jobs.recommendations.judging.COLUMNS`); figures by split,
    list and measure for people to look at; and sentences beyond the gates' (groups served worse, splits not won)."""

    model: Model
    evaluation: pd.DataFrame
    figures: dict[str, Any]
    warnings: dict[str, str]


def fitted(
    windows: list[Window], as_of: date, params: TrainParams, threads: int, log: Callable[[str], None]
) -> Trained:
    """Windows come newest first: one to judge, one to stop on, the rest (at most four) to fit on."""
    candidate = _candidate(windows, as_of, params, threads)
    chance = Exploration(params.exploration_share, "costs", windows[1].cut.day)
    costs = cost.measured(windows[1], candidate, Reranker(params.rerank, chance))
    name = cost.chosen(costs, params.cost_budget)
    if name != cost.STANDARD:
        log(f"candidates: {name}, {costs[name].seconds:.1f} CPU seconds per 1,000 customers")
        windows = [window(w.cut, CONFIGURATIONS[name], w.catalogue) for w in windows]
        candidate = replace(_candidate(windows, as_of, params, threads), candidates=CONFIGURATIONS[name])
    models = {MODEL: candidate}
    if params.fairness.power:
        plain = replace(params, fairness=replace(params.fairness, power=0.0))
        models[UNWEIGHTED] = _candidate(windows, as_of, plain, threads)
    lists = contenders.lists(windows[0], models)
    drawn = intervals.resampled(columns.each_customer(windows[0], lists), params.rankers["all"].seed)
    verdict = gates.evaluated(drawn, windows[0].cut.day)
    chosen = params.fairness, params.rerank, params.exploration_share
    table = judging.rows(windows[0], lists, drawn, candidate, windows[1], costs, *chosen)
    rounds = {split: candidate.rankers[split].rounds for split in SPLITS}
    figures: dict[str, Any] = {**judging.nested(table), "reranking": judging.reranked(table)}
    figures |= {"protocol": _protocol(windows, candidate, params), "cost": _told(costs, name)}
    newest = {split: _fit(windows[: params.fit_cuts], split, params, threads, rounds=rounds[split]) for split in SPLITS}
    model = replace(candidate, rankers=newest, gates=verdict)
    return Trained(model, table, figures, judging.warnings(table, params.fairness))


def _candidate(windows: list[Window], as_of: date, params: TrainParams, threads: int) -> Model:
    """The model that is judged: it has not seen the newest window."""
    later, earlier = windows[1], windows[2 : 2 + params.fit_cuts]
    rankers, blends = {}, {}
    for split in SPLITS:
        rankers[split] = _fit(earlier, split, params, threads, later=later.examples(split, params.rankers[split]))
        blends[split] = _blend(later, split, rankers[split], params)
    return Model(rankers, {}, blends, str(as_of))


def _fit(windows: list[Window], split: str, params: TrainParams, threads: int, **how: Any) -> Ranker:
    in_time = sorted(windows, key=lambda w: w.cut.day)
    examples = together([_examples(w, split, params) for w in in_time])
    return ranker.fit(examples, params.rankers[split], threads, **how)


def _examples(found: Window, split: str, params: TrainParams) -> Examples:
    """Sampled pairs to learn from, those of small groups weighted up where the store wants it."""
    examples = found.examples(split, params.rankers[split], params.position)
    if not params.fairness.power:
        return examples
    return replace(examples, weight=fairness.weights(found, params.fairness)[examples.group])


def _blend(later: Window, split: str, fitted: Ranker, params: TrainParams) -> Blend:
    """The blend with the best NDCG@10, in lists of anything times what they cover of the catalogue to a small power,
    measured on the cut that was stopped on (neither fitted nor judged on)."""
    mask, truth = later.allowed(split), later.bought(split)
    if not len(truth):
        return CHOICES[split][0]
    features, row = later.found.features[mask], later.found.row[mask]
    predicted = fitted.shortlisted(features, row)

    def value(choice: Blend) -> float:
        lists = later.lists(blended(predicted, features, row, choice), mask)
        ndcg = float(evaluate.per_customer(lists, truth)["ndcg@10"].mean())
        covered = evaluate.coverage(lists, len(later.cut.items)) ** (params.coverage_worth if split == "all" else 0)
        return ndcg * covered * (1 - params.alone_margin * choice.is_of_one)

    return best({choice: value(choice) for choice in CHOICES[split]}, params.blend_margin)


def _protocol(windows: list[Window], model: Model, params: TrainParams) -> dict[str, Any]:
    return {
        "fit_cuts": len(windows[2 : 2 + params.fit_cuts]),
        "blends": {split: asdict(blend) for split, blend in model.blends.items()},
        "position_powers": dict(params.position.powers),
        "rounds": {split: model.rankers[split].rounds for split in SPLITS},
    }


def _told(costs: dict[str, Cost], name: str) -> dict[str, Any]:
    return {"chosen": name, "configurations": {each: asdict(found) for each, found in costs.items()}}
