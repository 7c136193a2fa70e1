"""From scores to places: a utility over the best candidates, variety by MMR, and a little chance with known odds.

Rules come before (:func:`jobs.recommendations.candidates.candidates` proposes only what may be shown). Everything here
works on the candidates of a block, flat and sorted by customer: ``row`` numbers customers, ``column`` items. What a
customer gets depends on no other customer of the block.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from datetime import date

import numpy as np

from jobs.lib.settings import RERANK_WEIGHTS, Settings
from jobs.recommendations.blend import ranks
from jobs.recommendations.item_figures import ItemFigures, best_variants

PLACES = 20


@dataclass(frozen=True)
class RerankParams:
    """``weights`` of the figures beside relevance, which is the score scaled to [0, 1] within a customer's first
    ``pool`` candidates: a margin weight of 0.1 lets a whole price of margin outweigh a tenth of that range.
    ``diversity`` is 1 - λ of MMR. ``early_weights`` and ``early_diversity`` are of customers with fewer orders than
    ``regular_orders``, whose taste is less known; only a likeness above ``alike_from`` counts, so that what is merely
    of one kind keeps its order. Lists in ``faithful`` are left in the order of their utility. ``exploring`` names the
    places given to chance by placement: there one of the ``reserve`` next items is drawn, an unproven one ``unproven``
    times as often as another, and every unproven candidate belongs to the reserve. In ``of_products`` a product has one
    place: of its variants the one with the highest score.

    Without a store's word no weight moves a place, and only a model's ``home`` is diversified: there it costs 0.2% of
    NDCG@10 on two cuts of Online Retail (5 September and 8 August 2011); in ``discover``, whose lists are varied as
    they are, it cost up to 0.6%. What they cost elsewhere, ``rerank_costs`` says.
    """

    pool: int = 60
    weights: dict[str, float] = field(default_factory=lambda: dict.fromkeys(RERANK_WEIGHTS, 0.0))
    early_weights: dict[str, float] = field(default_factory=lambda: dict.fromkeys(RERANK_WEIGHTS, 0.0))
    diversity: float = 0.06
    early_diversity: float = 0.1
    regular_orders: int = 4
    alike_from: float = 0.75
    faithful: tuple[str, ...] = ("buy_again", "discover")
    exploring: dict[str, tuple[int, ...]] = field(default_factory=lambda: {"home": (8, 16), "discover": (8, 16)})
    of_products: tuple[str, ...] = ("home", "discover")
    reserve: int = 100
    unproven: float = 4.0


def params_of(settings: Settings) -> RerankParams:
    """The weights that a store chose."""
    told = {name: settings.rerank_weights.get(name, (0.0, 0.0)) for name in RERANK_WEIGHTS}
    usual, early = ({name: pair[which] for name, pair in told.items()} for which in (0, 1))
    return RerankParams(weights=usual, early_weights=early)


@dataclass(frozen=True)
class Exploration:
    """How often an exploring place is given to chance, and what its draws depend on beside the list's own name."""

    share: float = 0.0
    salt: str = ""
    as_of: date | None = None

    def uniform(self, lists: list[str], places: int) -> np.ndarray:
        """Lists × places numbers in [0, 1): the same for the same salt, day and list, whatever runs beside it."""
        digests = [hashlib.shake_128("\x1f".join((self.salt, str(self.as_of), who)).encode()) for who in lists]
        words = b"".join(digest.digest(8 * places) for digest in digests)
        return (np.frombuffer(words, ">u8") >> 11).reshape(len(lists), places) / 2.0**53


@dataclass(frozen=True)
class Scored:
    """The candidates of one placement, sorted by customer: numbers of customer and item, score, whether bought."""

    row: np.ndarray
    column: np.ndarray
    score: np.ndarray
    is_own: np.ndarray


@dataclass(frozen=True)
class People:
    """The customers that ``row`` numbers: their lists' names, their orders, and who is held out from all this."""

    names: np.ndarray
    orders: np.ndarray
    is_held: np.ndarray


@dataclass(frozen=True)
class Chosen:
    """Places, sorted by customer and rank: which candidate stands there, the odds of just that, whether by chance."""

    at: np.ndarray
    rank: np.ndarray
    propensity: np.ndarray
    is_explored: np.ndarray


