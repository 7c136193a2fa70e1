"""The item side of a night: everything about items that scoring a block of customers needs, in plain arrays.

It is fitted on the driver from the item table (one row an item) and the histories of a bounded sample of customers,
then sent to the tasks that score blocks. Items are numbered by the order of their ids.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from jobs.lib.settings import Settings
from jobs.lib.stores import Store
from jobs.recommendations import basket, content, embeddings, factors, item_figures, item_item, kinds
from jobs.recommendations.basket import BasketParams
from jobs.recommendations.embeddings import EmbeddingParams
from jobs.recommendations.factors import FactorParams, Factors
from jobs.recommendations.item_figures import ItemFigures
from jobs.recommendations.item_item import ItemItemParams

AGES = ("first_age", "last_age")
COUNTS = (
    *("customers_7d", "customers_14d", "customers_28d", "customers_56d", "customers_all"),
    *("orders_28d", "units_28d", "decayed_5d", "decayed_14d", "decayed_45d", "mean_units"),
    *("first_basket_28d", "first_basket_decayed_14d", "discoveries_10d", "discoveries_28d"),
    *("views_28d", "carts_28d", "impressions_28d"),
)
PLAIN = ("repeat_rate", "price")
NEVER = 9999.0
NEW_ARRIVAL_DAYS = 14
STALE_DAYS = 90  # after the store's latest sale: what sold none since is taken for gone where nothing else says so
LEADERS = 20  # of a kind
GAP_TRUST = 5  # customers whose mean gap weighs as much as that of all items


@dataclass(frozen=True)
class CatalogueParams:
    """Sizes that bound the item side; without ``is_personal`` what only personal lists need is left out.
    ``home_country`` is the store's, None where it names none; ``tells_what_is_gone``: it keeps a catalogue or stock."""

    item_item: ItemItemParams = field(default_factory=ItemItemParams)
    factors: FactorParams = field(default_factory=FactorParams)
    baskets: BasketParams = field(default_factory=BasketParams)
    embeddings: EmbeddingParams = field(default_factory=EmbeddingParams)
    segment_customers: int = 30
    is_personal: bool = True
    segments: int = 40
    home_country: str | None = None
    tells_what_is_gone: bool = True


def params_of(settings: Settings, store: Store) -> CatalogueParams:
    """The sizes under the store's ceiling of memory, and what the store is: at home where, and with baskets or not."""
    memory = settings.item_memory
    return CatalogueParams(
        item_item=ItemItemParams(memory=memory),
        embeddings=EmbeddingParams(memory=memory),
        baskets=BasketParams(memory=memory, is_weekly=store.period == "week"),
        home_country=store.country,
        tells_what_is_gone=bool(store.mappings.keys() & {"items", "stock_levels"}),
    )


