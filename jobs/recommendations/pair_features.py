"""What the ranker knows of a (customer, item) pair: one row a candidate, the same code for training and scoring."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from jobs.recommendations import candidates, embeddings, rows
from jobs.recommendations.blend import ranks
from jobs.recommendations.candidates import Block, CandidateParams
from jobs.recommendations.catalogue import NEVER, Catalogue
from jobs.recommendations.content import unit_rows

OWN_COUNTS = ("orders", "units", "orders_28d", "decayed_14d", "decayed_30d", "decayed_90d", "views_28d", "carts_28d")
OWN_AGES = ("first_age", "last_age", "viewed_age", "carted_age")
CUSTOMER = (
    *("customer_orders", "customer_age", "customer_recency", "mean_gap_days", "items_per_order"),
    *("value_per_order", "customer_price", "repeat_share", "customer_views"),
)
RANKED = (
    *("ease", "ease_recent", "bm25", "users_recent", "users_decayed", "content", "basket", "leader", "factors"),
    "item_decayed_14d",
)


@dataclass(frozen=True)
class Candidates:
    """Candidate pairs of a block, sorted by customer and item: numbers, features, and the sources that named them."""

    row: np.ndarray
    column: np.ndarray
    features: pd.DataFrame
    is_own: np.ndarray
    sources: dict[str, np.ndarray]


def candidate_pairs(block: Block, catalogue: Catalogue, params: CandidateParams) -> Candidates:
    """All candidates of the block's customers with their features (float32)."""
    scored = candidates.scores(block, catalogue, params)
    proposed = candidates.candidates(block, catalogue, scored, params)
    keys = np.sort(np.concatenate(list(proposed.values())))
    keys = keys[np.diff(keys, prepend=-1) > 0]
    row, column = keys // block.items, keys % block.items
    starts = np.searchsorted(row, np.arange(len(block.customers) + 1))
    values = _own(block, keys)
    values |= {name: rows.lookup(matrix, starts, column) for name, matrix in scored.items()}
    values["text_cosine"] = _profile_cosine(block, catalogue, starts, column)
    values["embedding_cosine"] = _embedding_cosine(block, catalogue, row, column)
    values["country_lift"] = _country_lift(block, catalogue, row, column)
    for name in CUSTOMER:
        values[name] = block.customers[name].to_numpy(float)[row]
    for name, of_items in zip(catalogue.feature_names, catalogue.features.T, strict=True):
        values[f"item_{name}"] = of_items[column]
    values |= _crossed(values)
    for name in RANKED:
        values[f"{name}_rank"] = ranks(row, values[name])
    is_own = values["orders"] > 0
    sources = {name: _is_among(keys, proposal) for name, proposal in proposed.items()}
    return Candidates(row, column, _frame(values), is_own, sources)


def _frame(values: dict[str, np.ndarray]) -> pd.DataFrame:
    """Features as one float32 block, each a contiguous row of it: a frame of separate columns is slow to take from."""
    block = np.empty((len(values), len(next(iter(values.values())))), np.float32)
    for position, value in enumerate(values.values()):
        block[position] = value
    return pd.DataFrame(block.T, columns=list(values), copy=False)


def _is_among(keys: np.ndarray, some: np.ndarray) -> np.ndarray:
    """Mask of the keys (sorted, distinct) that are among these, which are all keys."""
    found = np.zeros(len(keys), bool)
    found[np.searchsorted(keys, some)] = True
    return found


def _own(block: Block, keys: np.ndarray) -> dict[str, np.ndarray]:
    """The customer's own dealings with the item: counts 0 and ages NEVER where there were none."""
    own_keys = block.row.astype(np.int64) * block.items + block.column
    place = np.minimum(np.searchsorted(own_keys, keys), max(len(own_keys) - 1, 0))
    has = own_keys[place] == keys
    values: dict[str, np.ndarray] = {}
    for name in OWN_COUNTS:
        values[name] = np.where(has, block.pairs[name].to_numpy(float)[place], 0)
    for name in OWN_AGES:
        values[name] = np.where(has, block.pairs[name].fillna(NEVER).to_numpy(float)[place], NEVER)
    since = block.pairs["orders_since"].to_numpy(float)[place]
    values["orders_since"] = np.where(values["orders"] > 0, since, -1)
    return values


def _crossed(values: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Figures of the pair made of the customer's and the item's."""
    bought = values["orders"] > 0
    span, units = values["first_age"] - values["last_age"], values["units"] / np.maximum(values["orders"], 1)
    gap = np.where(values["orders"] > 1, span / np.maximum(values["orders"] - 1, 1), np.nan)
    return {
        "gap": gap,
        "item_gaps_since_last": np.where(bought, values["last_age"] / np.maximum(values["item_repeat_gap"], 1), np.nan),
        "gaps_since_last": np.where(bought, values["last_age"] / np.maximum(gap, 1), np.nan),
        "order_share": values["orders"] / np.maximum(values["customer_orders"], 1),
        "units_per_order": units,
        "price_difference": np.log1p(values["item_price"]) - np.log1p(values["customer_price"]),
        "unit_difference": np.where(bought, units / np.maximum(values["item_mean_units"], 1), np.nan),
    }


def _profile_cosine(block: Block, catalogue: Catalogue, starts: np.ndarray, column: np.ndarray) -> np.ndarray:
    """Cosine of the item's text with the mean text of the customer's purchases of about the last 90 days (and looks,
    of who has few)."""
    profile = unit_rows(rows.product(block.taste(block.pairs["decayed_90d"]), catalogue.text))
    return rows.dots(profile, catalogue.text, starts, column)


def _embedding_cosine(block: Block, catalogue: Catalogue, row: np.ndarray, column: np.ndarray) -> np.ndarray:
    """Cosine of the item's vector with the direction of what the customer bought in about the last 90 days (or looked
    at, of who has bought little)."""
    profile = embeddings.profiles(block.taste(block.pairs["decayed_90d"]), catalogue.vectors)
    return np.einsum("ij,ij->i", profile[row], catalogue.vectors[column])


def _country_lift(block: Block, catalogue: Catalogue, row: np.ndarray, column: np.ndarray) -> np.ndarray:
    """How popular the item is in the customer's country, per thousand orders there; 0 where the country is small."""
    countries = block.customers["country"].to_numpy(object)
    found = np.zeros(len(row), np.float32)
    for country, popularity in catalogue.country_popularity.items():
        inside = (countries == country)[row]
        found[inside] = 1000 * popularity[column[inside]]
    return found