@dataclass(frozen=True)
class Reranker:
    """What turns the scores of a placement into its places."""

    params: RerankParams = field(default_factory=RerankParams)
    exploration: Exploration = field(default_factory=Exploration)

    def places(self, scored: Scored, people: People, figures: ItemFigures, placement: str) -> Chosen:
        """Up to 20 places of each customer; those held out keep the order of the score and see no chance."""
        if not figures.has_variants or placement not in self.params.of_products:
            return self._places(scored, people, figures, placement)
        # Before places are given: neither variety nor chance can then bring a second variant.
        one = best_variants(figures.product[scored.column], scored.score, scored.row)
        some = Scored(scored.row[one], scored.column[one], scored.score[one], scored.is_own[one])
        chosen = self._places(some, people, figures, placement)
        return replace(chosen, at=one[chosen.at])

    def _places(self, scored: Scored, people: People, figures: ItemFigures, placement: str) -> Chosen:
        place = ranks(scored.row, scored.score)
        at, rank = ordered(scored, people, figures, self._of(placement), place)
        kept = Chosen(at, rank, np.ones(len(at)), np.zeros(len(at), bool))
        exploring = self.params.exploring.get(placement, ())
        if not exploring or not self.exploration.share:
            return kept
        weight = reserve_weights(scored, figures.is_unproven, place, self.params)
        uniform = self.exploration.uniform([f"{name}\x1f{placement}" for name in people.names], len(exploring))
        share = np.where(people.is_held, 0.0, self.exploration.share)
        return explored(kept, scored.row, scored.column, weight, exploring, uniform, share)

    def _of(self, placement: str) -> RerankParams:
        if placement not in self.params.faithful:
            return self.params
        return replace(self.params, diversity=0.0, early_diversity=0.0)


