"""The evaluation of a model: every split × list × measure of one window, with intervals, as rows.

Each figure is a mean over customers: a frame of customers × (split, list, measure) is resampled once, so that all
ratios are paired. What a whole set of lists has (coverage, Gini) stands without an interval.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from jobs.lib.intervals import Interval, Resampled
from jobs.recommendations import calibration, cost, evaluate, fairness, gates, rerank_costs, splits
from jobs.recommendations.columns import BOUGHT
from jobs.recommendations.contenders import UNWEIGHTED, Lists
from jobs.recommendations.cost import Cost
from jobs.recommendations.fairness import FairnessParams
from jobs.recommendations.learning import Window
from jobs.recommendations.model import MODEL, Model
from jobs.recommendations.rerank import RerankParams

DIGITS = 6  # sums of other numpy builds differ beyond
# Of some hundred charts those that a shop decides by: what people find, what is new to them, how much is shown at all.
DRAWN = {
    "personal": ["ndcg@10"],
    "all": ["ndcg@10", "coverage@10", "diversity@10"],
    "discovery": ["ndcg@10"],
    "cold": ["ndcg@10"],
    "again": ["ndcg@10"],
    "tail items": ["ndcg@10"],
    "new items": ["ndcg@10"],
}
RERANKED = "reranked="
KEPT = 0.97  # of the NDCG@10 that a gate judged, which is that of the plain lists: what re-ranking takes unsaid
COLUMNS = ["split", "list", "measure", "value", "low", "high", "cases", "cut_date"]


def rows(
    window: Window,
    lists: Lists,
    drawn: Resampled,
    model: Model,
    later: Window,
    costs: dict[str, Cost],
    params: FairnessParams,
    reranked: RerankParams,
    exploration_share: float,
) -> pd.DataFrame:
    """All figures of the window, sorted, one row a (split, list, measure); see ``expectations/recommendations``.

    ``drawn`` has the figures of :func:`jobs.recommendations.columns.each_customer`. ``later`` is the window that
    training stopped on: the scaling of probabilities is learnt there, and ``costs`` were measured there. Of those the
    table has all but the seconds, which no two runs share.
    """
    found = [(*key, *vars(drawn.mean(key)).values()) for key in drawn.columns]
    found += list(_ratios(drawn, list(splits.customer_groups(window.cut)), params))
    found += [*_of_sets(window, lists), *_of_scores(window, model, later)]
    found += _of_reranking(window, rerank_costs.costs(window, model, reranked, exploration_share))
    table = pd.DataFrame(found, columns=COLUMNS[:-1]).assign(cut_date=window.cut.day)
    table = pd.concat([table, _of_costs(costs, later)]).sort_values(COLUMNS[:3], kind="stable")
    table[["value", "low", "high"]] = table[["value", "low", "high"]].replace([np.inf, -np.inf], np.nan).round(DIGITS)
    # A measure that says nothing of anybody (no texts, no hits) has no row.
    return table[table["value"].notna()].reset_index(drop=True)


def nested(table: pd.DataFrame) -> dict[str, dict]:
    """Split → list → measure → value for the gated splits and those that a report draws, NDCG@10 alone for all but the
    gated ones under ``splits``; ``drawn`` says what a report draws (:mod:`jobs.report.findings`)."""
    found: dict[str, dict] = {split: {} for split in (*gates.SPLITS, *DRAWN)}
    found["splits"], found["drawn"] = {}, DRAWN
    for row in table.itertuples(index=False):
        if row.split in (*gates.SPLITS, *DRAWN):
            found[row.split].setdefault(row.list, {})[row.measure] = row.value
        if row.split not in gates.SPLITS and row.measure == gates.MEASURE:
            found["splits"].setdefault(row.split, {})[row.list] = row.value
    return found


def reranked(table: pd.DataFrame) -> list[dict[str, str | float]]:
    """What each part of re-ranking gives and takes, in the order of the table, for people to look at."""
    rows = table[table["split"].str.startswith(RERANKED)]
    found: dict[str, dict[str, str | float]] = {}
    for row in rows.itertuples(index=False):
        placement, weight = row.split.removeprefix(RERANKED).split(", ")
        found.setdefault(row.split, {"placement": placement, "weight": weight})[row.measure] = row.value
    return [one for one in found.values() if set(rerank_costs.MEASURES) <= set(one)]


def warnings(table: pd.DataFrame, params: FairnessParams) -> dict[str, str]:
    """Split → sentence: groups of people that the model serves worse and groups of items that it shows less than the
    threshold allows, splits on which no gate decides (but for ``all``, of which several do) and some other list has the
    higher NDCG@10, and placements whose published order keeps little of what the gate judged."""
    told = table[(table["list"] == MODEL) & table["measure"].isin(list(fairness.WORDS))]
    ratios = {(row.split, row.measure): Interval(row.value, row.low, row.high, row.cases) for row in told.itertuples()}
    found = fairness.alarms(ratios, params)
    measured = table[(table["measure"] == gates.MEASURE) & ~table["split"].isin(["all", *gates.SPLITS])]
    for split, lists in measured.groupby("split", sort=True):
        values = lists.set_index("list")["value"].drop(UNWEIGHTED, errors="ignore").sort_values(kind="stable")
        if values.index[-1] != MODEL and values.iloc[-1] > values[MODEL]:
            other = f"{values.index[-1]} has NDCG@10 {values.iloc[-1]:.4f}, the model {values[MODEL]:.4f}"
            found[split] = "; ".join([*([found[split]] if split in found else []), f"{split}: {other}"])
    return found | _of_published_order(table)


def _of_published_order(table: pd.DataFrame) -> dict[str, str]:
    """The split of all that a store's re-ranking does in a placement → a sentence, where that costs much."""
    is_whole = table["split"].str.startswith(RERANKED) & table["split"].str.endswith(f", {rerank_costs.ALL}")
    kept = table[is_whole & (table["measure"] == "ndcg_ratio")].set_index("split")["value"]
    return {
        split: f"{split}: the published order, with its variety, weights and chance, keeps {ratio:.3f} of the NDCG@10 "
        "of the plain lists that the gate judged"
        for split, ratio in kept.items()
        if ratio < KEPT
    }


