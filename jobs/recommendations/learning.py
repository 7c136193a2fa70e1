"""One training cut in plain frames: what was known by a day, who bought what in the 28 days after it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property

import numpy as np
import pandas as pd

from jobs.recommendations import catalogue as item_side
from jobs.recommendations import frames, ranker
from jobs.recommendations.blend import ranks
from jobs.recommendations.candidates import CandidateParams, block_of
from jobs.recommendations.catalogue import Catalogue, CatalogueParams
from jobs.recommendations.item_figures import best_variants
from jobs.recommendations.pair_features import Candidates, candidate_pairs
from jobs.recommendations.position import PositionParams, credits
from jobs.recommendations.ranker import Examples, RankerParams
from jobs.recommendations.score import BLOCK_CUSTOMERS


@dataclass(frozen=True)
class Cut:
    """The frames of a cut: the item table, the sample's pairs that the item side is fitted on, the pairs of the
    buyers of the window who may have a list of their own, what all buyers bought (``has_ordered``: whether they had
    ordered by the cut), decayed orders by segment (for the lists of newcomers), what the buyers looked at (None: not
    asked for), and what baskets held (None: unknown)."""

    day: date
    items: pd.DataFrame
    sample: pd.DataFrame
    pairs: pd.DataFrame
    truth: pd.DataFrame
    segments: pd.DataFrame
    looked: pd.DataFrame | None = None
    held: pd.DataFrame | None = None

    @cached_property
    def own(self) -> pd.DataFrame:
        """The pairs of the window's buyers that they had ordered before."""
        return self.pairs[self.pairs["orders"] > 0]

    @cached_property
    def regulars(self) -> pd.DataFrame:
        """One row a buyer who had ordered before, sorted by id: of its columns those of a customer count."""
        return self.own.drop_duplicates("customer_id").sort_values("customer_id", kind="stable")

    def bought(self, split: str) -> pd.DataFrame:
        """Rows of ``truth``, what the customers of a split bought and its lists could have shown: ``all``;
        ``personal``, by those who have a list of their own; ``discovery``, new to those of them who had ordered before;
        ``again`` and ``repeat``, what these bought again; ``only looked``, by the others of them; ``without consent``,
        by who had ordered and may have no such list; ``cold``, by newcomers, who neither had ordered nor have one."""
        if split == "all":
            return self.truth
        who, has_ordered = self.truth["customer_id"], self.truth["has_ordered"]
        has_list, is_regular = (who.isin(some["customer_id"]) for some in (self.pairs, self.regulars))
        whole = {
            "personal": has_list,
            "only looked": has_list & ~is_regular,
            "without consent": ~has_list & has_ordered,
            "cold": ~has_list & ~has_ordered,
        }
        if split in whole:
            return self.truth[whole[split]]
        pair = ["customer_id", "item_id"]
        is_own = pd.MultiIndex.from_frame(self.truth[pair]).isin(pd.MultiIndex.from_frame(self.own[pair]))
        return self.truth[is_regular & (~is_own if split == "discovery" else is_own)]