def ordered(
    scored: Scored, people: People, figures: ItemFigures, params: RerankParams, place: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Candidates chosen without chance and their ranks, sorted by customer and rank; ``place`` is that by score."""
    weighed = (*params.weights.values(), *params.early_weights.values())
    is_plain = not (params.diversity or params.early_diversity or any(weighed))
    if is_plain or not len(place):
        at = np.flatnonzero(place <= PLACES)
        at = at[np.lexsort((place[at], scored.row[at]))]
        return at, place[at]
    inside = np.flatnonzero(place <= params.pool)
    pool = np.full((len(people.names), params.pool), -1, np.int64)
    pool[scored.row[inside], place[inside] - 1] = inside
    diversity = np.where(people.orders < params.regular_orders, params.early_diversity, params.diversity)
    diversity = np.where(people.is_held, 0.0, diversity)
    utility = _utility(scored, people, figures, params, pool)
    column = np.where(pool >= 0, scored.column[pool], 0)
    picked = mmr(utility, figures.embedding, column, diversity, params.alike_from)
    chosen = np.where(picked >= 0, np.take_along_axis(pool, np.maximum(picked, 0), axis=1), -1)
    rows, places = np.nonzero(chosen >= 0)
    return chosen[rows, places], places + 1


def mmr(
    utility: np.ndarray, embedding: np.ndarray, column: np.ndarray, diversity: np.ndarray, alike_from: float
) -> np.ndarray:
    """Maximal marginal relevance (Carbonell & Goldstein 1998): place by place the candidate with the largest
    (1 - diversity) · utility - diversity · (its largest likeness to what was placed before), where a likeness counts
    from ``alike_from`` (0) to 1 (1).

    ``utility`` and ``column`` are customers × pool, -inf for no candidate; ``diversity`` is one value a customer.
    Returns positions in the pool, customers × 20, -1 beyond its end; ties go to the earlier candidate.
    """
    customers, width = utility.shape
    everyone = np.arange(customers)
    vectors = embedding[column]
    weighed = (1 - diversity[:, None]) * utility
    nearest = np.zeros((customers, width))
    picked = np.full((customers, PLACES), -1, np.int64)
    for place in range(min(PLACES, width)):
        marginal = weighed - diversity[:, None] * nearest
        best = marginal.argmax(axis=1)
        picked[:, place] = np.where(np.isfinite(marginal[everyone, best]), best, -1)
        weighed[everyone, best] = -np.inf
        likeness = np.matmul(vectors, vectors[everyone, best][:, :, None])[:, :, 0]
        nearest = np.maximum(nearest, (likeness - alike_from) / (1 - alike_from))
    return picked


def reserve_weights(scored: Scored, is_unproven: np.ndarray, place: np.ndarray, params: RerankParams) -> np.ndarray:
    """How often each candidate is drawn beside the others, 0 for never: only what the customer has not bought.
    ``is_unproven`` is one value an item."""
    is_unproven = is_unproven[scored.column]
    is_near = place <= PLACES + params.reserve
    return np.where((is_near | is_unproven) & ~scored.is_own, np.where(is_unproven, params.unproven, 1.0), 0.0)


def explored(
    kept: Chosen,
    row: np.ndarray,
    column: np.ndarray,
    weight: np.ndarray,
    exploring: tuple[int, ...],
    uniform: np.ndarray,
    share: np.ndarray,
) -> Chosen:
    """Gives the exploring places to chance. With probability ``share`` (by customer) an item outside the list takes
    the place of the one that stood there, drawn by ``weight`` among those that belong to this place: each item belongs
    to one place by a hash of its number, so no item can come twice. The odds follow exactly: share · weight / sum of
    weights for one drawn, 1 - share for the one that stayed, 1 where nothing could be drawn.
    """
    part = (column.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) >> np.uint64(33)) % np.uint64(len(exploring))
    weight = weight.copy()
    weight[kept.at] = 0
    open_to = np.flatnonzero(weight > 0)
    group = row[open_to] * len(exploring) + part[open_to].astype(np.int64)
    order = np.argsort(group, kind="stable")
    open_to, group = open_to[order], group[order]
    ends = np.concatenate([[0.0], np.cumsum(weight[open_to])])
    at, propensity, is_explored = kept.at.copy(), kept.propensity.copy(), kept.is_explored.copy()
    for number, rank in enumerate(exploring):
        standing = np.flatnonzero(kept.rank == rank)
        who = row[kept.at[standing]]
        first, last = (np.searchsorted(group, who * len(exploring) + number, side) for side in ("left", "right"))
        standing, who, first, last = (values[last > first] for values in (standing, who, first, last))
        chance, draw = share[who], uniform[who, number]
        total = ends[last] - ends[first]
        with np.errstate(invalid="ignore", divide="ignore"):
            aim = ends[first] + total * np.where(chance > 0, draw / chance, 0)
        drawn = open_to[np.clip(np.searchsorted(ends, aim, "right") - 1, first, last - 1)]
        is_drawn = draw < chance
        at[standing] = np.where(is_drawn, drawn, at[standing])
        propensity[standing] = np.where(is_drawn, chance * weight[drawn] / total, 1 - chance)
        is_explored[standing] = is_drawn
    return Chosen(at, kept.rank, propensity, is_explored)


def _utility(
    scored: Scored, people: People, figures: ItemFigures, params: RerankParams, pool: np.ndarray
) -> np.ndarray:
    """Customers × pool: relevance in [0, 1] and the weighed figures; -inf where the pool ends before its width."""
    is_there = pool >= 0
    score, column = scored.score[pool], scored.column[pool]
    high = np.where(is_there, score, -np.inf).max(axis=1, keepdims=True)
    low = np.where(is_there, score, np.inf).min(axis=1, keepdims=True)
    with np.errstate(invalid="ignore"):
        utility = (score - low) / np.where(high > low, high - low, 1)
    values = {
        "margin": figures.margin[column],
        "stock": figures.stock[column],
        "freshness": figures.is_fresh[column],
        "discovery": ~scored.is_own[pool],
    }
    is_early = people.orders < params.regular_orders
    for name, of_items in values.items():
        weight = np.where(is_early, params.early_weights.get(name, 0.0), params.weights.get(name, 0.0))
        utility += (weight * ~people.is_held)[:, None] * of_items
    return np.where(is_there, utility, -np.inf)
