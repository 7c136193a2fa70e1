"""From paths, stock, deliveries and terms to rows of advice: the part of ``demand.reorder`` that needs no Spark.

A row's advice does not depend on which items stand beside it in a block, only on the other places of its own item.

Paths are made as those of ``forecast_total``, days less alike (:mod:`jobs.demand.ahead`) and without its correction,
which is learnt for sums of 7, 14 and 28 days: a policy is tried day by day over lead times that vary, where a
correction of one sum would be wrong for every other. The correction of days is in the forecast already.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from jobs.demand import policy
from jobs.demand.ahead import LAST_STEPS, demand_ahead
from jobs.demand.history import WHOLE
from jobs.demand.paths import keys_of
from jobs.demand.policy import Level
from jobs.demand.terms import Ordering, Params, ordering

LEVELS = ("q05", "q10", "q25", "q50", "q75", "q90", "q95")
SHARES = tuple(int(name[1:]) / 100 for name in LEVELS)
SCHEMA = (
    "item_id string, location_id string, on_hand double, on_order double, lead_time_days double, review_days int, "
    "service_level double, safety_stock double, reorder_point double, order_up_to double, order_units double, "
    "stockout_probability double, reason string, assumed string, model_version string"
)
DRAWS = 300
BLOCK_ROWS = 200


@dataclass
class Place:
    """One item at one place while its advice is made; times in steps of the forecast."""

    row: pd.Series
    ordering: Ordering
    demand: np.ndarray  # [draws, steps], with that of the places it refills
    arrivals: np.ndarray  # [draws, steps] of what is on the way
    on_hand: float  # with that of the places it refills
    on_order: float  # likewise
    own_on_order: float
    random: np.random.Generator
    level: Level | None = None
    point: float = 0.0
    wanted: int = 0
    order: int = 0

    @property
    def position(self) -> float:
        """What is there or on the way, less what is owed."""
        return self.on_hand + self.on_order

    @property
    def source(self) -> str | None:
        """The location that refills this one, None where suppliers do."""
        return self.row["supplied_from"] if isinstance(self.row["supplied_from"], str) else None


@dataclass(frozen=True)
class Advisor:
    """All that a task needs; ``step_days`` is how many days a step of the forecast stands for."""

    params: Params = field(default_factory=Params)
    step_days: int = 1

    def blocks(self, frames: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        """Advice for a stream of frames whose rows of one item come one after the other."""
        rest = pd.DataFrame()
        for frame in frames:
            rows = pd.concat([rest, frame], ignore_index=True) if len(rest) else frame.reset_index(drop=True)
            begins = np.flatnonzero((rows["item_id"] != rows["item_id"].shift()).to_numpy())
            # The last item may go on in the next frame.
            cuts = [0, *begins[1:][np.diff(begins[1:] // BLOCK_ROWS, prepend=0) > 0], begins[-1] if len(begins) else 0]
            for first, last in pairwise(cuts):
                if last > first:
                    yield self.advice(rows.iloc[first:last])
            rest = rows.iloc[cuts[-1] :]
        if len(rest):
            yield self.advice(rest)

    def advice(self, rows: pd.DataFrame) -> pd.DataFrame:
        """The rows of ``demand.reorder`` of these items, with all places of each among them."""
        keys = keys_of(rows["item_id"].to_numpy(object), rows["location_id"].to_numpy(object))
        found: list[dict[str, Any]] = []
        for at in rows.groupby("item_id", sort=False).indices.values():
            places = [self._place(rows.iloc[one], keys[one]) for one in at]
            _add_what_they_refill(places)
            for place in places:
                _decide(place)
            self._place_the_rest(places)
            _share(places)
            found += [self._told(place) for place in places]
        return pd.DataFrame(found)

    def _place(self, row: pd.Series, key: np.uint64) -> Place:
        agreed = ordering(row, self.params, self.step_days)
        terms = agreed.terms
        flat = [0.0] * (len(SHARES) + 1) if row["ahead"] is None else row["ahead"]
        told = np.asarray(flat, float).reshape(-1, len(SHARES) + 1)
        longest = int(np.ceil(terms.lead + 2 * terms.lead_sd)) + 2 * terms.review + LAST_STEPS
        demand = demand_ahead(told[:, :-1], told[:, -1], SHARES, longest, DRAWS, key)
        random = np.random.Generator(np.random.Philox(key=np.array([key, 2], np.uint64)))
        units = _on_the_way(row, "inbound")
        arrivals = self._arrivals(row, "inbound", units, agreed, demand.shape, random)
        return Place(row, agreed, demand, arrivals, float(row["on_hand"]), units.sum(), units.sum(), random)

    def _place_the_rest(self, places: list[Place]) -> None:
        """Counts what is on its way to no place: at the warehouse behind the places, at each of several by what they
        want as too little stock is shared, and so at the places themselves where none is behind them."""
        rest = _on_the_way(places[0].row, "unplaced")
        if places[0].row["location_id"] == WHOLE or not rest.sum():
            return
        takers = _first_to_get(places)
        levels = [place.level for place in takers if place.level is not None]
        positions, wanted = [place.position for place in takers], [place.wanted for place in takers]
        shares = policy.fair_shares(levels, positions, wanted, [1] * len(takers), rest.sum())
        more = rest.sum() - sum(shares)
        for at, place in enumerate(takers):
            units = rest * (shares[at] + (more + at) // len(takers)) / rest.sum()
            place.arrivals = place.arrivals + self._arrivals(
                place.row, "unplaced", units, place.ordering, place.arrivals.shape, place.random
            )
            place.on_order += units.sum()
            place.own_on_order += units.sum()
            _size(place)

    def _arrivals(
        self,
        row: pd.Series,
        of: str,
        units: np.ndarray,
        agreed: Ordering,
        shape: tuple[int, int],
        random: np.random.Generator,
    ) -> np.ndarray:
        """Pieces [draws, steps] of what is on the way: announced days are as uncertain as the lead time; what is late
        comes at some time within a lead time from now, what has no day a lead time after its order.

        Step 0 is the day after ``as_of``, when what was ordered tonight with a lead time of 0 is there: what was
        ordered on a day is the same as what is expected a lead time and a day after it."""
        found, every = np.zeros(shape, np.float32), np.arange(shape[0])
        for number, size in enumerate(units):
            due = float(row[f"{of}_in"][number]) / self.step_days
            since = float(row[f"{of}_ordered"][number]) / self.step_days
            lead = policy.lead_draws(agreed.terms, shape[:1], random)
            if due > 0:
                step = np.ceil(due) - 1 + lead - round(agreed.terms.lead)
            elif due <= 0:
                step = np.floor(random.random(shape[0]) * (lead + 1))
            else:
                step = lead + (np.floor(since) if np.isfinite(since) else 0)
            step = np.maximum(step, 0).astype(np.int64)
            there = step < shape[1]
            np.add.at(found, (every[there], step[there]), size)
        return found

    def _told(self, place: Place) -> dict[str, Any]:
        """The row, in days and pieces."""
        terms, row = place.ordering.terms, place.row
        best = _whole(place.level)
        expected = float(policy.protected(place.demand, terms).mean())
        return {
            "item_id": row["item_id"],
            "location_id": row["location_id"],
            "on_hand": float(row["on_hand"]),
            "on_order": float(place.own_on_order),
            "lead_time_days": terms.lead * self.step_days,
            "review_days": terms.review * self.step_days,
            "service_level": place.ordering.service_level,
            "safety_stock": max(best - expected, 0.0),
            "reorder_point": place.point,
            "order_up_to": float(best),
            "order_units": float(place.order),
            "stockout_probability": _run_out(place),
            "reason": _reason(place, self.step_days),
            "assumed": ", ".join(place.ordering.assumed) or None,
            "model_version": row["model_version"],
        }


def _on_the_way(row: pd.Series, of: str) -> np.ndarray:
    """Pieces of each delivery that is to come to the place (``inbound``), or to no place of the item (``unplaced``)."""
    return np.asarray(row[f"{of}_units"] if row[f"{of}_units"] is not None else [], float)


def _add_what_they_refill(places: list[Place]) -> None:
    """A place that refills others, or those that refill others, must cover their demand too, with what is on their
    shelves or on the way there."""
    names = {place.row["location_id"]: place for place in places}
    own = [(place.demand, place.arrivals, place.on_hand, place.on_order) for place in places]
    for place, (demand, arrivals, on_hand, on_order) in zip(places, own, strict=True):
        for source in _above(place, names):
            source.demand, source.arrivals = _added(source.demand, demand), _added(source.arrivals, arrivals)
            source.on_hand += on_hand
            source.on_order += on_order


def _above(place: Place, names: dict[str | None, Place]) -> list[Place]:
    """The place's source, the source's own, and so on, each once even where they refill each other in a circle."""
    found = [place]
    while (source := names.get(found[-1].source)) is not None and all(source is not one for one in found):
        found.append(source)
    return found[1:]


def _first_to_get(places: list[Place]) -> list[Place]:
    """The places that no other refills, and of them those that refill others if any do; all where each has a source."""
    names = {place.row["location_id"]: place for place in places}
    sources = {id(source) for place in places for source in _above(place, names)}
    first = [place for place in places if not _above(place, names)] or places
    return [place for place in first if id(place) in sources] or first


def _added(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    total = np.zeros((one.shape[0], max(one.shape[1], other.shape[1])), np.float32)
    total[:, : one.shape[1]] += one
    total[:, : other.shape[1]] += other
    return total


def _decide(place: Place) -> None:
    """Level, reorder point and the order that follows, before sources say what they have."""
    agreed = place.ordering
    place.level = policy.best_level(place.demand, agreed.terms, place.random)
    smallest = max(agreed.pack, -(-agreed.minimum // agreed.pack) * agreed.pack)
    up_to = _whole(place.level)
    # At -1 and below something is owed, which is ordered whatever it costs.
    place.point = max(min(np.floor(policy.reorder_point(place.level, smallest)), up_to - 1), -1.0)
    _size(place)


def _size(place: Place) -> None:
    """The order that follows from level, reorder point and position."""
    agreed, up_to, room = place.ordering, _whole(place.level), np.inf
    if pd.notna(place.row["shelf_capacity"]):
        # At the least this much will have left the shelf by the time that an order of tonight arrives.
        leaving = np.quantile(policy.sum_over(place.demand, agreed.terms.lead), 0.1)
        room = float(place.row["shelf_capacity"]) + leaving - place.position
    place.wanted = policy.order_size(place.position, place.point, up_to, agreed.pack, agreed.minimum, np.inf)
    place.order = policy.order_size(place.position, place.point, up_to, agreed.pack, agreed.minimum, room)


def _whole(level: Level | None) -> int:
    """The better of the whole numbers about the best level."""
    assert level is not None
    low = np.floor(level.best)
    return int(low if level.cost_at(low) <= level.cost_at(low + 1) else low + 1)


def _share(places: list[Place]) -> None:
    """Cuts what places want of a source to what it has on its own shelf, where that is less."""
    for name in sorted({place.source for place in places if place.source}):
        source = next((place for place in places if place.row["location_id"] == name), None)
        wanting = [place for place in places if place.source == name and place is not source]
        if source is None:
            continue
        levels = [place.level for place in wanting if place.level is not None]
        positions, orders = [place.position for place in wanting], [place.order for place in wanting]
        packs = [place.ordering.pack for place in wanting]
        there = max(float(source.row["on_hand"]), 0.0)
        for place, share in zip(wanting, policy.fair_shares(levels, positions, orders, packs, there), strict=True):
            place.order = share


def _run_out(place: Place) -> float:
    """Chance to run out before the delivery after tonight's, if the advice is followed."""
    terms = place.ordering.terms
    steps = min(max(round(terms.lead) + terms.review, 1), place.demand.shape[1])
    arrivals = _added(place.arrivals, np.zeros_like(place.demand))[:, : place.demand.shape[1]]
    if place.order:
        step = policy.lead_draws(terms, arrivals.shape[:1], place.random)
        there = step < arrivals.shape[1]
        arrivals[np.flatnonzero(there), step[there]] += place.order
    return policy.run_out_chance(place.demand[:, :steps], place.on_hand, arrivals[:, :steps])


