"""Which items a customer might buy: named sources, each bounded, over a block of customers.

A :class:`Block` holds the histories of some customers as sparse rows; nothing in it depends on the other customers
of the block, so blocks can be cut anywhere without changing a result.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd
from scipy import sparse

from jobs.recommendations import factors
from jobs.recommendations.catalogue import Catalogue, taste_rows
from jobs.recommendations.item_figures import one_a_product
from jobs.recommendations.rows import keep_strongest, product

DUE_FACTOR = 1.5
FEW_ORDERS = 3  # of a customer with fewer what they looked at tells a taste as well
LOOKS = {"carts_28d": 0.3, "views_28d": 0.1}  # what one weighs beside an order
NEW_ITEMS = 20  # that every customer is proposed, as far as there are so many: a list's places


@dataclass(frozen=True)
class CandidateParams:
    """How many items each source may bring a customer."""

    own: int = 400
    item_item: int = 100
    users: int = 20
    content: int = 20
    viewed: int = 20
    due: int = 20
    leaders: int = 20
    factors: int = 20
    basket: int = 10
    neighbours: int = 150
    shared: dict[str, int] = field(
        default_factory=lambda: {
            **{"discovered": 60, "trend": 20, "popular": 40},
            **{"new": 10, "just listed": 10, "seasonal": 10},
        }
    )


@dataclass(frozen=True)
class Block:
    """Some customers: their table rows in the order of their ids, and their histories as customers × items rows."""

    customers: pd.DataFrame
    pairs: pd.DataFrame
    row: np.ndarray
    column: np.ndarray
    items: int

    def matrix(self, values: np.ndarray | pd.Series) -> sparse.csr_matrix:
        """One figure of every own pair as a sparse matrix, zeros left out."""
        shape = (len(self.customers), self.items)
        found = sparse.csr_matrix((np.asarray(values, np.float32), (self.row, self.column)), shape=shape)
        found.eliminate_zeros()
        return found

    def taste(self, orders: np.ndarray | pd.Series) -> sparse.csr_matrix:
        """A figure of what was ordered, and beside it of customers with few orders what they only looked at."""
        return self.matrix(np.asarray(orders, float) + self.looked)

    @cached_property
    def looked(self) -> np.ndarray:
        """What looks weigh as part of an order, one value an own pair; 0 for who ordered three times, and what they
        ordered."""
        orders, of_customer = (self.pairs[name].to_numpy(float) for name in ("orders", "customer_orders"))
        weight = sum(weight * self.pairs[name].to_numpy(float) for name, weight in LOOKS.items())
        return np.where((orders == 0) & (of_customer < FEW_ORDERS), np.minimum(weight, 1), 0)


def block_of(pairs: pd.DataFrame, catalogue: Catalogue) -> Block:
    """A block from rows of :func:`jobs.recommendations.frames.pair_rows`; items without a table row are left out."""
    pairs = pairs.sort_values(["customer_id", "item_id"], kind="stable").reset_index(drop=True)
    column = catalogue.index_of(pairs["item_id"])
    pairs, column = pairs[column >= 0].reset_index(drop=True), column[column >= 0]
    _, first, row = np.unique(pairs["customer_id"].to_numpy(object), return_index=True, return_inverse=True)
    customers = pairs.iloc[first].reset_index(drop=True)
    return Block(customers, pairs, row, column, len(catalogue.item_ids))


def scores(block: Block, catalogue: Catalogue, params: CandidateParams) -> dict[str, sparse.csr_matrix]:
    """The collaborative and content scores, each customers × items and sparse, by the name of the source.

    The columns of a row are in no order: sorting whole rows would cost more than the products.
    """
    bought = block.taste(block.pairs["orders"] > 0)
    orders = block.taste(block.pairs["orders"])
    recent = block.taste(block.pairs["decayed_90d"])
    size = np.maximum(np.diff(bought.indptr), 1).astype(np.float32)
    found = {
        "ease": product(sparse.diags(size**-0.25) @ bought, catalogue.ease),
        "ease_recent": product(recent, catalogue.ease_recent),
        "bm25": product(orders, catalogue.bm25),
        "content": product(recent, catalogue.text_neighbours),
        "basket": product(recent, catalogue.basket),
        # How much of what the customer bought is of the item's kind, times how much the item leads its kind.
        "leader": product(unit_sum(recent @ catalogue.members), catalogue.leaders),
        "factors": factors.scores(orders, catalogue.factors, params.neighbours if params.factors else 0),
    }
    near = _neighbours(block, catalogue, params)
    for name, weights in sorted(catalogue.reference_weights.items()):
        found[f"users_{name}"] = product(near, weights)
    return {name: matrix.tocsr().astype(np.float32, copy=False) for name, matrix in found.items()}


def candidates(
    block: Block, catalogue: Catalogue, scored: dict[str, sparse.csr_matrix], params: CandidateParams
) -> dict[str, np.ndarray]:
    """Keys (row · items + item, sorted, distinct) that each source proposes; only items that may be shown."""
    weight = block.pairs["decayed_90d"].to_numpy(float) + 1e-6 * block.pairs["orders"].to_numpy(float)
    viewed = block.pairs["views_28d"].to_numpy(float) + 3 * block.pairs["carts_28d"].to_numpy(float)
    viewed = np.where(block.pairs["orders"] > 0, 0, viewed)
    found = {
        "own history": _top(block.matrix(np.where(block.pairs["orders"] > 0, weight + 1e-9, 0)), params.own),
        "due again": _top(block.matrix(dueness(block, catalogue)), params.due),
        "bought with": _top(scored["ease"], params.item_item),
        "customers alike": _top(scored["users_recent"], params.users),
        "similar": _top(scored["content"], params.content),
        "same basket": _top(scored["basket"], params.basket),
        "category leaders": _top(scored["leader"], params.leaders),
        "factors": _top(scored["factors"], params.factors),
        "viewed": _top(block.matrix(viewed), params.viewed),
    }
    # Who names no country is taken to be where the store is: else a catalogue sold in named ones shows them nothing.
    known = block.customers["country"].fillna(catalogue.home_country or "")
    countries, country_of = np.unique(known.to_numpy(object), return_inverse=True)
    is_sold = np.array(
        [[not codes or not who or who in codes.split() for codes in catalogue.sold_in] for who in countries]
    )
    for name, k in params.shared.items():
        parts = []
        for country, sold in enumerate(is_sold):
            inside, best = np.flatnonzero(country_of == country).astype(np.int64), catalogue.by_place[name]
            # The best of what is sold there, not what of the best is.
            best = best[sold[catalogue.sold_in_of[best]]][:k]
            parts.append((inside[:, None] * block.items + best[None, :]).ravel())
        found[name] = np.sort(np.concatenate(parts))
    shown = {name: keys[_may_be_shown(keys, block, catalogue, is_sold, country_of)] for name, keys in found.items()}
    return shown | {"popular": _with_more(shown, block, catalogue, is_sold[country_of])}


def dueness(block: Block, catalogue: Catalogue) -> np.ndarray:
    """How near the time since the customer last ordered an item is to the time after which it is ordered again, one
    value an own pair: the customer's own mean gap where they ordered it often, else the item's. 1 is today, 0 more than
    half as long again or less than two thirds, and for what nobody ever ordered again."""
    orders, last = block.pairs["orders"].to_numpy(float), block.pairs["last_age"].to_numpy(float)
    own_gap = (block.pairs["first_age"].to_numpy(float) - last) / np.maximum(orders - 1, 1)
    gap = np.where(orders > 2, own_gap, catalogue.column("repeat_gap")[block.column].astype(float))
    comes_again = (orders > 1) | (catalogue.column("repeat_rate")[block.column] > 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        distance = np.abs(np.log(np.maximum(last, 1) / np.maximum(gap, 1)))
    near = np.where(distance <= np.log(DUE_FACTOR), np.exp(-distance), 0)
    return np.where((orders > 0) & comes_again & (gap >= 1), near, 0)


def unit_sum(matrix: sparse.csr_matrix) -> sparse.csr_matrix:
    """Rows that add up to 1; rows of zeros stay."""
    total = np.asarray(matrix.sum(axis=1)).ravel()
    return (sparse.diags(1 / np.where(total > 0, total, 1)) @ matrix).tocsr()


def _may_be_shown(
    keys: np.ndarray, block: Block, catalogue: Catalogue, is_sold: np.ndarray, country_of: np.ndarray
) -> np.ndarray:
    """Sellable to everybody or to this customer, and sold in their country (``is_sold``: countries ×
    ``catalogue.sold_in``) where the item says where it is sold."""
    row, column = np.divmod(keys, block.items)
    allowed = block.customers["is_restricted_allowed"].to_numpy(bool)
    shown = catalogue.is_sellable[column] | (catalogue.figures.is_for_allowed[column] & allowed[row])
    return shown & is_sold[country_of[row], catalogue.sold_in_of[column]]


def _with_more(shown: dict[str, np.ndarray], block: Block, catalogue: Catalogue, is_sold: np.ndarray) -> np.ndarray:
    """What is popular, going on with the next items for those whom all sources together propose fewer than 20 that they
    have not bought (of products, where items are variants): sources are bounded with own items among theirs, and who
    bought much owns the best of each. ``is_sold`` is customers × ``catalogue.sold_in``."""
    product, best = catalogue.figures.product, catalogue.by_place["popular"]

    def of_products(keys: np.ndarray) -> np.ndarray:
        return np.unique(keys - keys % block.items + product[keys % block.items])

    own = block.row.astype(np.int64) * block.items + block.column
    own = of_products(own[block.pairs["orders"].to_numpy(float) > 0])
    new = np.setdiff1d(of_products(shown["popular"]), own, assume_unique=True)
    more = [shown["popular"]]
    # Nearly all have enough in what is popular alone: to count every source for them would cost more than it tells.
    for row in np.flatnonzero(np.bincount(new // block.items, minlength=len(block.customers)) < NEW_ITEMS):
        ends = [row * block.items, (row + 1) * block.items]
        bought, *proposed = (keys[slice(*np.searchsorted(keys, ends))] for keys in (own, *shown.values()))
        taken = np.unique(np.concatenate([bought, of_products(np.concatenate(proposed))]))
        missing = NEW_ITEMS - (len(taken) - len(bought))
        if missing > 0:
            sold = best[is_sold[row, catalogue.sold_in_of[best]]]
            sold = sold[one_a_product(product[sold])] if catalogue.figures.has_variants else sold
            # So many of the best hold enough that are not taken.
            sold = sold[: len(taken) + missing]
            more.append(ends[0] + sold[~np.isin(ends[0] + product[sold], taken)][:missing])
    return np.sort(np.concatenate(more))


def _top(matrix: sparse.csr_matrix, k: int) -> np.ndarray:
    """Keys of each row's k largest positive entries."""
    positive = sparse.csr_matrix((np.maximum(matrix.data, 0), matrix.indices, matrix.indptr), shape=matrix.shape)
    kept = keep_strongest(positive, k)
    row = np.repeat(np.arange(kept.shape[0], dtype=np.int64), np.diff(kept.indptr))
    return row * kept.shape[1] + kept.indices


def _neighbours(block: Block, catalogue: Catalogue, params: CandidateParams) -> sparse.csr_matrix:
    """Customers × sample: the customers most alike and how much, a customer's own row left out."""
    taste = taste_rows(block.taste(block.pairs["orders"]), catalogue.idf)
    alike = product(taste, catalogue.reference_by_item)
    for row, own in enumerate(catalogue.reference_index.get_indexer(block.customers["customer_id"])):
        part = slice(alike.indptr[row], alike.indptr[row + 1])
        alike.data[part][alike.indices[part] == own] = 0
    return keep_strongest(alike, params.neighbours)
