"""Figures of each customer of a window by (split, list, measure): the columns whose means an evaluation states.

A column has one value a buyer of the window, sorted by id, and NaN for those of whom it says nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from jobs.recommendations import contenders, evaluate, fairness, gates, splits
from jobs.recommendations.contenders import Lists
from jobs.recommendations.learning import Window
from jobs.recommendations.model import MODEL

PART_MEASURES = ["ndcg@10", "recall@10"]
# What groups of people are shown, beside how well it suits them.
SHOWN_MEASURES = ["novelty@10", "diversity@10"]
BOUGHT, POPULARITY = "bought", "popularity"
# Split with all measures → the kind of lists that it is measured by.
MEASURED = {"all": "all", "personal": "all", "discovery": "discovery", "again": "again", "cold": "cold"}
Key = tuple[str, str, str]


def each_customer(window: Window, lists: Lists) -> pd.DataFrame:
    """All columns, by name."""
    columns: dict[Key, pd.Series] = {}
    for found in (_of_splits, _of_countries, _of_parts, _of_items, _of_sources):
        columns.update(found(window, lists))
    return pd.DataFrame(columns).sort_index(axis=1)


def _customers(window: Window) -> pd.Index:
    return pd.Index(np.sort(window.cut.truth["customer_id"].unique().astype(object)))


def _of_splits(window: Window, lists: Lists) -> Iterator[tuple[Key, pd.Series]]:
    """All measures of the gated splits and of all, and of each group of customers how its lists suit it and what they
    show."""
    customers = _customers(window)
    kind = pd.Series(window.catalogue.kind, index=window.catalogue.item_ids, dtype=object)
    # Both counts are of the sample: an item may have more buyers in the whole store than the sample has customers.
    known = window.cut.sample[window.cut.sample["orders"] > 0]
    buyers = known.groupby("item_id")["customer_id"].nunique().reindex(window.catalogue.item_ids).fillna(0)
    surprise = evaluate.surprise(buyers.to_numpy(), known["customer_id"].nunique())
    groups = splits.activity(window.cut) | splits.customer_groups(window.cut)
    groups["with history"] = window.cut.regulars["customer_id"].to_numpy(object)
    for split, kind_of_lists in MEASURED.items():
        truth = window.cut.bought(split)
        for name, shown in lists[kind_of_lists].items():
            hits = evaluate.hits(shown, truth)
            figures = evaluate.of_hits(hits, truth.groupby("customer_id").size()).reindex(customers)
            # Novelty and diversity of the same customers as the other measures.
            novelty = evaluate.novelty(shown, window.catalogue, surprise).reindex(customers)
            diversity = evaluate.diversity(shown, window.catalogue).reindex(customers)
            figures["novelty@10"] = novelty.where(figures["ndcg@10"].notna())
            figures["diversity@10"] = diversity.where(figures["ndcg@10"].notna())
            figures["serendipity@10"] = evaluate.serendipity(hits, kind, window.cut.own)
            yield from (((split, name, str(measure)), values) for measure, values in figures.items())
            for group, ids in groups.items() if split == "all" else ():
                inside = figures.loc[figures.index.isin(ids), PART_MEASURES + SHOWN_MEASURES].reindex(customers)
                yield from (((group, name, str(measure)), values) for measure, values in inside.items())


def _of_countries(window: Window, lists: Lists) -> Iterator[tuple[Key, pd.Series]]:
    """Two measures of what newcomers find in the list of their country, where orders declare one."""
    truth = window.cut.bought("cold")
    if "country" not in truth or not truth["country"].notna().any():
        return
    sizes = truth.groupby("customer_id").size()
    for name in (MODEL, POPULARITY):
        shown = contenders.country_lists(window, is_ours=name == MODEL)
        figures = evaluate.of_hits(evaluate.hits(shown, truth), sizes)[PART_MEASURES].reindex(_customers(window))
        yield from (((gates.COUNTRIES, name, str(measure)), values) for measure, values in figures.items())


def _of_parts(window: Window, lists: Lists) -> Iterator[tuple[Key, pd.Series]]:
    """Two measures of the plain lists on each kind of purchase; who gave no consent is shown the newcomers'."""
    customers = _customers(window)
    for split, truth in splits.parts(window.cut):
        sizes = truth.groupby("customer_id").size()
        kind = "cold" if split == splits.WITHOUT_CONSENT else "all"
        for name, shown in lists[kind].items() if len(truth) else ():
            figures = evaluate.of_hits(evaluate.hits(shown, truth), sizes)[PART_MEASURES].reindex(customers)
            yield from (((split, name, str(measure)), values) for measure, values in figures.items())


def _of_items(window: Window, lists: Lists) -> Iterator[tuple[Key, pd.Series]]:
    """How much of the plain lists each group of items takes, beside its share of what was bought."""
    customers = _customers(window)
    for group, ids in splits.item_groups(window.cut).items():
        yield (group, BOUGHT, "exposure_share"), fairness.shares(window.cut.truth, ids, customers)
        for name, shown in lists["all"].items():
            yield (group, name, "exposure_share"), fairness.exposure(shown, ids, customers)


def _of_sources(window: Window, lists: Lists) -> Iterator[tuple[Key, pd.Series]]:
    """Of each source of candidates: how much of what was bought it had proposed, its share of the model's hits in ten
    places (one hit may have several sources) and how many items it brings, by customer with a list."""
    found, customers = window.found, _customers(window)
    truth = window.bought("all")
    wanted = truth.groupby("customer_id").size().reindex(window.customer_ids).to_numpy(float)
    hits = evaluate.hits(lists["all"][MODEL], truth)
    hits = hits[hits["rank"] <= 10]
    width = len(window.catalogue.item_ids)
    row = pd.Index(window.customer_ids).get_indexer(hits["customer_id"])
    column = window.catalogue.index_of(hits["item_id"])
    is_hit = np.isin(found.row * width + found.column, row * width + column)

    def count(mask: np.ndarray) -> np.ndarray:
        return np.bincount(found.row, weights=mask, minlength=len(window.customer_ids))

    with np.errstate(invalid="ignore", divide="ignore"):
        for source, proposed in sorted((found.sources | {"any": np.ones(len(found.row), bool)}).items()):
            figures = {
                "candidate_recall": count(proposed & window.is_bought) / wanted,
                "hit_share": count(proposed & is_hit) / count(is_hit),
                "candidates": count(proposed),
            }
            for measure, values in figures.items():
                told = pd.Series(values, index=window.customer_ids).reindex(customers)
                yield (f"source={source}", MODEL, measure), told