def _ratios(drawn: Resampled, groups: list[str], params: FairnessParams) -> Iterator[tuple]:
    """The model beside each list, each group of people beside all, each group of items beside its share of sales."""
    for split, name, measure in drawn.columns:
        if measure == gates.MEASURE and name != MODEL and (split, MODEL, measure) in drawn.columns:
            found = drawn.ratio((split, MODEL, measure), (split, name, measure))
            yield (split, name, "model_ratio", *vars(found).values())
        if measure == gates.MEASURE and split in groups:
            found = drawn.ratio((split, name, measure), ("with history", name, measure))
            yield from _told(split, name, fairness.QUALITY, found, params)
        if measure == "exposure_share" and name != BOUGHT:
            found = drawn.ratio((split, name, measure), (split, BOUGHT, measure))
            yield from _told(split, name, fairness.EXPOSURE, found, params)


def _told(split: str, name: str, measure: str, ratio: Interval, params: FairnessParams) -> Iterator[tuple]:
    yield (split, name, measure, *vars(ratio).values())
    alarm = float(fairness.is_alarming(ratio, params))
    yield (split, name, "alarm", alarm, np.nan, np.nan, ratio.cases)


def _of_sets(window: Window, lists: Lists) -> Iterator[tuple]:
    """Coverage at 5, 10 and 20 places, and Gini at 10, of each kind of list."""
    size = len(window.cut.items)
    for split, named in lists.items():
        for name, shown in named.items():
            customers = shown["customer_id"].nunique()
            for k in evaluate.CUTOFFS:
                yield split, name, f"coverage@{k}", evaluate.coverage(shown, size, k), np.nan, np.nan, customers
            yield split, name, "gini@10", evaluate.gini(shown, size), np.nan, np.nan, customers


def _of_reranking(window: Window, costs: pd.DataFrame) -> Iterator[tuple]:
    """What each weight of re-ranking gives and takes by itself (:func:`jobs.recommendations.rerank_costs.costs`)."""
    customers = len(window.customer_ids)
    for row in costs.to_dict("records"):
        split = f"{RERANKED}{row['placement']}, {row['weight']}"
        for measure in rerank_costs.MEASURES:
            yield split, MODEL, measure, row[measure], np.nan, np.nan, customers


def _of_costs(costs: dict[str, Cost], later: Window) -> pd.DataFrame:
    """Quality and candidates a customer of each configuration of the candidate sources."""
    cases = cost.some(later.cut, cost.CUSTOMERS).truth["customer_id"].nunique()
    found = [
        (f"configuration={name}", MODEL, measure, value, np.nan, np.nan, cases)
        for name, one in costs.items()
        for measure, value in ((gates.MEASURE, one.ndcg), ("candidates", one.candidates))
    ]
    return pd.DataFrame(found, columns=COLUMNS[:-1]).assign(cut_date=later.cut.day)


def _of_scores(window: Window, model: Model, later: Window) -> Iterator[tuple]:
    """Calibration of the logistic model over all candidates; ``cases`` are pairs."""
    margins = [model.rankers["all"].predicted(one.found.features)["logistic"] for one in (window, later)]
    slope, offset = calibration.scaling(margins[1], later.is_bought)
    raw = calibration.reliability(calibration.probability(margins[0]), window.is_bought)
    bins = calibration.reliability(calibration.probability(slope * margins[0] + offset), window.is_bought)
    pairs = len(window.is_bought)
    yield "all", MODEL, "calibration_error_raw", calibration.error(raw), np.nan, np.nan, pairs
    yield "all", MODEL, "calibration_error", calibration.error(bins), np.nan, np.nan, pairs
    for place, row in enumerate(bins.itertuples(index=False), start=1):
        for measure, value in (("probability", row.told), ("bought_share", row.bought)):
            yield f"scores decile {place:02d}", MODEL, measure, value, np.nan, np.nan, row.pairs