@dataclass(frozen=True)
class Window:
    """A cut with all candidates of its buyers: ``customer_ids`` numbers ``found.row``; sorted by customer and item."""

    cut: Cut
    catalogue: Catalogue
    customer_ids: np.ndarray
    found: Candidates
    is_bought: np.ndarray

    @cached_property
    def customers(self) -> pd.DataFrame:
        """The customers' own columns, in the order of ``customer_ids``."""
        return self.cut.pairs.drop_duplicates("customer_id").set_index("customer_id").reindex(self.customer_ids)

    def allowed(self, kind: str) -> np.ndarray:
        """Mask of the candidates that lists of this kind may show: in ``discovery`` nothing the customer had, in
        ``again`` nothing else."""
        if kind in ("discovery", "again"):
            return self.found.is_own == (kind == "again")
        return np.ones(len(self.found.row), bool)

    def bought(self, split: str) -> pd.DataFrame:
        """What customers with candidates bought, of :meth:`Cut.bought`."""
        truth = self.cut.bought(split)
        return truth[truth["customer_id"].isin(self.customer_ids)]

    def examples(self, split: str, params: RankerParams, position: PositionParams | None = None) -> Examples:
        """Sampled pairs to learn from; for ``discovery`` own pairs are left out before the draw. Purchases are weighed
        by where they were shown where ``position`` says how."""
        credit = self._credit(position) if position is not None and position.powers else None
        every = Examples(self.found.features, self.is_bought, self.found.row, credit=credit, grade=self._grade())
        return ranker.sampled(every.where(self.allowed(split)) if split == "discovery" else every, params)

    def _credit(self, position: PositionParams) -> np.ndarray:
        """What a candidate's purchase weighs, 1 for what was not bought."""
        place, is_found = self._places(self.cut.truth)
        credit = np.ones(len(self.found.row))
        credit[place] = credits(self.cut.truth[is_found], position)
        return credit

    def _grade(self) -> np.ndarray | None:
        """Candidates by what came of them: bought, put into a cart, viewed, or nothing (0)."""
        if self.cut.looked is None:
            return None
        place, is_found = self._places(self.cut.looked)
        grade = np.zeros(len(self.found.row), np.float32)
        grade[place] = self.cut.looked["grade"].to_numpy(np.float32)[is_found]
        grade[self.is_bought] = frames.BOUGHT
        return grade

    def _places(self, pairs: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        """Where the pairs that are candidates stand among the candidates, and the mask of these pairs."""
        width = len(self.catalogue.item_ids)
        row = pd.Index(self.customer_ids).get_indexer(pairs["customer_id"])
        column = self.catalogue.index_of(pairs["item_id"])
        keys = self.found.row * width + self.found.column
        wanted = row * width + column
        place = np.minimum(np.searchsorted(keys, wanted), max(len(keys) - 1, 0))
        is_found = (row >= 0) & (column >= 0) & (keys[place] == wanted)
        return place[is_found], is_found

    def lists(
        self, score: np.ndarray, mask: np.ndarray | None = None, places: int = 20, of_products: bool = True
    ) -> pd.DataFrame:
        """The first places by this score (one value a candidate that the mask keeps) as lists to evaluate, where they
        are ``of_products`` with one variant of a product, as they are served."""
        at = np.arange(len(self.found.row)) if mask is None else np.flatnonzero(mask)
        figures = self.catalogue.figures
        if of_products and figures.has_variants:
            one = best_variants(figures.product[self.found.column[at]], score, self.found.row[at])
            at, score = at[one], score[one]
        rank = ranks(self.found.row[at], score)
        kept = at[rank <= places]
        return pd.DataFrame(
            {
                "customer_id": self.customer_ids[self.found.row[kept]],
                "item_id": self.catalogue.item_ids[self.found.column[kept]],
                "rank": rank[rank <= places],
            }
        )


def window(
    cut: Cut,
    params: CandidateParams | None = None,
    items: Catalogue | None = None,
    fitting: CatalogueParams | None = None,
) -> Window:
    """Fits the item side of the cut (or takes it fitted) and makes the candidates of its buyers, by the very code that
    scores a night."""
    params = params or CandidateParams()
    items = items or item_side.fit(cut.items, cut.sample, fitting, cut.held)
    who = np.sort(cut.pairs["customer_id"].unique().astype(object))
    parts, offset, names = [], 0, []
    for start in range(0, len(who), BLOCK_CUSTOMERS):
        some = who[start : start + BLOCK_CUSTOMERS]
        block = block_of(cut.pairs[cut.pairs["customer_id"].isin(some)], items)
        if not len(block.customers):  # of all that they had nothing is in the item table
            continue
        found = candidate_pairs(block, items, params)
        names.append(block.customers["customer_id"].to_numpy(object))
        parts.append(replace(found, row=found.row + offset))
        offset += len(block.customers)
    if not parts:
        return Window(cut, items, np.array([], dtype=object), _nothing(), np.zeros(0, bool))
    found = _joined(parts)
    customer_ids = np.concatenate(names)
    return Window(cut, items, customer_ids, found, _bought(found, customer_ids, items, cut.truth))


def together(parts: list[Examples]) -> Examples:
    """Examples of several cuts, one after the other, each customer of each cut a group."""
    offset, groups = 0, []
    for part in parts:
        groups.append(part.group + offset)
        offset += int(part.group.max(initial=-1)) + 1
    return Examples(
        pd.concat([part.features for part in parts], ignore_index=True),
        np.concatenate([part.is_bought for part in parts]),
        np.concatenate(groups),
        _chained([part.weight for part in parts]),
        _chained([part.credit for part in parts]),
        _chained([part.grade for part in parts]),
    )


def _chained(parts: list[np.ndarray | None]) -> np.ndarray | None:
    """The arrays of all parts, None where no part has one; a part without counts as ones would mislead: all or none."""
    known = [part for part in parts if part is not None]
    return np.concatenate(known) if known and len(known) == len(parts) else None


def _bought(found: Candidates, customer_ids: np.ndarray, items: Catalogue, truth: pd.DataFrame) -> np.ndarray:
    row = pd.Index(customer_ids).get_indexer(truth["customer_id"])
    column = items.index_of(truth["item_id"])
    known = (row >= 0) & (column >= 0)
    width = len(items.item_ids)
    return np.isin(found.row * width + found.column, row[known] * width + column[known])


def _joined(parts: list[Candidates]) -> Candidates:
    return Candidates(
        np.concatenate([part.row for part in parts]),
        np.concatenate([part.column for part in parts]),
        pd.concat([part.features for part in parts], ignore_index=True),
        np.concatenate([part.is_own for part in parts]),
        {name: np.concatenate([part.sources[name] for part in parts]) for name in parts[0].sources},
    )


def _nothing() -> Candidates:
    none = np.zeros(0, np.int64)
    return Candidates(none, none, pd.DataFrame(), np.zeros(0, bool), {})
