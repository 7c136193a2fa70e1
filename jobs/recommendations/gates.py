"""The gate: on each split of customers the model is published only where it beat the best baseline, in words."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from jobs.recommendations import baselines, evaluate
from jobs.recommendations.for_newcomer import segment_lists
from jobs.recommendations.learning import Window
from jobs.recommendations.model import MODEL, Gate, Model

MEASURE = "ndcg@10"
NAMES = {"frequency": "personal frequency", "popularity": "popularity"}
SPLITS = ("all", "discovery", "cold")


def evaluated(window: Window, model: Model, seed: int) -> tuple[dict[str, Gate], dict[str, Any]]:
    """Gates by split, and the figures: split → list (model or baseline) → measure → mean."""
    truth = window.cut.truth
    warm = set(window.buyers_with_history)
    newcomers = truth[~truth["customer_id"].isin(warm)]
    cold = {name: _same_for_all(newcomers, window, is_ours) for name, is_ours in ((MODEL, True), ("popularity", False))}
    lists = {
        "all": _lists_all(window, model, cold),
        "discovery": _lists_discovery(window, model),
        "cold": cold,
    }
    truths = {"all": truth, "discovery": discoveries(window), "cold": newcomers}
    gates, figures = {}, {}
    for split in SPLITS:
        gates[split], figures[split] = _gate(split, lists[split], truths[split], window, seed)
    return gates, figures


def discoveries(window: Window) -> pd.DataFrame:
    """What customers with history bought that was new to them."""
    truth, own = window.cut.truth, window.cut.pairs[window.cut.pairs["orders"] > 0]
    truth = truth[truth["customer_id"].isin(set(window.buyers_with_history))]
    is_own = pd.MultiIndex.from_frame(truth[["customer_id", "item_id"]]).isin(
        pd.MultiIndex.from_frame(own[["customer_id", "item_id"]])
    )
    return truth[~is_own]


def without_model(reason: str) -> dict[str, Gate]:
    """Baselines everywhere: a store with too little history to learn from, and the reason."""
    return {
        "all": Gate("all", "frequency", reason),
        "discovery": Gate("discovery", "popularity", reason),
        "cold": Gate("cold", "popularity", reason),
    }


def _lists_all(window: Window, model: Model, cold: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    features, row = window.found.features, window.found.row
    found = {MODEL: pd.concat([window.lists(model.model_score("all", features, row)), cold[MODEL]])}
    for name, score in baselines.BASELINES.items():
        found[name] = pd.concat([window.lists(score(features)), cold["popularity"]])
    return found


def _lists_discovery(window: Window, model: Model) -> dict[str, pd.DataFrame]:
    new = ~window.found.is_own
    features, row = window.found.features[new], window.found.row[new]
    return {
        MODEL: window.lists(model.model_score("discovery", features, row), new),
        "popularity": window.lists(baselines.popularity(features), new),
    }


def _same_for_all(newcomers: pd.DataFrame, window: Window, is_ours: bool) -> pd.DataFrame:
    """The one list for newcomers, given to each of them."""
    places = segment_lists(window.cut.items, window.cut.segments.iloc[:0], is_ours)[["item_id", "rank"]]
    return newcomers[["customer_id"]].drop_duplicates().merge(places, how="cross")


def _gate(
    split: str, lists: dict[str, pd.DataFrame], truth: pd.DataFrame, window: Window, seed: int
) -> tuple[Gate, dict[str, dict[str, float]]]:
    figures, each = {}, {}
    customers = window.cut.sample["customer_id"].nunique()
    for name, shown in lists.items():
        each[name] = evaluate.per_customer(shown, truth)[MEASURE]
        if len(truth):
            figures[name] = evaluate.summary(shown, truth, window.cut.items, customers)
    rivals = sorted((name for name in lists if name != MODEL), key=lambda name: (-_mean(each[name]), name))
    best = rivals[0]
    found = evaluate.compare(each[MODEL], each[best], seed)
    until = f"{found.customers:,} customers of the 28 days after {window.cut.day}"
    verb = "beats" if found.is_better else "does not beat"
    reason = (
        f"NDCG@10 of the model, {found.ours:.4f}, {verb} that of {NAMES[best]}, {found.baseline:.4f} "
        f"(ratio {found.ratio:.3f}, 95% {found.low:.3f} to {found.high:.3f}), on {until}"
    )
    if not found.customers:
        reason = f"nobody to measure on among the buyers of the 28 days after {window.cut.day}"
    publishes = MODEL if found.is_better else best
    gate = Gate(split, publishes, reason, found.ours, found.baseline, found.low, found.high, found.customers)
    return gate, figures


def _mean(values: pd.Series) -> float:
    return float(np.mean(values)) if len(values) else 0.0
