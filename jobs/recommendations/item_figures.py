"""What re-ranking knows of an item beside its relevance: where it stands in the text, margin, stock, how new it is.

Fitted once a night with the catalogue; one value or one row an item, in the order of the catalogue.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from scipy import sparse

DIMENSIONS = 32
POWER_ITERATIONS = 2
SEED = 11
FRESH_DAYS = 28


@dataclass(frozen=True)
class ItemFigures:
    """``embedding``: items × 32, rows of length 1 (zeros for an item without text), so that a product of two rows is
    a likeness. ``margin``: (price - cost) / price within 0 and 1; ``stock``: log1p of pieces over that of the largest
    stock; both 0 where unknown. ``listed_age``: days since it came on sale, infinite where the store does not say.
    ``season``: orders in the coming weeks of last year. ``product``: see :func:`products`.
    ``is_fresh``: first sold in the last 28 days, or not sold yet and listed in them. ``is_for_allowed``:
    sellable, but only to customers who are allowed to see what is restricted.
    """

    embedding: np.ndarray
    margin: np.ndarray
    stock: np.ndarray
    listed_age: np.ndarray
    is_fresh: np.ndarray
    is_unsold: np.ndarray
    is_for_allowed: np.ndarray
    season: np.ndarray
    product: np.ndarray

    @cached_property
    def has_variants(self) -> bool:
        """Whether any two items are of one product."""
        return has_variants(self.product)

    @property
    def just_listed(self) -> np.ndarray:
        """The value of items that nobody has bought and that were listed lately, the newest highest; else 0."""
        return np.where(self.is_fresh & self.is_unsold, 1 / (1 + np.maximum(self.listed_age, 0)), 0.0)

    @property
    def is_unproven(self) -> np.ndarray:
        """Fresh or never sold: what showing it would earn is not known."""
        return self.is_fresh | self.is_unsold


def fit(item: pd.DataFrame, text: sparse.csr_matrix) -> ItemFigures:
    """The figures of the item table's rows; ``text`` are their unit rows of TF-IDF."""
    price, cost = _numbers(item, "price"), _numbers(item, "cost")
    on_hand = _numbers(item, "on_hand")
    stock = np.log1p(np.maximum(np.nan_to_num(on_hand), 0))
    with np.errstate(invalid="ignore", divide="ignore"):
        margin = np.clip(np.nan_to_num((price - cost) / price, nan=0.0, posinf=0.0, neginf=0.0), 0, 1)
    listed_age, is_fresh, is_unsold = newness(item)
    in_stock = np.nan_to_num(on_hand, nan=1.0) > 0
    return ItemFigures(
        embedding=embedding(text),
        margin=margin,
        stock=stock / max(stock.max(initial=0), 1e-9),
        listed_age=listed_age,
        is_fresh=is_fresh,
        is_unsold=is_unsold,
        is_for_allowed=item["is_active"].to_numpy(bool) & item["is_restricted"].to_numpy(bool) & in_stock,
        season=season(item),
        product=products(item),
    )


def products(item: pd.DataFrame) -> np.ndarray:
    """Of each row of the item table the number of the first row of its product, which is what shares a parent: sizes of
    a shirt, and the parent itself; an item without one stands alone."""
    if "parent_item_id" not in item or not item["parent_item_id"].notna().any():
        return np.arange(len(item))
    name = item["parent_item_id"].fillna(item["item_id"]).to_numpy(object)
    _, first, number = np.unique(name, return_index=True, return_inverse=True)
    return first[number]


def has_variants(product: np.ndarray) -> bool:
    """Whether any two of these items are of one product."""
    return bool((product != np.arange(len(product))).any())


def one_a_product(product: np.ndarray, *group: np.ndarray) -> np.ndarray:
    """Positions, in their order, of the first of each product (within each ``group``, where one is given)."""
    key = pd.MultiIndex.from_arrays([product, *group]) if group else pd.Index(product)
    return np.flatnonzero(~key.duplicated())


def best_variants(product: np.ndarray, score: np.ndarray, *group: np.ndarray) -> np.ndarray:
    """Positions, in their order, of the highest score of each product (within each ``group``, where one is given);
    ties to the earlier one."""
    order = np.lexsort((-score, *group))
    return np.sort(order[one_a_product(product[order], *(each[order] for each in group))])


def season(item: pd.DataFrame) -> np.ndarray:
    """Orders of each item in the coming weeks of last year; 0 where the store was not there yet."""
    return np.nan_to_num(_numbers(item, "orders_season"))


def newness(item: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """``listed_age``, ``is_fresh`` and ``is_unsold`` of the item table's rows."""
    first, listed = _numbers(item, "first_age"), np.nan_to_num(_numbers(item, "listed_age"), nan=np.inf)
    is_unsold = np.isnan(first)
    return listed, np.where(is_unsold, listed, first) < FRESH_DAYS, is_unsold


def embedding(text: sparse.csr_matrix) -> np.ndarray:
    """Items × 32: the text along its strongest directions, by randomised subspace iteration with a fixed seed (Halko,
    Martinsson & Tropp 2011), rows scaled to length 1. Rounded, as the last bits of a product depend on the machine."""
    items, terms = text.shape
    if not items or not terms:
        return np.zeros((items, DIMENSIONS), np.float32)
    found = text @ np.random.default_rng(SEED).standard_normal((terms, DIMENSIONS))
    for _ in range(POWER_ITERATIONS):
        found = text @ (text.T @ np.linalg.qr(found)[0])
    basis = np.linalg.qr(found)[0]
    spread = text.T @ basis
    value, direction = np.linalg.eigh(spread.T @ spread)
    rows = basis @ direction * np.sqrt(np.maximum(value, 0))
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    unit = np.round(rows / np.where(length > 1e-6, length, 1), 4).astype(np.float32)
    return np.pad(unit, ((0, 0), (0, DIMENSIONS - unit.shape[1])))


def _numbers(item: pd.DataFrame, name: str) -> np.ndarray:
    """A column as floats; not a number throughout where the table does not have it."""
    return item[name].astype(float).to_numpy() if name in item else np.full(len(item), np.nan)
