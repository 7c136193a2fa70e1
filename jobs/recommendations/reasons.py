"""Sentences that a shop can print beside a recommendation: each names the item or the figure that it rests on."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from jobs.recommendations import rows
from jobs.recommendations.candidates import Block
from jobs.recommendations.catalogue import NEVER, Catalogue
from jobs.recommendations.item_figures import FRESH_DAYS
from jobs.recommendations.pair_features import Candidates

# The features in which a personal source says how high it places the pair; shared sources have their own places.
PERSONAL_PLACES = {
    "bought with": "ease_rank",
    "similar": "content_rank",
    "same basket": "basket_rank",
    "customers alike": "users_recent_rank",
    "category leaders": "leader_rank",
    "factors": "factors_rank",
}
BECAUSE_OF = {
    "bought with": "Often bought by customers who bought",
    "similar": "Similar to",
    "same basket": "Often in one basket with",
}
FIRST = ("due again", "own history", "viewed")
EXPLORATION = "exploration"
SHORT = 120  # characters of a name that a sentence has room for: the contracts allow a whole sentence 400


def sources_of(pairs: Candidates, catalogue: Catalogue, chosen: np.ndarray) -> np.ndarray:
    """The source of each chosen pair: own history and looks first, else the source that ranks the pair highest."""
    best = np.full(len(chosen), np.inf)
    found = np.full(len(chosen), "popular", dtype=object)
    places = {source: pairs.features[name].to_numpy(float)[chosen] for source, name in PERSONAL_PLACES.items()}
    # A champion may be older than a source that proposes the same to all.
    shared = [source for source in catalogue.places if source in pairs.sources]
    places |= {source: catalogue.places[source][pairs.column[chosen]] for source in shared}
    for source, place in places.items():
        place = np.where(pairs.sources[source][chosen], place, np.inf)
        found = np.where(place < best, source, found)
        best = np.minimum(best, place)
    for source in reversed(FIRST):
        found = np.where(pairs.sources[source][chosen], source, found)
    return found


def reasons_of(
    block: Block, pairs: Candidates, catalogue: Catalogue, chosen: np.ndarray, source: np.ndarray
) -> np.ndarray:
    """One sentence for each chosen pair."""
    features = pairs.features.iloc[chosen]
    row, column = pairs.row[chosen], pairs.column[chosen]
    texts = np.empty(len(chosen), dtype=object)
    texts[:] = ""
    own = block.taste(block.pairs["decayed_90d"].to_numpy(float) + 1e-3 * block.pairs["orders"].to_numpy(float))
    speaking = (catalogue.ease, catalogue.text_neighbours, catalogue.basket)
    for kind, weights in zip(BECAUSE_OF, speaking, strict=True):
        at = np.flatnonzero(source == kind)
        because = rows.strongest(own, weights, row[at], column[at])
        for place, item in zip(at, because, strict=True):
            texts[place] = f"{BECAUSE_OF[kind]} {short(catalogue.titles[item])}" if item >= 0 else ""
    figures = {
        name: features[name].to_numpy(float)
        for name in (
            *("orders", "last_age", "views_28d", "carts_28d", "item_discoveries_10d", "item_customers_28d"),
            *("item_customers_7d", "item_customers_all", "item_first_age", "item_last_age", "gap", "item_repeat_gap"),
            "item_orders_28d",
        )
    }
    figures["listed_age"], figures["season"] = catalogue.figures.listed_age[column], catalogue.figures.season[column]
    rest = np.flatnonzero(texts == "")
    # Plain numbers: taking and printing numpy's, one at a time, is slower.
    for place, *values in zip(rest.tolist(), *(value[rest].tolist() for value in figures.values()), strict=True):
        texts[place] = _sentence(source[place], dict(zip(figures, values, strict=True)))
    return texts


def _sentence(source: str, figure: dict[str, float]) -> str:
    """The sentence of a source without another item in it."""
    if source == "own history":
        return f"You bought it {times(figure['orders'])}, last {ago(figure['last_age'])}"
    if source == "due again":
        gap = figure["gap"] if figure["orders"] > 2 else figure["item_repeat_gap"]
        return f"Due again: usually after {max(gap, 1):.0f} days, you bought it {ago(figure['last_age'])}"
    if source == "viewed":
        if figure["carts_28d"] > 0:
            return "You put it in your basket and have not bought it yet"
        return f"You looked at it {times(figure['views_28d'])} in the last 28 days"
    if source == "discovered":
        return f"{_customers(figure['item_discoveries_10d'])} tried it for the first time in the last 10 days"
    if source == "trend":
        return f"On the rise: {_customers(figure['item_customers_7d'])} in the last 7 days"
    if source == "new":
        return f"New: first sold {ago(figure['item_first_age'])}"
    if source == "just listed":
        return f"New in the shop: listed {ago(figure['listed_age'])}"
    if source == "seasonal":
        return in_season(figure["season"])
    if source == EXPLORATION:
        return different(figure)
    if source == "category leaders":
        return f"Among the most bought of its kind: {buyers(figure)}"
    if source in ("customers alike", "factors") and figure["item_customers_all"] > 0:
        return f"Chosen by people with your taste, among {buyers(figure)}"
    if figure["item_customers_all"] > 0:
        return f"Bought by {buyers(figure)}"
    if source == "popular" and figure["item_orders_28d"] > 0:
        return f"Ordered {times(figure['item_orders_28d'])} in the last 28 days"
    return different(figure)


def short(name: str) -> str:
    """A title or another name of the store's as a sentence has it: a long one is cut, since a store may use any."""
    return name if len(name) <= SHORT else name[: SHORT - 1].rstrip() + "…"


def buyers(figure: Mapping[str, float]) -> str:
    """How many bought it: lately where anybody did, else so far."""
    if figure["item_customers_28d"] > 0:
        return f"{_customers(figure['item_customers_28d'])} in the last 28 days"
    return f"{_customers(figure['item_customers_all'])} so far"


def different(figure: dict[str, float]) -> str:
    """Why something stands there that the model did not place: its age, or how many bought it."""
    if figure["item_first_age"] < FRESH_DAYS:
        return f"New here: first sold {ago(figure['item_first_age'])}"
    if figure["item_first_age"] == NEVER:
        is_new = figure["listed_age"] < FRESH_DAYS
        return f"New here: listed {ago(figure['listed_age'])}" if is_new else "Not bought by anybody yet"
    if not figure["item_customers_28d"]:
        return f"Something different: last sold {ago(figure['item_last_age'])}"
    return f"Something different: bought by {_customers(figure['item_customers_28d'])} in the last 28 days"


def in_season(orders: float) -> str:
    """Why something stands there that sold at this time a year ago."""
    return f"In season: ordered {times(orders)} in these weeks last year"


def ago(days: float) -> str:
    """Days before the as-of day in words."""
    if days < 1:
        return "today"
    return "yesterday" if days < 2 else f"{days:.0f} days ago"


def _customers(count: float) -> str:
    return "one customer" if count == 1 else f"{count:,.0f} customers"


def times(count: float) -> str:
    return "once" if count == 1 else f"{count:.0f} times"
