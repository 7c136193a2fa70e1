"""The gate: on each split of customers the model is published only where it beat the best baseline, in words.

A baseline is what the night itself can publish: any score of :data:`jobs.recommendations.baselines.BASELINES`. BM25 and
ALS are measured beside them but have no scores on a night; where one of them was ahead of what is published, the
reason warns of it rather than hiding it.
"""

from __future__ import annotations

import pandas as pd

from jobs.recommendations import baselines, evaluate, peers
from jobs.recommendations.contenders import Lists, discoveries
from jobs.recommendations.learning import Window
from jobs.recommendations.model import MODEL, Gate

MEASURE = "ndcg@10"
NAMES = {"frequency": "personal frequency"}
SPLITS = ("all", "discovery", "cold")


def evaluated(window: Window, lists: Lists, seed: int) -> dict[str, Gate]:
    """Gates by split, from the lists of :func:`jobs.recommendations.contenders.lists`."""
    return {split: _gate(split, lists[split], truth, window, seed) for split, truth in truths(window).items()}


def truths(window: Window) -> dict[str, pd.DataFrame]:
    """What the customers of each split bought, and could have been shown by its lists."""
    truth = window.cut.truth
    newcomers = truth[~truth["customer_id"].isin(window.buyers_with_history)]
    return {"all": truth, "discovery": discoveries(window), "cold": newcomers}


def without_model(reason: str) -> dict[str, Gate]:
    """Baselines everywhere: a store with too little history to learn from, and the reason."""
    return {
        "all": Gate("all", "frequency", reason),
        "discovery": Gate("discovery", "popularity", reason),
        "cold": Gate("cold", "popularity", reason),
    }


def _gate(split: str, lists: dict[str, pd.DataFrame], truth: pd.DataFrame, window: Window, seed: int) -> Gate:
    each = {name: evaluate.per_customer(shown, truth)[MEASURE] for name, shown in lists.items()}
    if not len(truth):
        reason = f"nobody to measure on among the buyers of the 28 days after {window.cut.day}"
        # The first of the baselines: personal frequency where it has a list.
        return Gate(split, next(name for name in baselines.BASELINES if name in lists), reason)
    means = {name: float(values.mean()) for name, values in each.items()}
    best = min((name for name in means if name in baselines.BASELINES), key=lambda name: (-means[name], name))
    found = evaluate.compare(each[MODEL], each[best], seed)
    publishes = MODEL if found.is_better else best
    verb = "beats" if found.is_better else "does not beat"
    reason = (
        f"NDCG@10 of the model, {found.ours:.4f}, {verb} that of {NAMES.get(best, best)}, {found.baseline:.4f} "
        f"(ratio {found.ratio:.3f}, 95% {found.low:.3f} to {found.high:.3f}), "
        f"on {found.customers:,} customers of the 28 days after {window.cut.day}"
    )
    ahead = [name for name in sorted(means) if name in peers.NAMES and means[name] > means[publishes]]
    reason += "".join(f"; warning: {name}, which a night cannot publish, has {means[name]:.4f}" for name in ahead)
    return Gate(split, publishes, reason, found.ours, found.baseline, found.low, found.high, found.customers)
