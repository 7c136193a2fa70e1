"""What each part of re-ranking costs in relevance and gives in variety, measured on the buyers of a cut's window."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pandas as pd
from scipy import sparse

from jobs.recommendations import evaluate
from jobs.recommendations.learning import Window
from jobs.recommendations.model import Model
from jobs.recommendations.rerank import Chosen, Exploration, People, Reranker, RerankParams, Scored

PLACEMENTS = {"home": "all", "discover": "discovery"}
TRIAL = 0.05
PLAIN = "plain"
COLUMNS = ("placement", "weight", "value", "ndcg@10", "coverage@10", "diversity@10", "ratio")


def costs(window: Window, model: Model, params: RerankParams, share: float = TRIAL) -> pd.DataFrame:
    """One row per placement and weight: the figures of the lists with that weight alone, ``ratio`` being NDCG@10 over
    that of the plain lists (the row ``plain``). A weight of 0 is tried at 0.05, so that who turns it on knows the
    price; ``diversity`` is that of both kinds of customers, ``exploration`` has the share given, ``all`` has all."""
    rows = []
    for placement, split in PLACEMENTS.items():
        scored = scored_of(window, model, placement)
        truth = _truth(window, is_new=split == "discovery")
        for name, value, reranker in _choices(params, Exploration(share, "costs", window.cut.day)):
            kept = reranker.places(scored, people_of(window), window.catalogue.figures, placement)
            rows.append((placement, name, value, *_figures(window, scored, kept, truth)))
    table = pd.DataFrame(rows, columns=COLUMNS[:-1])
    plain = table[table["weight"] == PLAIN].set_index("placement")["ndcg@10"]
    table["ratio"] = table["ndcg@10"] / np.maximum(table["placement"].map(plain), 1e-12)
    return table


def scored_of(window: Window, model: Model, placement: str) -> Scored:
    """The window's candidates of a placement with the model's scores."""
    found = window.found
    at = np.arange(len(found.row)) if placement == "home" else np.flatnonzero(~found.is_own)
    score = model.model_score(PLACEMENTS[placement], found.features.iloc[at], found.row[at])
    return Scored(found.row[at], found.column[at], score, found.is_own[at])


def people_of(window: Window) -> People:
    """The window's buyers; nobody is held out."""
    orders = np.zeros(len(window.customer_ids))
    orders[window.found.row] = window.found.features["customer_orders"].to_numpy(float)
    return People(window.customer_ids, orders, np.zeros(len(orders), bool))


def diversity(text: sparse.csr_matrix, row: np.ndarray, column: np.ndarray) -> float:
    """Mean over lists of 1 - the mean cosine of two different items' texts in it (intra-list diversity, Ziegler et al.
    2005); ``row`` numbers the lists, ``text`` has rows of length 1 or 0. Lists of one item say nothing."""
    size = np.bincount(row)
    lists = sparse.csr_matrix((np.ones(len(row)), (row, column)), shape=(len(size), text.shape[0]))
    together = np.asarray((lists @ text).power(2).sum(axis=1)).ravel()
    alone = lists @ np.asarray(text.power(2).sum(axis=1)).ravel()
    told = size > 1
    return float(np.mean(1 - (together - alone)[told] / (size * (size - 1))[told])) if told.any() else 0.0


def _choices(params: RerankParams, exploration: Exploration) -> Iterator[tuple[str, float, Reranker]]:
    nothing = replace(params, weights=dict.fromkeys(params.weights, 0.0), diversity=0.0, early_diversity=0.0)
    yield PLAIN, 0.0, Reranker(nothing)
    for name, weight in params.weights.items():
        value = weight or TRIAL
        yield name, value, Reranker(replace(nothing, weights=nothing.weights | {name: value}))
    varied = replace(nothing, diversity=params.diversity, early_diversity=params.early_diversity)
    yield "diversity", params.diversity, Reranker(varied)
    yield "exploration", exploration.share, Reranker(nothing, exploration)
    yield "all", 1.0, Reranker(params, exploration)


def _truth(window: Window, is_new: bool) -> pd.DataFrame:
    """What the window's buyers with candidates bought; with ``is_new`` only what was new to them."""
    truth = window.cut.truth
    truth = truth[truth["customer_id"].isin(set(window.customer_ids))]
    own = window.cut.pairs.loc[window.cut.pairs["orders"] > 0, ["customer_id", "item_id"]]
    is_own = pd.MultiIndex.from_frame(truth[["customer_id", "item_id"]]).isin(pd.MultiIndex.from_frame(own))
    return truth[~is_own] if is_new else truth


def _figures(window: Window, scored: Scored, kept: Chosen, truth: pd.DataFrame) -> tuple[float, float, float]:
    """NDCG@10, coverage@10 and diversity@10 of the places."""
    row, column = scored.row[kept.at], scored.column[kept.at]
    names = {"customer_id": window.customer_ids[row], "item_id": window.catalogue.item_ids[column]}
    lists = pd.DataFrame(names | {"rank": kept.rank})
    top = kept.rank <= 10
    ndcg = evaluate.per_customer(lists, truth)["ndcg@10"].mean() if len(truth) else 0.0
    covered = evaluate.coverage(lists, len(window.cut.items))
    return float(ndcg), covered, diversity(window.catalogue.text, row[top], column[top])
