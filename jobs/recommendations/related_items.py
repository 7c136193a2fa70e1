"""Beside an item: items that are ``similar`` (by text and by who buys them) and items ``bought_together`` with it.

``bought_together`` ranks by lift, shrunk where few orders stand behind it, so that what is merely popular does not
stand beside everything.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date

import numpy as np
import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from scipy import sparse

from jobs.lib import shared
from jobs.lib.registry import Champion
from jobs.lib.settings import Settings
from jobs.lib.stores import Store
from jobs.recommendations import basket, catalogue, content, frames
from jobs.recommendations.basket import PLACES, BasketParams, Together
from jobs.recommendations.catalogue import Catalogue
from jobs.recommendations.item_figures import ItemFigures, one_a_product
from jobs.recommendations.reasons import short
from jobs.recommendations.rows import keep_strongest

SCHEMA = "item_id string, relation string, rank int, related_item_id string, score double, source string, reason string"
# Printed with one decimal, a lift up to this reads as chance itself.
MIN_LIFT = 1.05


@dataclass(frozen=True)
class RelatedParams:
    """What the text weighs in ``similar``, the rest being who buys it; and how pairs of baskets are counted."""

    text_weight: float = 0.5
    baskets: BasketParams = field(default_factory=lambda: BasketParams(min_lift=MIN_LIFT))


@dataclass(frozen=True)
class Related:
    """The item side with the likeness of items (items × items) and the pairs of baskets."""

    catalogue: Catalogue
    likeness: sparse.csr_matrix
    pairs: Together

    def blocks(self, frames_of_items: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        """Lists for a stream of frames with ``item_id``."""
        for frame in frames_of_items:
            yield self.lists(frame["item_id"])

    def lists(self, item_ids: pd.Series) -> pd.DataFrame:
        """Both lists of these items; those of an item are the same whatever else is asked for."""
        at = self.catalogue.index_of(item_ids)
        at = at[at >= 0]
        parts = [
            _list(self.catalogue, at, "similar", self.likeness, self._similar_reasons),
            _list(self.catalogue, at, "bought_together", self.pairs.shrunk_lift, self._together_reasons),
        ]
        return pd.concat(parts, ignore_index=True)

    def _similar_reasons(self, items: np.ndarray, others: np.ndarray) -> list[tuple[str, str]]:
        near = _values(self.catalogue.text_neighbours, items, others)
        alike = _values(self.catalogue.cosine, items, others)
        return [self._similar_reason(*each) for each in zip(items, others, near, alike, strict=True)]

    def _similar_reason(self, item: int, other: int, near: float, alike: float) -> tuple[str, str]:
        shared = common_words(self.catalogue.titles[item], self.catalogue.titles[other])
        if near > 0 and shared:
            return "content", f"Alike in: {short(', '.join(shared[:4]))}"
        if alike > 0:
            return "customers alike", f"Bought by the same customers (likeness {alike:.2f})"
        return "content", f"Of the kind of {short(self.catalogue.titles[item])}"

    def _together_reasons(self, items: np.ndarray, others: np.ndarray) -> list[tuple[str, str]]:
        orders, lift = (_values(matrix, items, others) for matrix in (self.pairs.orders, self.pairs.lift))
        told = "Bought together in {:,.0f} orders, {:.1f} times as often as by chance".format
        return [("same basket", told(*each)) for each in zip(orders, lift, strict=True)]


def related_items(
    customer_item: DataFrame,
    item: DataFrame,
    customer: DataFrame,
    order_lines: DataFrame,
    as_of: date,
    store: Store,
    champion: Champion,
    settings: Settings,
) -> DataFrame:
    """Up to twenty places for each item and relation."""
    fitting = replace(catalogue.params_of(settings, store), is_personal=False)
    params = RelatedParams(baskets=replace(fitting.baskets, min_lift=MIN_LIFT))
    pairs = frames.pair_rows(customer_item, customer, as_of)
    items = catalogue.fit(frames.item_rows(item, as_of), frames.sampled(pairs), fitting)
    found = fit(items, basket.baskets(order_lines, as_of, params.baskets), params)
    spread = item.select("item_id").repartition(settings.shuffle_partitions, "item_id")
    blocks = shared.blocks(item.sparkSession, settings, found)
    return spread.mapInPandas(blocks, SCHEMA).withColumn("model_version", F.lit(champion.version))


def fit(items: Catalogue, held: pd.DataFrame, params: RelatedParams) -> Related:
    """Likeness from the catalogue, pairs from the baskets ``held``."""
    likeness = params.text_weight * items.text_neighbours + (1 - params.text_weight) * items.cosine
    pairs = basket.together(held, items.index, items.may_stand_beside, params.baskets)
    one = _best_variants(pairs.shrunk_lift, items.figures)
    one.eliminate_zeros()
    return Related(items, _shown(likeness.tocsr(), items), replace(pairs, shrunk_lift=one))


def common_words(title: str, other: str) -> list[str]:
    """Words of both titles, in the order of the first; of a script without blanks what they share in one piece."""
    theirs, found, is_open = set(content.words(other)), [""], False
    for word in content.words(title):
        is_shared = len(word) > 1 and word in theirs
        goes_on = is_shared and bool(content.BIGRAM.fullmatch(word))
        if is_open and goes_on and found[-1][-1] == word[0]:
            found[-1] += word[1]
        elif is_shared:
            found.append(word)
        is_open = goes_on
    return list(dict.fromkeys(found[1:]))


def _values(matrix: sparse.csr_matrix, row: np.ndarray, column: np.ndarray) -> np.ndarray:
    """The values at these places; one by one they would cost more than all else here."""
    # Of no places scipy gives a matrix.
    return np.asarray(matrix[row, column]).ravel() if len(row) else np.zeros(0, np.float32)


def _shown(matrix: sparse.csr_matrix, items: Catalogue) -> sparse.csr_matrix:
    """Of each item the likest that may stand beside it: other products, one variant of each."""
    matrix.sort_indices()
    item, product = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr)), items.figures.product
    may_stand = items.may_stand_beside(item, matrix.indices) & (product[item] != product[matrix.indices])
    shown = basket.like(matrix, np.where(may_stand, matrix.data, 0))
    return keep_strongest(_best_variants(shown, items.figures), PLACES)


def _best_variants(matrix: sparse.csr_matrix, figures: ItemFigures) -> sparse.csr_matrix:
    """Each row's largest entry of each product, the others 0; ties to the lower item."""
    if not figures.has_variants:
        return matrix
    item = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    order = np.lexsort((matrix.indices, -matrix.data, item))
    kept = np.zeros(len(order), bool)
    kept[order[one_a_product(figures.product[matrix.indices[order]], item[order])]] = True
    return basket.like(matrix, np.where(kept, matrix.data, 0))


def _list(items: Catalogue, at: np.ndarray, relation: str, matrix: sparse.csr_matrix, reasons) -> pd.DataFrame:
    """The entries of these rows as places, the largest first, ties to the lower id."""
    part = matrix[at]
    row = np.repeat(np.arange(len(at)), np.diff(part.indptr))
    order = np.lexsort((part.indices, -part.data, row))
    row, other, score = row[order], part.indices[order], part.data[order]
    why = reasons(at[row], other)
    return pd.DataFrame(
        {
            "item_id": items.item_ids[at[row]],
            "relation": relation,
            "rank": (np.arange(len(row)) - np.searchsorted(row, row) + 1).astype(np.int32),
            "related_item_id": items.item_ids[other],
            "score": score.astype(float),
            "source": [source for source, _ in why],
            "reason": [text for _, text in why],
        }
    )
