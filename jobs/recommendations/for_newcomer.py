"""Lists for people without history: for all, for each country and channel with enough customers, for each category, for
the season, and ten draws.

People begin with other items than regulars buy, so the popularity of first baskets counts double; those from abroad
buy what others from abroad buy. A draw is the list for all with some places given to chance, so that not all newcomers
see the same: a shop spreads its visitors over ``draw=0`` to ``draw=9`` by a hash of their ids.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.features.category import SEPARATOR, steps
from jobs.lib.registry import Champion
from jobs.lib.settings import Settings
from jobs.lib.stores import Store
from jobs.recommendations import frames
from jobs.recommendations.catalogue import AGES, NEVER, is_sellable
from jobs.recommendations.item_figures import best_variants, has_variants, newness, products, season
from jobs.recommendations.model import Model
from jobs.recommendations.reasons import EXPLORATION, ago, buyers, different, in_season, short, times
from jobs.recommendations.rerank import Chosen, Exploration, RerankParams, Scored, explored, reserve_weights

PLACES = 20
COUNTRY = "country="  # begins the names of the segments of countries
FILL = 1e-6  # weighs what only decides where nothing better is known
COLUMNS = (
    "segment string, rank int, item_id string, score double, source string, reason string, propensity double, "
    "model_version string"
)


@dataclass(frozen=True)
class NewcomerParams:
    """Weights of the scaled popularities that make a newcomer's list, and how small a segment may be; ``ever`` is that
    of all buyers so far, by which a category of slow sellers has a list too. A draw gives each of its ``exploring``
    places to chance ``boost`` times as often as a customer's list (half of the time at most). Where a segment names no
    country, what is sold in ``home_country``, the store's, may be shown. ``is_weekly``: the store's orders are
    weeks of a place, which no sentence counts."""

    first_baskets: float = 2.0
    popularity: float = 1.0
    abroad: float = 4.0
    segment: float = 1.0
    season: float = 4.0
    ever: float = 0.01
    full_trust: int = 50
    min_customers: int = 5
    min_items: int = 5
    draws: int = 10
    exploring: tuple[int, ...] = tuple(range(4, PLACES + 1, 2))
    boost: float = 2.0
    home_country: str | None = None
    is_weekly: bool = False


def for_newcomer(
    customer_item: DataFrame,
    item: DataFrame,
    customer: DataFrame,
    as_of: date,
    store: Store,
    champion: Champion,
    settings: Settings,
) -> DataFrame:
    """Twenty places a segment: ``all``, ``country=…``, ``channel=…``, ``category=…``, ``season=now``, ``draw=0`` to
    ``draw=9``."""
    items = frames.item_rows(item, as_of)
    model = Model.load(champion.path)
    is_ours, is_ours_there = model.publishes("cold"), model.publishes("cold by country")
    chance = Exploration(settings.exploration_share, settings.control_salt, as_of)
    params = NewcomerParams(home_country=store.country, is_weekly=store.period == "week")
    lists = pd.concat(
        [
            segment_lists(items, segment_popularity(customer_item, customer), is_ours, params, is_ours_there),
            draw_lists(items, is_ours, chance, params),
        ]
    )
    lists["model_version"] = champion.version
    return customer_item.sparkSession.createDataFrame(lists[[c.split()[0] for c in COLUMNS.split(", ")]], COLUMNS)


def segment_popularity(customer_item: DataFrame, customer: DataFrame) -> pd.DataFrame:
    """Decayed orders (half-life 90 days) per kind of segment, its value and item, with the segment's customers."""
    parts = []
    for kind in ("country", "channel"):
        who = customer.where(F.col(kind).isNotNull() & (F.col("orders") > 0)).select(
            "customer_id", F.col(kind).alias("value")
        )
        size = who.groupBy("value").agg(F.count(F.lit(1)).alias("customers"))
        orders = customer_item.where(F.col("orders") > 0).join(who, "customer_id", "inner")
        # Rounded: the order of a distributed sum must not show in a published score.
        weight = F.round(F.sum("decayed_90d"), 6).alias("weight")
        parts.append(
            orders.groupBy("value", "item_id")
            .agg(weight)
            .join(F.broadcast(size), "value", "inner")
            .select(F.lit(kind).alias("kind"), "value", "item_id", "weight", "customers")
        )
    rows: pd.DataFrame = parts[0].unionByName(parts[1]).toPandas()
    return rows.sort_values(["kind", "value", "item_id"], kind="stable").reset_index(drop=True)


