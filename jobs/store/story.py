"""From what was shown, viewed and bought to a sequence of events in time, session by session."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

TYPES = ("impression", "click", "view", "cart", "remove", "purchase", "search")
IMPRESSION, CLICK, VIEW, CART, REMOVE, PURCHASE, SEARCHED = range(len(TYPES))
#: Seconds that usually pass before an event of each type.
GAPS = np.array([0.02, 9.0, 0.7, 16.0, 25.0, 65.0, 11.0])
LAST_SECOND = 86_399.0


@dataclass
class Rows:
    """Places shown and items looked up, row by row; placement and rank -1 where no list was involved."""

    session: np.ndarray
    item: np.ndarray
    placement: np.ndarray
    rank: np.ndarray  # from 1
    propensity: np.ndarray

    @staticmethod
    def joined(parts: list[Rows]) -> Rows:
        """One after another."""
        return Rows(*(np.concatenate([getattr(part, column.name) for part in parts]) for column in fields(Rows)))

    @staticmethod
    def grid(items: np.ndarray, placement: int, propensity: np.ndarray) -> Rows:
        """The filled places of [sessions, places]; ranks close up over places that are empty (-1)."""
        session, place = np.nonzero(items >= 0)
        rank = (items >= 0).cumsum(axis=1)[session, place]
        where = np.full(len(session), placement)
        return Rows(session, items[session, place].astype(np.int64), where, rank, propensity[session, place])

    @staticmethod
    def unlisted(session: np.ndarray, item: np.ndarray) -> Rows:
        """Items that were found without a list."""
        none = np.full(len(session), -1)
        return Rows(session, item.astype(np.int64), none, none, np.ones(len(session), dtype=np.float32))

    def taken(self, at: np.ndarray) -> Rows:
        """Some of the rows."""
        return Rows(*(getattr(self, column.name)[at] for column in fields(Rows)))

    def __len__(self) -> int:
        return len(self.session)


@dataclass(frozen=True)
class Events:
    """Arrays over events, by session and time; -1 where a column does not apply."""

    session: np.ndarray
    type: np.ndarray  # number in TYPES
    item: np.ndarray
    query: np.ndarray  # a code, see behaviour.query_text
    placement: np.ndarray
    rank: np.ndarray
    propensity: np.ndarray
    seconds: np.ndarray  # since local midnight
    line: np.ndarray  # of a purchase: its number among the block's lines

    def __len__(self) -> int:
        return len(self.session)

    def taken(self, at: np.ndarray) -> Events:
        """Some of the events, by number or mask."""
        return Events(**{column.name: getattr(self, column.name)[at] for column in fields(self)})

    @staticmethod
    def joined(parts: list[Events]) -> Events:
        """One after another."""
        return Events(
            **{column.name: np.concatenate([getattr(part, column.name) for part in parts]) for column in fields(Events)}
        )


@dataclass(frozen=True)
class Seen:
    """What a block's sessions saw and did, before it is put in order.

    ``viewed`` begins with what was clicked in ``pages`` and ``results``, goes on with what was found directly, and ends
    with what was clicked in ``related``; ``beside`` gives for each related row the number of the view it stood beside.
    """

    pages: Rows
    results: Rows
    query: np.ndarray  # by session, -1 without a search
    viewed: Rows
    first_views: int  # how many of ``viewed`` come before those from related lists
    related: Rows
    beside: np.ndarray
    more_beside: (
        np.ndarray
    )  # for each of the last rows of ``viewed``, the number of the view whose related list it was in
    carted: np.ndarray  # bool over viewed
    removed: np.ndarray
    bought: np.ndarray


def in_order(rng: np.random.Generator, seen: Seen, starts: np.ndarray) -> tuple[Events, np.ndarray]:
    """All events with their times, and for each session the second of its purchase (NaN without one)."""
    view_at = _view_order(rng, seen)
    listed = seen.viewed.placement >= 0
    parts = [
        _events(IMPRESSION, seen.pages, seen.pages.placement + seen.pages.rank * 0.01),
        _events(IMPRESSION, seen.results, 11 + seen.results.rank * 0.01),
        _events(CLICK, seen.viewed.taken(listed), view_at[listed] - 0.002),
        _events(VIEW, seen.viewed, view_at, listed=False),
        _events(CART, seen.viewed.taken(seen.carted), view_at[seen.carted] + 0.002, listed=False),
        _events(IMPRESSION, seen.related, np.floor(view_at)[seen.beside] + 0.2 + seen.related.rank * 0.001),
        _events(REMOVE, seen.viewed.taken(seen.removed), np.full(seen.removed.sum(), 9e5), listed=False),
        _events(PURCHASE, seen.viewed.taken(seen.bought), 1e6 + np.arange(seen.bought.sum()), listed=False),
    ]
    searching = np.flatnonzero(seen.query >= 0)
    asked = _events(
        SEARCHED, Rows.unlisted(searching, np.full(len(searching), -1)), np.full(len(searching), 10.0), listed=False
    )
    asked[0]["query"][:] = seen.query[searching]
    parts.append(asked)
    columns = {name: np.concatenate([part[0][name] for part in parts]) for name in parts[0][0]}
    key = np.concatenate([part[1] for part in parts])
    order = np.lexsort((key, columns["session"]))
    columns = {name: values[order] for name, values in columns.items()}
    columns["seconds"] = _times(rng, columns["session"], columns["type"], starts)
    paid = np.full(len(starts), np.nan)
    buys = columns["type"] == PURCHASE
    paid[columns["session"][buys]] = columns["seconds"][buys]
    return Events(**columns), paid


def _view_order(rng: np.random.Generator, seen: Seen) -> np.ndarray:
    """Where each view stands in its session: first ones at random, related ones just after what they stood beside."""
    first = seen.viewed.session[: seen.first_views]
    order = np.lexsort((rng.random(len(first)), first))
    place = np.empty(len(first))
    place[order] = np.arange(len(first)) - np.searchsorted(first[order], first[order])
    place = 20.1 + place
    more = np.floor(place[seen.more_beside]) + 0.3 + seen.viewed.rank[seen.first_views :] * 0.01
    return np.concatenate([place, more])


def _events(kind: int, rows: Rows, key: np.ndarray, listed: bool = True) -> tuple[dict[str, np.ndarray], np.ndarray]:
    none = np.full(len(rows), -1)
    return {
        "session": rows.session,
        "type": np.full(len(rows), kind),
        "item": rows.item,
        "query": none.copy(),
        "placement": rows.placement if listed else none,
        "rank": rows.rank if listed else none,
        "propensity": rows.propensity if listed else np.full(len(rows), np.nan),
        "line": np.arange(len(rows)) if kind == PURCHASE else none,
    }, key


def _times(rng: np.random.Generator, session: np.ndarray, kind: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Seconds since midnight; events are in order, and one order's purchases share a moment."""
    if not len(session):
        return np.zeros(0)
    gap = GAPS[kind] * rng.lognormal(0, 0.6, len(kind))
    opens = np.concatenate([[True], session[1:] != session[:-1]])
    same_order = np.concatenate([[False], (kind[1:] == PURCHASE) & (kind[:-1] == PURCHASE)]) & ~opens
    gap[opens | same_order] = 0
    spent = np.cumsum(gap)
    since = spent - spent[np.maximum.accumulate(np.where(opens, np.arange(len(opens)), 0))]
    return np.minimum(starts[session] + since, LAST_SECOND)
