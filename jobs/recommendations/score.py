"""The three lists of each customer of a block: candidates, features, ranking, reasons, in plain frames.

A block's result for a customer does not depend on who else is in the block, so Spark may cut customers anywhere.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cache

import numpy as np
import pandas as pd

from jobs.recommendations import baselines, reasons
from jobs.recommendations.blend import OFFSET, ranks
from jobs.recommendations.candidates import Block, block_of
from jobs.recommendations.catalogue import Catalogue
from jobs.recommendations.model import Model
from jobs.recommendations.pair_features import Candidates, candidate_pairs
from jobs.recommendations.rerank import People, Reranker, Scored

BLOCK_CUSTOMERS = 400
GATES = {"home": "personal", "buy_again": "again", "discover": "discovery"}
LIST_COLUMNS = ("customer_id", "variant", "placement", "rank", "item_id", "score", "source", "reason", "propensity")


@dataclass(frozen=True)
class Control:
    """The share of customers held out from the model, chosen by a salted hash of their ids."""

    share: float = 0.0
    salt: str = ""

    def holds(self, customer_id: str) -> bool:
        """Whether this customer is held out; the same answer every night."""
        digest = hashlib.sha256(f"{self.salt}:{customer_id}".encode()).digest()
        return int.from_bytes(digest[:8], "big") < self.share * 2**64


@dataclass(frozen=True)
class Scorer:
    """All that a task needs to make lists; sent to tasks once."""

    catalogue: Catalogue
    model: Model
    control: Control = field(default_factory=Control)
    reranker: Reranker = field(default_factory=Reranker)

    def blocks(self, frames: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        """Lists for a stream of frames of pairs whose customers come one after the other."""
        for block in customers_together(frames, BLOCK_CUSTOMERS):
            yield self.lists(block)

    def lists(self, pairs: pd.DataFrame) -> pd.DataFrame:
        """The lists of the customers of these pairs, sorted by customer, placement and rank."""
        block = block_of(pairs, self.catalogue)
        if not len(block.customers):
            return pd.DataFrame(columns=LIST_COLUMNS)
        found = candidate_pairs(block, self.catalogue, self.model.candidates)
        is_control = np.array([self.control.holds(who) for who in block.customers["customer_id"]], bool)
        people = people_of(block.customers, is_control)
        parts = []
        is_known = found.is_own | is_variant_of_own(block, found, self.catalogue)
        for placement, (mask, score) in placement_scores(found, self.model, is_control, is_known).items():
            parts.append(self._places(block, found, people, placement, mask, score))
        lists = pd.concat(parts, ignore_index=True)
        lists["variant"] = np.where(is_control[lists.pop("row")], "control", "model")
        return lists.sort_values(["customer_id", "placement", "rank"], kind="stable")[list(LIST_COLUMNS)]

    def _places(
        self, block: Block, found: Candidates, people: People, placement: str, mask: np.ndarray, score: np.ndarray
    ) -> pd.DataFrame:
        """The places of each customer in a placement, with source and reason; ``score`` stays the ranker's."""
        at = np.flatnonzero(mask)
        scored = Scored(found.row[at], found.column[at], score, found.is_own[at])
        reranker = self.reranker
        if not self.model.publishes(GATES[placement]):
            # A baseline won in its own order, and what variety would take of it nobody has measured. A store's weights
            # stand beside its places, spaced as a model's: beside an item ordered forty times all others score alike.
            scored = replace(scored, score=1 / (ranks(scored.row, score) + OFFSET))
            reranker = replace(reranker, params=replace(reranker.params, faithful=(placement,)))
        kept = reranker.places(scored, people, self.catalogue.figures, placement)
        chosen = at[kept.at]
        source = np.where(kept.is_explored, reasons.EXPLORATION, reasons.sources_of(found, self.catalogue, chosen))
        return pd.DataFrame(
            {
                "row": found.row[chosen],
                "customer_id": people.names[found.row[chosen]],
                "placement": placement,
                "rank": kept.rank.astype(np.int32),
                "item_id": self.catalogue.item_ids[found.column[chosen]],
                "score": score[kept.at],
                "source": source,
                "reason": reasons.reasons_of(block, found, self.catalogue, chosen, source),
                "propensity": kept.propensity,
            }
        )


def people_of(customers: pd.DataFrame, is_held: np.ndarray) -> People:
    """Customers (a row each) as re-ranking knows them."""
    return People(customers["customer_id"].to_numpy(object), customers["customer_orders"].to_numpy(float), is_held)


def is_variant_of_own(block: Block, found: Candidates, catalogue: Catalogue) -> np.ndarray:
    """Whether the customer bought the candidate's product, be it in another size."""
    if not catalogue.figures.has_variants:
        return np.zeros(len(found.row), bool)
    product, bought = catalogue.figures.product, block.pairs["orders"].to_numpy(float) > 0
    own = block.row[bought].astype(np.int64) * block.items + product[block.column[bought]]
    return np.isin(found.row * block.items + product[found.column], own)


def placement_scores(
    found: Candidates, model: Model, is_control: np.ndarray, is_known: np.ndarray
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Placement → which candidates may stand there and the score of those; customers in control get baselines.
    ``is_known``: what no list of new things shows."""
    everything, own, new = np.ones(len(found.row), bool), found.is_own, ~is_known

    @cache
    def by_model() -> np.ndarray:
        """Once for ``home`` and ``buy_again``, each of which may be let out without the other."""
        return model.model_score("all", found.features, found.row)

    def scores(mask: np.ndarray, placement: str, baseline: Callable[[pd.DataFrame], np.ndarray]) -> np.ndarray:
        features, gate = found.features[mask], GATES[placement]
        if not model.publishes(gate):
            score = baselines.BASELINES[model.gates[gate].publishes](features)
        elif placement == "discover":
            score = model.model_score("discovery", features, found.row[mask])
        else:
            score = by_model()[mask]
        return np.where(is_control[found.row[mask]], baseline(features), score)

    return {
        "home": (everything, scores(everything, "home", baselines.popularity)),
        "buy_again": (own, scores(own, "buy_again", baselines.frequency)),
        "discover": (new, scores(new, "discover", baselines.popularity)),
    }


def customers_together(frames: Iterable[pd.DataFrame], customers: int) -> Iterator[pd.DataFrame]:
    """Cuts a stream of frames between customers: whole customers, at most so many a frame (one, if it is long)."""
    rest: pd.DataFrame | None = None
    for frame in frames:
        rest = frame if rest is None or not len(rest) else pd.concat([rest, frame], ignore_index=True)
        if not len(rest):
            continue
        starts = _starts(rest)
        # The last customer may go on in the next frame.
        while len(starts) > customers:
            yield rest.iloc[: starts[customers]].reset_index(drop=True)
            rest = rest.iloc[starts[customers] :].reset_index(drop=True)
            starts = _starts(rest)
    if rest is not None and len(rest):
        yield rest


def _starts(frame: pd.DataFrame) -> np.ndarray:
    """Positions at which a new customer begins."""
    who = frame["customer_id"].to_numpy(object)
    return np.concatenate([[0], np.flatnonzero(who[1:] != who[:-1]) + 1])