def segment_lists(
    items: pd.DataFrame,
    popularity: pd.DataFrame,
    is_ours: bool,
    params: NewcomerParams | None = None,
    is_ours_there: bool | None = None,
) -> pd.DataFrame:
    """The lists of all segments: ours, or plain popularity for each where ours did not beat it; ``is_ours_there`` says
    so of countries, whose lists are measured by themselves (None: as of all)."""
    of_country = is_ours if is_ours_there is None else is_ours_there
    params = params or NewcomerParams()
    items = _numbered(items)
    parts = []
    for segment, score, inside in _scores(items, popularity, params):
        plain = inside if segment.startswith("category=") else inside + FILL * popular(items)
        is_ours_here = of_country if segment.startswith(COUNTRY) else is_ours
        parts.append(_list(items, segment, score if is_ours_here else plain, inside, params))
    return pd.concat(parts, ignore_index=True)


def one_list(items: pd.DataFrame, is_ours: bool, params: NewcomerParams | None = None) -> pd.DataFrame:
    """The list of the segment ``all`` alone: what evaluations hold against popularity."""
    params = params or NewcomerParams()
    items = _numbered(items)
    popularity = popular(items)
    return _list(items, "all", newcomer_score(items, params) if is_ours else popularity, popularity, params)


def draw_lists(
    items: pd.DataFrame, is_ours: bool, chance: Exploration, params: NewcomerParams | None = None
) -> pd.DataFrame:
    """The list for all, once a draw, with its exploring places given to chance."""
    params = params or NewcomerParams()
    items = _numbered(items)
    popularity = popular(items)
    score, is_shown = newcomer_score(items, params) if is_ours else popularity, _is_shown(items, "all", params)
    found = drawn(items, score, is_shown, chance, params)
    chosen = found.at % len(items)
    rows = _rows(items, "", chosen, score, popularity, params)
    rows["segment"] = [f"draw={number}" for number in found.at // len(items)]
    rows["rank"], rows["propensity"] = found.rank.astype(np.int32), found.propensity
    listed_age, _, _ = newness(items)
    items = items.fillna(dict.fromkeys(AGES, NEVER))
    for at in np.flatnonzero(found.is_explored):
        item = items.iloc[chosen[at]]
        figure = _figure(item) | {"listed_age": listed_age[chosen[at]]}
        rows.loc[at, ["source", "reason"]] = EXPLORATION, different(figure)
    return rows


def drawn(
    items: pd.DataFrame, score: np.ndarray, is_shown: np.ndarray, chance: Exploration, params: NewcomerParams
) -> Chosen:
    """Places of all draws; ``at`` is the number of the draw · items + that of the item. Propensities are exact, as in
    :func:`jobs.recommendations.rerank.explored`."""
    draws, count = np.arange(params.draws), len(items)
    items = items.assign(product=products(items))
    _, is_fresh, _ = newness(items)
    is_shown = _one_a_product(items, score, is_shown & ((score > 0) | is_fresh))
    best = _best(items, score, is_shown)
    place = np.empty(count, np.int64)
    place[np.argsort(-np.where(is_shown, score, -1), kind="stable")] = np.arange(1, count + 1)
    # Of what never sold fresh items only: all of it would be most of some catalogues, and no source has chosen here.
    # What may not be drawn is left out of the reserve as a customer's own items are.
    is_barred = ~is_shown | ((score <= 0) & ~is_fresh)
    every = Scored(np.zeros(count, np.int64), np.arange(count), score, is_barred)
    weight = np.tile(reserve_weights(every, is_fresh, place, RerankParams()), params.draws)
    ranks = np.tile(np.arange(1, len(best) + 1), params.draws)
    at = (draws[:, None] * count + best).ravel()
    kept = Chosen(at, ranks, np.ones(len(at)), np.zeros(len(at), bool))
    row, column = np.repeat(draws, count), np.tile(np.arange(count), params.draws)
    uniform = chance.uniform([f"newcomers\x1fdraw={number}" for number in draws], len(params.exploring))
    share = np.full(params.draws, min(params.boost * chance.share, 0.5))
    return explored(kept, row, column, weight, params.exploring, uniform, share)


def newcomer_score(items: pd.DataFrame, params: NewcomerParams | None = None) -> np.ndarray:
    """The score of the list for all, item by item; what it says nothing of stands below, by :func:`popular`."""
    params = params or NewcomerParams()
    of_people = params.first_baskets * scaled(items["first_basket_decayed_14d"])
    return of_people + params.popularity * scaled(items["decayed_14d"]) + FILL * popular(items)


def popular(items: pd.DataFrame) -> np.ndarray:
    """Customers who bought an item in 28 days over those of the most bought one. Below them, so that a shop of guests
    or one where little was sold of late has a list: orders in 28 days, guests' among them, then all customers so far,
    then whatever sold last. 0 for what never sold."""
    last = items["last_age"].to_numpy(float)
    rest = scaled(items["orders_28d"]) + FILL * scaled(items["customers_all"]) + FILL**2 / (1 + np.nan_to_num(last))
    return scaled(items["customers_28d"]) + FILL * np.where(np.isnan(last), 0, rest)


def scaled(value: pd.Series | np.ndarray) -> np.ndarray:
    """The value over its largest; zeros where all are."""
    value = np.asarray(value, float)
    return value / max(value.max(initial=0), 1e-9)


def _scores(
    items: pd.DataFrame, popularity: pd.DataFrame, params: NewcomerParams
) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Segment, its score, and the popularity inside it (what the baseline and the reason use)."""
    base, index = newcomer_score(items, params), pd.Index(items["item_id"])

    def of(rows: pd.DataFrame) -> np.ndarray:
        return scaled(rows.groupby("item_id")["weight"].sum().reindex(index).fillna(0))

    yield "all", base, popular(items)
    for kind, of_kind in popularity.groupby("kind", sort=True):
        sizes = of_kind.groupby("value")["customers"].first()
        home = sizes.sort_index().idxmax()
        abroad = of(of_kind[of_kind["value"] != home])
        for value in sizes[sizes >= params.min_customers].sort_index().index:
            own = of(of_kind[of_kind["value"] == value])
            trust = params.segment * min(sizes[value] / params.full_trust, 1.0)
            yield f"{kind}={value}", base if value == home else base + params.abroad * abroad + trust * own, own
    yield from _of_categories(items, base, params)
    of_season = scaled(season(items))
    if of_season.any():
        yield "season=now", base + params.season * of_season, of_season


def _of_categories(
    items: pd.DataFrame, base: np.ndarray, params: NewcomerParams
) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Every level of the category paths under which enough was ever sold that the list for all may show."""
    score = np.where(_is_shown(items, "all", params), base + params.ever * scaled(items["customers_all"]), 0)
    recent = items["customers_28d"].to_numpy(float) + params.ever * items["customers_all"].to_numpy(float)
    recent += FILL * popular(items)
    inside: dict[str, list[int]] = {}
    for number, path in enumerate(items["category"]):
        if score[number] > 0 and isinstance(path, str):
            for step in steps(path):
                inside.setdefault(step, []).append(number)
    for path, numbers in sorted(inside.items()):
        if len(numbers) >= params.min_items:
            mask = np.zeros(len(items), bool)
            mask[numbers] = True
            yield f"category={path}", np.where(mask, score, 0), np.where(mask, recent, 0)


def _list(
    items: pd.DataFrame, segment: str, score: np.ndarray, inside: np.ndarray, params: NewcomerParams
) -> pd.DataFrame:
    """The first places by score among the items that may be shown, with the figure behind each."""
    return _rows(items, segment, _best(items, score, _is_shown(items, segment, params)), score, inside, params)


def _is_shown(items: pd.DataFrame, segment: str, params: NewcomerParams) -> np.ndarray:
    """Sellable to everybody, and sold in the country of the segment, or in the store's where it names none: asked to be
    sold everywhere, a catalogue that says of each item where it is sold would have no list for all. Of a store that
    names no country of its own all is shown there."""
    where = items["sold_in"]
    country = segment.removeprefix(COUNTRY) if segment.startswith(COUNTRY) else params.home_country
    there = [codes for codes in where.dropna().unique() if not country or country in codes.split()]
    return is_sellable(items) & (where.isna() | where.isin(there)).to_numpy()


def _best(items: pd.DataFrame, score: np.ndarray, is_shown: np.ndarray) -> np.ndarray:
    """Numbers of the first items by score, ties in the order of the items, one of each product; those of no score are
    left out, and not sorted: a category is a small part of the catalogue."""
    scored = np.flatnonzero(_one_a_product(items, score, is_shown & (score > 0)))
    return scored[np.argsort(-score[scored], kind="stable")[:PLACES]]


def _one_a_product(items: pd.DataFrame, score: np.ndarray, is_shown: np.ndarray) -> np.ndarray:
    """What is shown without all variants of a product but that of the highest score."""
    product = items["product"].to_numpy()
    if not has_variants(product):
        return is_shown
    shown = np.flatnonzero(is_shown)
    found = np.zeros(len(items), bool)
    found[shown[best_variants(product[shown], score[shown])]] = True
    return found


def _numbered(items: pd.DataFrame) -> pd.DataFrame:
    """The item table in the order of ids, with the number of each row's product."""
    items = items.sort_values("item_id", kind="stable").reset_index(drop=True)
    return items.assign(product=products(items))


def _rows(
    items: pd.DataFrame,
    segment: str,
    chosen: np.ndarray,
    score: np.ndarray,
    inside: np.ndarray,
    params: NewcomerParams,
) -> pd.DataFrame:
    """The places of a list in their order, with the figure behind each."""
    reasons = [_reason(items.iloc[i], segment, inside[i], params) for i in chosen]
    return pd.DataFrame(
        {
            "segment": segment,
            "rank": np.arange(1, len(chosen) + 1, dtype=np.int32),
            "item_id": items["item_id"].to_numpy(object)[chosen],
            "score": score[chosen],
            "source": [source for source, _ in reasons],
            "reason": [reason for _, reason in reasons],
            "propensity": 1.0,
        }
    )


def _reason(item: pd.Series, segment: str, inside: float, params: NewcomerParams) -> tuple[str, str]:
    """Source and a sentence with the figure that carries the place."""
    if segment == "season=now" and inside > 0:
        told = "In season: sold in these weeks last year"
        return "seasonal", told if params.is_weekly else in_season(item["orders_season"])
    if segment.startswith("category="):
        within = segment.rpartition(SEPARATOR)[2].rpartition("=")[2]
        told = _bought(item, params).removeprefix("bought by ")
        return "popular in the category", f"Among the most bought of {short(within)}: {told}"
    if segment.startswith(COUNTRY) and inside > 0.5:
        return "popular in the country", f"One of the most ordered items in {segment.removeprefix(COUNTRY)} of late"
    first = int(item["first_basket_28d"])
    if first > 0 and first * 3 >= item["customers_28d"]:
        return "first baskets", f"{first} new customers began with it in the last 28 days"
    return "popular", _bought(item, params).capitalize()


def _bought(item: pd.Series, params: NewcomerParams) -> str:
    """By how many it was bought, guests' orders (of weeks: pieces) where no customer is known, or when."""
    if item["orders_28d"] > 0 and not item["customers_28d"]:
        if params.is_weekly:
            return f"sold {times(item['units_28d'])} in the last 28 days"
        return f"ordered {times(item['orders_28d'])} in the last 28 days"
    return f"bought by {buyers(_figure(item))}" if item["customers_all"] > 0 else f"last bought {ago(item['last_age'])}"


def _figure(item: pd.Series) -> dict[str, float]:
    """The figures of an item that sentences are made of."""
    names = ("first_age", "last_age", "customers_28d", "customers_all")
    return {f"item_{name}": float(item[name]) for name in names}
