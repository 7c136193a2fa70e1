"""What a list costs: quality against CPU seconds for each configuration of the candidate sources, and the choice.

Candidates and their features take most of a night's scoring, and most of both grows with the number of candidates.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

from jobs.recommendations import evaluate, gates
from jobs.recommendations.candidates import CandidateParams
from jobs.recommendations.learning import Cut, Window, window
from jobs.recommendations.model import MODEL, Gate, Model
from jobs.recommendations.rerank import Reranker
from jobs.recommendations.score import Scorer

STANDARD = "standard"
CONFIGURATIONS = {
    "lean": CandidateParams(
        item_item=60,
        users=0,
        content=0,
        leaders=0,
        factors=0,
        basket=0,
        shared=CandidateParams().shared | {"discovered": 30, "trend": 10, "popular": 20, "new": 5},
    ),
    STANDARD: CandidateParams(),
    "wide": CandidateParams(
        item_item=200,
        users=60,
        content=60,
        leaders=60,
        factors=60,
        basket=30,
        shared=CandidateParams().shared | {"discovered": 120, "trend": 40, "popular": 80, "new": 20},
    ),
}
CUSTOMERS = 300  # enough to time, and few enough that a small store's training stays short
WARM_UP = 10


@dataclass(frozen=True)
class Cost:
    """A configuration's NDCG@10 in plain lists of the window stopped on, its candidates a customer, and CPU seconds
    that a night takes for 1,000 customers: all their lists, from histories to reasons (the item side, made once a
    night, and Spark's own work left out)."""

    ndcg: float
    candidates: float
    seconds: float


def measured(later: Window, model: Model, reranker: Reranker) -> dict[str, Cost]:
    """Every configuration on the same customers, at most 300, ordered by one model, which was fitted on the standard
    one's candidates. Seconds differ from run to run, all else does not."""
    cut = some(later.cut, CUSTOMERS)
    # What gates will say is not known yet; a model costs more than a baseline.
    model = replace(model, gates={gate: Gate(gate, MODEL, "") for gate in gates.SPLITS})
    scorer = Scorer(later.catalogue, model, reranker=reranker)
    _cost(some(cut, WARM_UP), scorer)  # what is only slow the first time
    return {
        name: _cost(cut, replace(scorer, model=replace(model, candidates=params)))
        for name, params in CONFIGURATIONS.items()
    }


def chosen(costs: Mapping[str, Cost], budget: float | None) -> str:
    """The best configuration within the budget (CPU seconds per 1,000 customers), the cheapest where none fits, the
    standard one without a budget."""
    if budget is None:
        return STANDARD
    fitting = [name for name in sorted(costs) if costs[name].seconds <= budget]
    if not fitting:
        return min(sorted(costs), key=lambda name: costs[name].seconds)
    return max(fitting, key=lambda name: costs[name].ndcg)


def some(cut: Cut, customers: int) -> Cut:
    """The cut with evenly spaced ones of its buyers with a list, at most so many."""
    who = sorted(cut.pairs["customer_id"].unique())
    kept = set(who[:: max(-(-len(who) // customers), 1)])
    pairs, truth = (frame[frame["customer_id"].isin(kept)].reset_index(drop=True) for frame in (cut.pairs, cut.truth))
    return replace(cut, pairs=pairs, truth=truth)


def _cost(cut: Cut, scorer: Scorer) -> Cost:
    started = time.process_time()
    scorer.lists(cut.pairs)
    seconds = time.process_time() - started
    found = window(cut, scorer.model.candidates, scorer.catalogue)
    lists = found.lists(scorer.model.model_score("all", found.found.features, found.found.row))
    ndcg, customers = evaluate.per_customer(lists, cut.truth)["ndcg@10"].mean(), max(len(found.customer_ids), 1)
    return Cost(float(ndcg), len(found.found.row) / customers, seconds * 1000 / customers)
