"""Looks that fall with the place: found again from clicks of a known world, and taken out of what is learnt."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from jobs.recommendations import frames, position, ranker
from jobs.recommendations.learning import Window, window
from jobs.recommendations.position import PositionParams
from jobs.recommendations.ranker import Examples, RankerParams
from jobs.store import choice

from . import small_shop
from .conftest import fitted

DAY = small_shop.FIRST_DAY + timedelta(days=250)


def test_the_simulated_stores_powers_are_found_again():
    """Forty items, the liked ones more often on top, clicked as the simulated store's shoppers click."""
    generator = np.random.default_rng(3)
    parts = []
    for number, placement in enumerate(("home", "buy_again")):
        liking = np.sort(generator.normal(1.5, 1.0, 40))[::-1]
        lists = np.argsort(-(liking + generator.normal(0, 1, (40_000, 40))), axis=1)[:, :20].ravel()
        rank = np.tile(np.arange(1, 21), 40_000)
        looked = generator.random(len(rank)) < choice.examination(np.full(len(rank), number), rank)
        clicked = looked & (generator.random(len(rank)) < choice.click_chance(liking[lists]))
        rows = pd.DataFrame({"placement": placement, "item_id": lists, "rank": rank, "clicks": clicked})
        parts.append(rows.groupby(["placement", "item_id", "rank"])["clicks"].agg(["size", "sum"]).reset_index())
    counted = pd.concat(parts).rename(columns={"size": "impressions", "sum": "clicks"})
    found = position.powers(counted, PositionParams())
    assert found["home"] == pytest.approx(choice.FALLS_BY[0], abs=0.05)
    assert found["buy_again"] == pytest.approx(choice.FALLS_BY[1], abs=0.05)
    assert position.powers(counted, PositionParams(min_clicks=10**9)) == {}


def test_what_was_shown_far_down_or_not_at_all_weighs_more():
    truth = pd.DataFrame({"shown_rank": [1.0, 4.0, np.nan, 99.0], "shown_in": ["home", "home", None, "search"]})
    found = position.credits(truth, PositionParams(powers={"home": 0.5}))
    assert found / found[0] == pytest.approx([1, 2, 20**0.5, 20**0.5]) and found.mean() == pytest.approx(1)
    assert (position.credits(truth, PositionParams()) == 1).all()
    assert (position.credits(truth[[]], PositionParams(powers={"home": 0.5})) == 1).all()


def test_weighed_purchases_tell_what_is_wanted_from_what_stood_on_top():
    """Old lists put high what has ``loud``, wanted or not; what is bought must have been looked at. Learnt plainly, the
    loud looks wanted; weighed by its place it does not."""
    generator = np.random.default_rng(7)
    lists, places = 1500, 20
    loud = generator.random((lists, places)) < 0.5
    rank = np.argsort(np.argsort(-(loud + generator.random((lists, places))), axis=1), axis=1) + 1
    wanted = generator.random((lists, places))
    looked = generator.random((lists, places)) < rank**-0.8
    bought = (looked & (generator.random((lists, places)) < 0.5 * wanted)).ravel()
    features = pd.DataFrame({"loud": loud.ravel(), "wanted": wanted.ravel()}, dtype=np.float32)
    truth = pd.DataFrame({"shown_rank": rank.ravel()[bought].astype(float), "shown_in": "home"})
    credit = np.ones(len(bought))
    credit[bought] = position.credits(truth, PositionParams(powers={"home": 0.8}))
    group = np.repeat(np.arange(lists), places)
    params = RankerParams(trees={"max_depth": 2, "eta": 0.3})
    gap = []
    for each in (None, credit):
        examples = Examples(features, bought, group, credit=each)
        fitted = ranker.fit(examples, params, 1, rounds={"logistic": 15, "ndcg": 1})
        two = pd.DataFrame({"loud": [1.0, 0.0], "wanted": [0.5, 0.5]}, dtype=np.float32)
        margin = fitted.predicted(two)["logistic"]
        gap.append(margin[0] - margin[1])
    assert gap[0] > 0.5 and abs(gap[1]) < gap[0] / 3


@pytest.fixture(scope="module")
def seen() -> Window:
    return window(small_shop.cut(small_shop.orders(), DAY))


def test_credits_come_to_the_pairs_they_are_of(seen):
    truth = seen.cut.truth.assign(shown_rank=np.arange(len(seen.cut.truth)) % 7 + 1.0, shown_in="home")
    found = replace(seen, cut=replace(seen.cut, truth=truth))
    params = RankerParams(negatives=10**6)
    plain = found.examples("all", params)
    weighed = found.examples("all", params, PositionParams(powers={"home": 1.0}))
    assert plain.credit is None and (weighed.credit[~weighed.is_bought] == 1).all()
    names = {
        "customer_id": found.customer_ids[found.found.row],
        "item_id": found.catalogue.item_ids[found.found.column],
    }
    pairs = pd.DataFrame(names)[found.is_bought].merge(truth, on=["customer_id", "item_id"], how="left")
    credit = weighed.credit[weighed.is_bought]
    assert credit / credit[0] == pytest.approx(pairs["shown_rank"].to_numpy() / pairs["shown_rank"][0])


def test_what_was_shown_is_counted_and_stands_beside_what_was_bought(spark):
    rows = [
        ("impression", "c", "i", "home", 3, 1),
        ("impression", "c", "i", "search", 2, 2),
        ("impression", "c", "i", "home", 1, 5),
        ("click", "c", "i", "home", 3, 2),
    ]
    rows += [
        ("impression", None, "i", "home", 3, 1),
        ("impression", "c", "other", "home", 5, 29),
        ("view", "c", "i", None, None, 1),
    ]
    events = spark.createDataFrame(
        [(*row[:5], DAY + timedelta(days=row[5])) for row in rows],
        "event_type string, customer_id string, item_id string, placement string, rank int, event_date date",
    )
    events = fitted(events, "validated.events")
    counted = position.counts(events, DAY + timedelta(days=28))
    assert counted.to_numpy().tolist() == [["home", "i", 1, 1, 0], ["home", "i", 3, 2, 1], ["search", "i", 2, 1, 0]]
    lines = spark.createDataFrame(
        [("c", item, DAY + timedelta(days=4)) for item in ("i", "other")],
        "customer_id string, item_id string, order_date date",
    )
    lines = fitted(lines.selectExpr("*", "true AS is_product"), "validated.order_lines")
    truth = frames.labels(lines, DAY, 10, position.shown(events, DAY))
    assert (
        truth["shown_in"].tolist() == ["search", None]
        and truth["shown_rank"][0] == 2
        and np.isnan(truth["shown_rank"][1])
    )