@dataclass(frozen=True)
class Catalogue:
    """Items and the models over them; matrices are items × items, items × terms or customers × items, sparse
    (``reference_by_item``, the tastes that user-kNN compares with, is items × customers, as its product needs it).
    ``sold_in`` holds the distinct lists of countries (empty: everywhere), ``sold_in_of`` the one of each item;
    ``is_current`` says what may stand beside another item; ``home_country`` is that of customers of whom no country is
    known; ``kind`` is of each item (:mod:`jobs.recommendations.kinds`), ``members`` items × kinds, ``leaders`` kinds ×
    items, ``vectors`` items × 32 (:mod:`jobs.recommendations.embeddings`), ``basket`` items × their partners in
    baskets."""

    item_ids: np.ndarray
    titles: np.ndarray
    is_sellable: np.ndarray
    is_current: np.ndarray
    feature_names: tuple[str, ...]
    features: np.ndarray
    ease: sparse.csr_matrix
    ease_recent: sparse.csr_matrix
    bm25: sparse.csr_matrix
    cosine: sparse.csr_matrix
    text: sparse.csr_matrix
    text_neighbours: sparse.csr_matrix
    reference_ids: np.ndarray
    reference_by_item: sparse.csr_matrix
    reference_weights: dict[str, sparse.csr_matrix]
    idf: np.ndarray
    country_popularity: dict[str, np.ndarray]
    places: dict[str, np.ndarray]
    sold_in: tuple[str, ...]
    sold_in_of: np.ndarray
    home_country: str | None
    figures: ItemFigures
    factors: Factors
    vectors: np.ndarray
    basket: sparse.csr_matrix
    kind: np.ndarray
    members: sparse.csr_matrix
    leaders: sparse.csr_matrix

    def of_people(self) -> Catalogue:
        """Without what only lists beside an item need: every process that scores customers holds a copy of the rest."""
        return replace(self, cosine=sparse.csr_matrix(self.cosine.shape, dtype=np.float32))

    @cached_property
    def index(self) -> pd.Index:
        """Numbers of items by their ids."""
        return pd.Index(self.item_ids)

    @cached_property
    def by_place(self) -> dict[str, np.ndarray]:
        """The items that each source proposes to everybody, the first one first."""
        return {name: np.argsort(place, kind="stable")[: (place < NEVER).sum()] for name, place in self.places.items()}

    @cached_property
    def reference_index(self) -> pd.Index:
        """Numbers of the sample's customers by their ids."""
        return pd.Index(self.reference_ids)

    def may_stand_beside(self, item: np.ndarray, other: np.ndarray) -> np.ndarray:
        """Whether each ``other`` is on sale, and sold wherever the item beside it is."""
        return self.is_current[other] & self._reaches[self.sold_in_of[item], self.sold_in_of[other]]

    @cached_property
    def _reaches(self) -> np.ndarray:
        """Lists of countries × the same: whether the second has all of the first."""
        where = [set(codes.split()) for codes in self.sold_in]
        return np.array([[not theirs or (bool(ours) and ours <= theirs) for theirs in where] for ours in where])

    def column(self, name: str) -> np.ndarray:
        """One figure of every item."""
        return self.features[:, self.feature_names.index(name)]

    def index_of(self, item_ids: pd.Series) -> np.ndarray:
        """Numbers of these items; -1 for an id that the item table does not have."""
        return self.index.get_indexer(item_ids)


def fit(
    item: pd.DataFrame, pairs: pd.DataFrame, params: CatalogueParams | None = None, held: pd.DataFrame | None = None
) -> Catalogue:
    """Build the item side from the item table, the sample's pairs (see :mod:`jobs.recommendations.frames`) and what
    baskets ``held`` (:func:`jobs.recommendations.basket.baskets`; None: unknown)."""
    params = params or CatalogueParams()
    item = item.sort_values("item_id", kind="stable").reset_index(drop=True)
    pairs = pairs.sort_values(["customer_id", "item_id"], kind="stable")
    pairs = pairs[pairs["orders"] > 0]
    customers, row = np.unique(pairs["customer_id"].to_numpy(object), return_inverse=True)
    column = pd.Index(item["item_id"]).get_indexer(pairs["item_id"])
    known = column >= 0
    row, column, pairs = row[known], column[known], pairs[known]
    shape = (len(customers), len(item))

    def matrix(values: pd.Series | np.ndarray) -> sparse.csr_matrix:
        return sparse.csr_matrix((np.asarray(values, np.float32), (row, column)), shape=shape)

    bought = matrix(np.ones(len(row)))
    text = content.vectors(item)
    idf = np.log1p(shape[0] / (1 + np.asarray(bought.sum(axis=0)).ravel())).astype(np.float32)
    names, features = item_features(item, _repeat_gap(pairs, column, len(item)))
    sellable, figures = is_sellable(item), item_figures.fit(item, text)
    beside = _partners(item, sellable, held if params.is_personal else None, params)
    learnt = (bought, matrix(pairs["orders"]), matrix(pairs["decayed_90d"]))
    # Of nothing nothing is learnt, in no time.
    nothing = sparse.csr_matrix(shape, dtype=np.float32)
    of_people = _of_people(learnt if params.is_personal else (nothing,) * 3, params)
    shared = shared_values(names, features) | {"just listed": figures.just_listed, "seasonal": figures.season}
    is_known = features[:, names.index("customers_all")] > 0
    kind = kinds.of_items(item, figures.embedding)
    members = kinds.membership(kind)
    where, where_of = np.unique(item["sold_in"].fillna("").to_numpy(object), return_inverse=True)
    return Catalogue(
        item_ids=item["item_id"].to_numpy(object),
        titles=item["title"].fillna(item["item_id"]).to_numpy(object),
        is_sellable=sellable,
        is_current=sellable & (params.tells_what_is_gone | ~_is_stale(item)),
        feature_names=names,
        features=features,
        cosine=_cosine(bought, params.item_item),
        text=text,
        text_neighbours=content.neighbours(text),
        reference_ids=customers,
        reference_by_item=taste_rows(matrix(pairs["orders"]), idf).T.tocsr(),
        reference_weights={
            "all": bought,
            "decayed": matrix(pairs["decayed_30d"]),
            "recent": matrix(pairs["orders_28d"] > 0),
        },
        idf=idf,
        country_popularity=_by_country(pairs, row, column, len(item), params),
        places={name: _places(value, sellable) for name, value in shared.items()},
        sold_in=tuple(where),
        sold_in_of=where_of,
        home_country=params.home_country,
        figures=figures,
        basket=beside,
        kind=kind,
        members=members,
        # Of a kind what is known to please: guests' orders only fill what is short.
        leaders=kinds.leaders(members, np.where(sellable & is_known, shared["popular"], 0), LEADERS),
        **of_people,
    )


