"""What happens in a block's sessions on a day: pages, looks, clicks, views, carts and purchases, as event arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from jobs.store import choice
from jobs.store import lists as published
from jobs.store.catalogue import LEAVES, STYLE_NAMES
from jobs.store.customers import Customers, Memory, leaf_preference
from jobs.store.lists import Lists
from jobs.store.sessions import Sessions, sessions_of
from jobs.store.shop import BUY_AGAIN, DISCOVER, HOME, RELATED, SEARCH, SHOWN, Shop
from jobs.store.story import Events, Rows, Seen, in_order
from jobs.store.world import WorldParams, chance

GLANCES = 3  # items of a leaf that someone who browses compares before opening one
LEFT_AT_TILL = 0.12  # of sessions with a purchase in mind: the whole cart is left behind


@dataclass(frozen=True)
class Lines:
    """What shoppers took to the till, before stock says what there is; arrays over lines."""

    session: np.ndarray
    item: np.ndarray
    units: np.ndarray
    seconds: np.ndarray


@dataclass(frozen=True)
class Visits:
    """All that people did in one block on one day."""

    sessions: Sessions
    events: Events
    lines: Lines
    missed: np.ndarray  # item numbers, one for each time somebody wanted one that was out of stock
    wanted_item: np.ndarray  # those of them that would have been bought
    wanted_units: np.ndarray


def visits(params: WorldParams, shop: Shop, lists: Lists | None, block: int, of: Customers, memory: Memory) -> Visits:
    """Simulates one block's day. ``lists`` are those of the block's customers, None for the shop's own."""
    rng = chance(params, "behaviour", block, shop.day)
    people = sessions_of(params, shop, block, of, memory)
    needs = choice.needs_of(shop, of, memory)
    pages = _pages(rng, shop, lists, people, memory)
    results, query = _searches(params, rng, shop, people)
    offered = Rows.joined([pages, results])
    worth_of = lambda rows: _worth(params, shop, people, memory, needs, rows)  # noqa: E731
    clicked = offered.taken(_clicked(rng, offered, worth_of(offered)))
    first = Rows.joined([clicked, _direct(params, rng, shop, people, memory, needs)])
    related, beside = _related(rng, shop, lists, first)
    more = _clicked(rng, related, worth_of(related))
    viewed = Rows.joined([first, related.taken(more)])
    allowed = choice.allowed(shop, people.country[viewed.session], people.age[viewed.session], viewed.item)
    there = shop.in_stock[viewed.item] & allowed
    again = _seen_before(viewed)
    worth = np.where(again, -np.inf, worth_of(viewed))
    bought, carted, missed = choice.choose(params, rng, viewed.session, shop.items.leaf[viewed.item], worth, there)
    stays = rng.random(len(people)) > LEFT_AT_TILL
    bought &= stays[viewed.session]
    removed = carted & ~bought & (rng.random(len(viewed)) < 0.3)
    seen = Seen(
        pages,
        results,
        query,
        viewed,
        len(first),
        related,
        beside,
        beside[more],
        carted & ~again,
        removed & ~again,
        bought,
    )
    events, paid = in_order(rng, seen, people.starts)
    several = np.where(shop.items.cycle[viewed.item] > 0, 0.5, 0.12) * np.where(people.business[viewed.session], 8, 1)
    units = 1 + rng.poisson(several)
    lines = Lines(viewed.session[bought], viewed.item[bought], units[bought], paid[viewed.session[bought]])
    missed &= shop.on_sale[viewed.item]
    wanted = missed & allowed & stays[viewed.session]
    return Visits(people, events, lines, viewed.item[missed], viewed.item[wanted], units[wanted])


def query_text(code: int) -> str:
    """What was typed: a noun, at times with a style's word before it."""
    leaf, noun, style = code // 128, code // 16 % 8, code % 16
    nouns = LEAVES[leaf][3]
    word = nouns[noun % len(nouns)]
    return word if style == 0 else f"{STYLE_NAMES[style - 1]} {word}"


def _pages(rng: np.random.Generator, shop: Shop, lists: Lists | None, people: Sessions, memory: Memory) -> Rows:
    """The lists on the first page: home, for signed-in customers buy_again, and for half of all discover."""
    size = len(people)
    who = np.where(people.signed_in, people.customer, -1)
    recent = np.argsort(-memory.day.astype(int), axis=1, kind="stable")[:, : SHOWN[BUY_AGAIN]]
    bought = np.take_along_axis(memory.item, recent, axis=1)
    house = {
        HOME: np.tile(_padded(shop.popular, SHOWN[HOME]), (size, 1)),
        BUY_AGAIN: np.where((who >= 0)[:, None], bought[who], -1),
        DISCOVER: np.tile(_padded(shop.fresh, SHOWN[DISCOVER]), (size, 1)),
    }
    shown = {HOME: rng.random(size) < 0.85, BUY_AGAIN: rng.random(size) < 0.8, DISCOVER: rng.random(size) < 0.4}
    parts = []
    for placement, grid in house.items():
        likely = np.ones(grid.shape, dtype=np.float32)
        if lists is not None:
            grid, likely = _of_release(lists, placement, grid, people, who)
        parts.append(Rows.grid(np.where(shown[placement][:, None], grid, -1), placement, likely))
    return Rows.joined(parts)