def _reason(place: Place, step_days: int) -> str:
    """Why so much, in words that a buyer can check."""
    on_hand, agreed = float(place.row["on_hand"]), place.ordering
    if place.demand.max(initial=0) <= 0:
        owed = f"; {place.order} are for what is owed" if place.order else ""
        return f"{_pieces(on_hand)}, and nobody is expected to buy any{owed}"
    coming = np.flatnonzero(place.arrivals.mean(axis=0) > 0)
    due = place.arrivals.mean(axis=0)[coming]
    next_step = float(np.average(coming, weights=due)) if len(coming) else agreed.terms.lead
    expected = policy.sum_over(place.demand, max(next_step, 1.0)).mean()
    on_way = f" and {place.own_on_order:.0f} on the way" if place.own_on_order > 0 else ""
    said = f"{_pieces(on_hand)}{on_way}, {_about(expected)} expected before the next delivery"
    if place.source and place.order < place.wanted:
        said += f"; {place.source} can give {place.order} of the {place.wanted} wanted"
    elif place.order < place.wanted:
        said += f"; {place.wanted} wanted, room for {place.order}"
    elif place.order:
        days = (agreed.terms.lead + agreed.terms.review) * step_days
        whose = "it" if place.on_hand == on_hand else "it and the places it refills"
        said += f"; {place.order} bring {whose} to {place.position + place.order:.0f} for {days:.0f} days"
    elif place.position < _whole(place.level):
        said += "; the smallest order would cost more than it saves"
    else:
        said += "; that is enough"
    if "lead_time_days" in agreed.assumed or "transfer_days" in agreed.assumed:
        said += f" (a lead time of {agreed.terms.lead * step_days:.0f} days is assumed)"
    return said


def _pieces(on_hand: float) -> str:
    return f"{on_hand:.0f} left" if on_hand >= 0 else f"{-on_hand:.0f} owed"


def _about(expected: float) -> str:
    return f"{expected:.0f}" if expected >= 0.5 else "hardly any"