def _of_people(histories: tuple[sparse.csr_matrix, ...], params: CatalogueParams) -> dict[str, Any]:
    """What only personal lists need, by its name in the catalogue, from customers × items: whether bought, how often,
    and how often of late."""
    bought, orders, recent = histories
    return {
        "ease": item_item.fit(bought, params.item_item),
        "ease_recent": item_item.fit(recent, params.item_item),
        "bm25": item_item.bm25(orders, params.item_item),
        "factors": factors.fit(orders, params.factors),
        "vectors": embeddings.fit(bought, params.embeddings),
    }


def _partners(
    item: pd.DataFrame, sellable: np.ndarray, held: pd.DataFrame | None, params: CatalogueParams
) -> sparse.csr_matrix:
    """Items × items: what is sellable and bought in one basket with each, by shrunk lift."""
    if held is None:
        return sparse.csr_matrix((len(item),) * 2, dtype=np.float32)
    may_stand = lambda item, other: sellable[other]  # noqa: E731
    return basket.together(held, pd.Index(item["item_id"]), may_stand, params.baskets).shrunk_lift


def taste_rows(orders: sparse.csr_matrix, idf: np.ndarray) -> sparse.csr_matrix:
    """Customers × items for user-kNN: log1p(orders) × idf, rows of length 1."""
    weighted = orders.astype(np.float32)
    weighted.data = np.log1p(weighted.data)
    return content.unit_rows(weighted @ sparse.diags(idf)).astype(np.float32)


def _repeat_gap(pairs: pd.DataFrame, column: np.ndarray, items: int) -> np.ndarray:
    """Days after which an item is ordered again: the mean over customers who did, drawn to that of all items where
    they are few."""
    again = pairs["orders"].to_numpy(float) > 1
    span = (pairs["first_age"] - pairs["last_age"]).to_numpy(float)[again]
    gap = span / np.maximum(pairs["orders"].to_numpy(float)[again] - 1, 1)
    total, count = (np.bincount(column[again], weights=w, minlength=items) for w in (gap, np.ones(len(gap))))
    usual = gap.mean() if len(gap) else 0.0
    return (total + GAP_TRUST * usual) / (count + GAP_TRUST)


def item_features(item: pd.DataFrame, repeat_gap: np.ndarray) -> tuple[tuple[str, ...], np.ndarray]:
    """Names and values (items × features) of what the ranker knows of an item alone."""
    values: dict[str, np.ndarray] = {}
    for name in (*COUNTS, *PLAIN):
        values[name] = item[name].astype(float).to_numpy()
    for name in AGES:
        values[name] = item[name].astype(float).fillna(NEVER).to_numpy()
    age = np.maximum(values["first_age"], 1)
    values["growth_7d"] = (values["customers_7d"] * 4 + 3) / (values["customers_28d"] + 3)
    values["growth_28d"] = (values["customers_28d"] * 2 + 3) / (values["customers_56d"] + 3)
    values["growth_5d"] = (values["decayed_5d"] + 1) / (values["decayed_45d"] + 1)
    values["launch_rate"] = values["customers_28d"] / np.minimum(age, 28)
    values["discovery_share"] = (values["discoveries_28d"] + 1) / (values["customers_28d"] + 2)
    values["first_basket_share"] = (values["first_basket_28d"] + 1) / (values["customers_28d"] + 2)
    values["repeat_gap"] = repeat_gap
    return tuple(values), np.column_stack(list(values.values())).astype(np.float32)