def _of_release(
    lists: Lists, placement: int, house: np.ndarray, people: Sessions, who: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """A release's places for each session: the customer's own, else the newcomers'; where it has none, the shop's."""
    wide = house.shape[1]
    grid, likely = house.copy(), np.ones(house.shape, dtype=np.float32)
    if placement != BUY_AGAIN:
        for country in np.unique(people.country):
            found = published.newcomer_list(lists, int(country))
            if found is not None:
                # discover continues where home ends, so that newcomers do not see the same twice
                start = 0 if placement == HOME or (found[0][wide:] < 0).all() else len(found[0]) - wide
                rows = people.country == country
                grid[rows], likely[rows] = found[0][start : start + wide], found[1][start : start + wide]
    own = lists.personal[placement, who, :wide]
    has = (who >= 0) & (lists.personal[:, who] >= 0).any(axis=(0, 2))
    return np.where(has[:, None], own, grid), np.where(
        has[:, None], lists.personal_chance[placement, who, :wide], likely
    )


def _searches(params: WorldParams, rng: np.random.Generator, shop: Shop, people: Sessions) -> tuple[Rows, np.ndarray]:
    """Result lists of the sessions that search once, and each session's query code (-1: none)."""
    searching = rng.random(len(people)) < 0.3
    leaf = _pick(rng, leaf_preference(params, people.taste))
    noun, style = rng.integers(0, 6, len(people)), rng.integers(1, len(STYLE_NAMES) + 1, len(people))
    style = np.where(rng.random(len(people)) < 0.35, style, 0)
    noun = noun % np.array([len(row[3]) for row in LEAVES])[leaf]
    code = np.where(searching, leaf * 128 + noun * 16 + style, -1)
    grid = np.where(searching[:, None], shop.leaf_top[leaf, : SHOWN[SEARCH]], -1)
    return Rows.grid(grid, SEARCH, np.ones(grid.shape, dtype=np.float32)), code


def _direct(
    params: WorldParams, rng: np.random.Generator, shop: Shop, people: Sessions, memory: Memory, needs: np.ndarray
) -> Rows:
    """Items looked up without a list: found by browsing a leaf, or known and needed again."""
    session = np.repeat(np.arange(len(people)), rng.poisson(2.6, len(people)))
    leaf = _pick(rng, leaf_preference(params, people.taste)[session])
    found = np.stack([shop.browse(leaf, rng.random(len(session))) for _ in range(GLANCES)])
    liking = np.einsum("rd,grd->gr", people.taste[session], shop.items.vector[found]) + shop.appeal[found]
    best = (params.taste_weight * liking + rng.gumbel(size=liking.shape)).argmax(axis=0)
    item = found[best, np.arange(len(session))]
    urgent = (
        (needs[people.customer] > 1.0)
        & (people.customer >= 0)[:, None]
        & (rng.random((len(people), needs.shape[1])) < 0.35)
    )
    who, place = np.nonzero(urgent)
    session = np.concatenate([session, who])
    item = np.concatenate([item, memory.item[people.customer[who], place]])
    fits = (item >= 0) & shop.on_sale[item]
    session, item = session[fits], item[fits]
    return Rows.unlisted(session, item)


def _related(rng: np.random.Generator, shop: Shop, lists: Lists | None, viewed: Rows) -> tuple[Rows, np.ndarray]:
    """Lists beside some of the viewed items, and the number of the view each row stands beside."""
    house = shop.leaf_top[shop.items.leaf[viewed.item]]
    grid = np.where(house == viewed.item[:, None], -1, house)
    order = np.argsort(grid < 0, axis=1, kind="stable")
    grid = np.take_along_axis(grid, order, axis=1)[:, : SHOWN[RELATED]]
    if lists is not None and lists.related is not None:
        known = viewed.item.clip(max=len(lists.related) - 1)
        own = lists.related[known, : SHOWN[RELATED]]
        grid = np.where(np.any(own >= 0, axis=1, keepdims=True), own, grid)
    grid = np.where((rng.random(len(viewed)) < 0.2)[:, None], grid, -1)
    rows = Rows.grid(grid, RELATED, np.ones(grid.shape, dtype=np.float32))
    parent = rows.session.copy()
    rows.session = viewed.session[parent]
    return rows, parent


def _clicked(rng: np.random.Generator, rows: Rows, worth: np.ndarray) -> np.ndarray:
    """Which shown places are looked at and clicked, bool."""
    looked = rng.random(len(rows)) < choice.examination(rows.placement, rows.rank)
    return looked & (rng.random(len(rows)) < choice.click_chance(worth))


def _worth(
    params: WorldParams, shop: Shop, people: Sessions, memory: Memory, needs: np.ndarray, rows: Rows
) -> np.ndarray:
    """Utility of each row's item to its session's shopper."""
    who = people.customer[rows.session]
    same = (memory.item[who] == rows.item[:, None]) & (who >= 0)[:, None]
    needed = np.where(same, needs[who], 0).sum(axis=1)
    at = rows.session
    return choice.utility(params, shop, people.taste[at], people.price_sense[at], people.mood[at], rows.item, needed)


def _seen_before(rows: Rows) -> np.ndarray:
    """Whether an earlier row has the same item in the same session."""
    _, first = np.unique(rows.session.astype(np.int64) * 2**32 + rows.item, return_index=True)
    before = np.ones(len(rows), dtype=bool)
    before[first] = False
    return before


def _pick(rng: np.random.Generator, shares: np.ndarray) -> np.ndarray:
    """One column per row, drawn by the row's shares."""
    luck = rng.random(len(shares))[:, None]
    return np.minimum((shares.cumsum(axis=1) < luck).sum(axis=1), shares.shape[1] - 1)


def _padded(items: np.ndarray, size: int) -> np.ndarray:
    """The first ``size`` items, -1 after the last."""
    return np.concatenate([items[:size], np.full(max(0, size - len(items)), -1)])
