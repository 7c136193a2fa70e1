"""What each part of re-ranking costs in relevance and gives in variety, measured on the buyers of a cut's window."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd

from jobs.lib.settings import RERANK_WEIGHTS
from jobs.recommendations import evaluate
from jobs.recommendations.learning import Window
from jobs.recommendations.model import Model
from jobs.recommendations.rerank import Chosen, Exploration, Reranker, RerankParams, Scored
from jobs.recommendations.score import people_of

PLACEMENTS = {"home": "all", "discover": "discovery"}
TRIAL = 0.05
PLAIN, ALL = "plain", "all"
MEASURES = ("ndcg@10", "coverage@10", "diversity@10", "ndcg_ratio")
COLUMNS = ("placement", "weight", "value", *MEASURES)


def costs(window: Window, model: Model, params: RerankParams, share: float) -> pd.DataFrame:
    """One row per placement and weight: the figures of the lists with that weight alone, ``ndcg_ratio`` being NDCG@10
    over that of the plain lists (the row ``plain``). ``value`` is the weight tried (of customers with some orders) or,
    of ``exploration``, the store's ``share``; 0.05 where the store has chosen none, so that who turns it on knows the
    price. ``diversity`` is that of both kinds of customers, ``all`` is all that the store has chosen, as published."""
    rows = []
    people = people_of(window.customers.reset_index(), np.zeros(len(window.customer_ids), bool))
    for placement, split in PLACEMENTS.items():
        scored, truth = scored_of(window, model, placement), window.bought(split)
        for name, value, reranker in _choices(params, share, window.cut.day):
            kept = reranker.places(scored, people, window.catalogue.figures, placement)
            rows.append((placement, name, value, *_figures(window, scored, kept, truth)))
    table = pd.DataFrame(rows, columns=COLUMNS[:-1])
    plain = table[table["weight"] == PLAIN].set_index("placement")["ndcg@10"]
    # Of lists that find nothing nothing can be taken.
    table["ndcg_ratio"] = table["ndcg@10"] / table["placement"].map(plain.replace(0, np.nan))
    return table


def scored_of(window: Window, model: Model, placement: str) -> Scored:
    """The window's candidates of a placement with the model's scores."""
    found = window.found
    at = np.flatnonzero(window.allowed(PLACEMENTS[placement]))
    score = model.model_score(PLACEMENTS[placement], found.features.iloc[at], found.row[at])
    return Scored(found.row[at], found.column[at], score, found.is_own[at])


def _choices(params: RerankParams, share: float, day: date) -> Iterator[tuple[str, float, Reranker]]:
    zeros = dict.fromkeys(RERANK_WEIGHTS, 0.0)
    nothing = replace(params, weights=zeros, early_weights=zeros, diversity=0.0, early_diversity=0.0)
    yield PLAIN, 0.0, Reranker(nothing)
    for name in RERANK_WEIGHTS:
        usual, early = params.weights.get(name, 0.0), params.early_weights.get(name, 0.0)
        trial = (usual, early) if usual or early else (TRIAL, TRIAL)
        alone = replace(nothing, weights=zeros | {name: trial[0]}, early_weights=zeros | {name: trial[1]})
        yield name, trial[0], Reranker(alone)
    varied = replace(nothing, diversity=params.diversity, early_diversity=params.early_diversity)
    yield "diversity", params.diversity, Reranker(varied)
    tried = share or TRIAL
    yield "exploration", tried, Reranker(nothing, Exploration(tried, "costs", day))
    yield ALL, 1.0, Reranker(params, Exploration(share, "costs", day))


def _figures(window: Window, scored: Scored, kept: Chosen, truth: pd.DataFrame) -> tuple[float, float, float]:
    """NDCG@10, coverage@10 and diversity@10 of the places."""
    row, column = scored.row[kept.at], scored.column[kept.at]
    names = {"customer_id": window.customer_ids[row], "item_id": window.catalogue.item_ids[column]}
    lists = pd.DataFrame(names | {"rank": kept.rank})
    ndcg = evaluate.per_customer(lists, truth)["ndcg@10"].mean() if len(truth) else 0.0
    covered = evaluate.coverage(lists, len(window.cut.items))
    return float(ndcg), covered, float(evaluate.diversity(lists, window.catalogue).mean())