def shared_values(names: tuple[str, ...], features: np.ndarray) -> dict[str, np.ndarray]:
    """What the sources that propose the same items to everybody order them by; an item with 0 is not proposed."""
    value = dict(zip(names, features.T.astype(float), strict=True))
    is_new = value["first_age"] < NEW_ARRIVAL_DAYS
    # Decayed orders over the last days beside what the level of the last weeks would have given.
    surplus = value["decayed_5d"] - value["decayed_45d"] * (5.0 / 45.0)
    return {
        "discovered": value["discoveries_10d"],
        "trend": np.where(value["customers_7d"] > 0, np.maximum(surplus, 0), 0),
        "popular": _popular(value),
        "new": np.where(is_new, value["launch_rate"], 0),
    }


def _popular(value: dict[str, np.ndarray]) -> np.ndarray:
    """Customers of 28 days; of those alike the more bought ever; and those, where little was bought lately. Below one
    half what guests alone bought: by their orders in 28 days, then by how lately. 0 for what never sold."""
    known = value["customers_28d"] + value["customers_all"] / (value["customers_all"] + 1)
    lately = value["orders_28d"] + 1 / (2 + value["last_age"])
    of_guests = np.where(value["last_age"] < NEVER, 0.5 * lately / (lately + 1), 0)
    return np.where(known > 0, known, of_guests)


def _places(value: np.ndarray, is_sellable: np.ndarray) -> np.ndarray:
    """Each item's place by this value, 1 for the largest, ties to the lower id; NEVER for one not to be proposed."""
    value = np.where(is_sellable, value, 0)
    order = np.lexsort((np.arange(len(value)), -value))
    place = np.full(len(value), NEVER)
    place[order] = np.arange(1, len(value) + 1)
    return np.where(value > 0, place, NEVER)


def is_sellable(item: pd.DataFrame) -> np.ndarray:
    """Items that a list may show to all: not delisted, not restricted, and not out of stock where stock is known."""
    in_stock = item["on_hand"].astype(float).fillna(1).to_numpy() > 0
    return item["is_active"].to_numpy(bool) & ~item["is_restricted"].to_numpy(bool) & in_stock


def _is_stale(item: pd.DataFrame) -> np.ndarray:
    """What has not sold for 90 days while the store did: lists beside an item count all that was ever bought alike,
    and would keep last year's."""
    last = item["last_age"].astype(float).to_numpy()
    return ~(last <= np.nanmin(last, initial=np.inf) + STALE_DAYS)


def _cosine(bought: sparse.csr_matrix, params: ItemItemParams) -> sparse.csr_matrix:
    """Cosine neighbours of every item that anyone bought: the second opinion beside EASE, and ``similar`` items."""
    return item_item.cosine(bought, np.flatnonzero(np.asarray(bought.sum(axis=0)).ravel() > 0), params)


def _by_country(
    pairs: pd.DataFrame, row: np.ndarray, column: np.ndarray, items: int, params: CatalogueParams
) -> dict[str, np.ndarray]:
    """Share of a country's decayed orders (half-life 30 days) per item, for the countries with enough customers."""
    customers = pd.Series(row).groupby(pairs["country"].to_numpy(object)).nunique()
    customers = customers[customers >= params.segment_customers].sort_index()
    largest = customers.sort_values(ascending=False, kind="stable").index[: params.segments]
    found = {}
    for country in sorted(largest):
        inside = (pairs["country"] == country).to_numpy()
        weight = np.bincount(column[inside], weights=pairs["decayed_30d"].to_numpy(float)[inside], minlength=items)
        found[country] = (weight / max(weight.sum(), 1e-9)).astype(np.float32)
    return found
