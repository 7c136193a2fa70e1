"""Places out of scores: variety and figures move items as their weights say, and the odds of chance are true."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest

from jobs.recommendations.item_figures import ItemFigures
from jobs.recommendations.rerank import Exploration, People, Reranker, RerankParams, Scored, mmr

AS_OF = date(2026, 3, 31)
ITEMS, CUSTOMERS = 60, 3
PLAIN = RerankParams(weights={}, diversity=0.0, early_diversity=0.0)
FEATURED = {"margin", "stock", "freshness", "discovery"}


@pytest.fixture(scope="module")
def figures() -> ItemFigures:
    """Sixty items without text; every seventh is fresh, every tenth never sold."""
    number = np.arange(ITEMS)
    return ItemFigures(
        embedding=np.zeros((ITEMS, 4), np.float32),
        margin=number / ITEMS,
        stock=1 - number / ITEMS,
        listed_age=np.full(ITEMS, np.inf),
        is_fresh=number % 7 == 0,
        is_unsold=number % 10 == 0,
        is_for_allowed=np.zeros(ITEMS, bool),
        season=np.zeros(ITEMS),
        product=number,
    )


@pytest.fixture(scope="module")
def people() -> People:
    return People(np.array(["ann", "bob", "cyd"], object), np.array([1.0, 9.0, 2.0]), np.array([False, False, True]))


@pytest.fixture(scope="module")
def scored() -> Scored:
    """Every item for every customer, in an order of their own; the first five were bought before."""
    row, column = np.repeat(np.arange(CUSTOMERS), ITEMS), np.tile(np.arange(ITEMS), CUSTOMERS)
    return Scored(row, column, np.random.default_rng(1).random(len(row)), column < 5)


def placed(reranker: Reranker, scored: Scored, people: People, figures: ItemFigures) -> np.ndarray:
    """Items by customer and place."""
    return scored.column[reranker.places(scored, people, figures, "home").at].reshape(CUSTOMERS, 20)


def test_without_weights_diversity_and_chance_the_order_of_the_score_stays(scored, people, figures):
    found = Reranker(PLAIN).places(scored, people, figures, "home")
    for customer in range(CUSTOMERS):
        mine = scored.row[found.at] == customer
        best = np.argsort(-scored.score[scored.row == customer], kind="stable")[:20]
        assert list(scored.column[found.at[mine]]) == list(best)
        assert list(found.rank[mine]) == list(range(1, 21))
    assert (found.propensity == 1).all() and not found.is_explored.any()


def test_a_pool_of_zero_weights_equals_the_plain_list(scored, people, figures):
    """Items without text are alike to none, so MMR has nothing to move: its path gives the plain list."""
    varied = Reranker(replace(PLAIN, diversity=0.3, early_diversity=0.3))
    assert (placed(varied, scored, people, figures) == placed(Reranker(PLAIN), scored, people, figures)).all()


@pytest.mark.parametrize("name", sorted(FEATURED))
def test_a_weight_lifts_what_its_figure_names_and_leaves_those_held_out(name, scored, people, figures):
    value = {
        "margin": figures.margin,
        "stock": figures.stock,
        "freshness": figures.is_fresh.astype(float),
        "discovery": (np.arange(ITEMS) >= 5).astype(float),
    }[name]
    plain = placed(Reranker(PLAIN), scored, people, figures)
    lifted = placed(Reranker(replace(PLAIN, weights={name: 5.0}, early_weights={name: 5.0})), scored, people, figures)
    assert (value[lifted[:2]].mean(axis=1) > value[plain[:2]].mean(axis=1)).all()
    assert (lifted[2] == plain[2]).all()


def test_customers_with_few_orders_have_weights_of_their_own(scored, people, figures):
    few = replace(PLAIN, regular_orders=3, early_weights={"freshness": 5.0})
    lifted, plain = (placed(Reranker(params), scored, people, figures) for params in (few, PLAIN))
    assert [(lifted[row] == plain[row]).all() for row in range(CUSTOMERS)] == [False, True, True]


def test_the_default_weights_are_figures_that_exist():
    assert set(RerankParams().weights) == FEATURED


def test_buy_again_is_left_in_the_order_of_its_score(scored, people, figures):
    alike = replace(figures, embedding=np.tile(np.eye(4, dtype=np.float32), (15, 1)))
    varied = Reranker(replace(PLAIN, diversity=0.5, early_diversity=0.5), Exploration(0.5, "salt", AS_OF))
    again, plain = (one.places(scored, people, alike, "buy_again") for one in (varied, Reranker(PLAIN)))
    assert (again.at == plain.at).all() and (again.propensity == 1).all()
    assert not (varied.places(scored, people, alike, "home").at == plain.at).all()


def test_mmr_is_the_greedy_rule_written_out():
    generator = np.random.default_rng(3)
    customers, pool, items = 4, 30, 50
    vectors = generator.normal(size=(items, 8))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    column = np.array([generator.choice(items, pool, replace=False) for _ in range(customers)])
    utility, share = -np.sort(-generator.random((customers, pool))), np.array([0.0, 0.1, 0.4, 0.8])
    utility[1, 12:] = -np.inf
    found = mmr(utility, vectors, column, share, alike_from=0.2)
    for who in range(customers):
        wanted: list[int] = []
        while len(wanted) < min(20, np.isfinite(utility[who]).sum()):
            best = None
            for place in range(pool):
                if place in wanted:
                    continue
                alike = [float(vectors[column[who, place]] @ vectors[column[who, other]]) for other in wanted]
                near = max([(value - 0.2) / 0.8 for value in alike] + [0.0])
                marginal = (1 - share[who]) * utility[who, place] - share[who] * near
                if np.isfinite(marginal) and (best is None or marginal > best[0] + 1e-12):
                    best = (marginal, place)
            wanted.append(best[1])
        assert list(found[who][found[who] >= 0]) == wanted
    assert list(found[0]) == list(range(20))


def test_customers_with_few_orders_get_more_variety(scored, people, figures):
    """Two kinds of items: those of the better kind are equal to each other, so that variety must mix the kinds."""
    kind = (np.arange(ITEMS) % 2).astype(int)
    mixed = replace(figures, embedding=np.eye(4, dtype=np.float32)[kind])
    score = np.where(scored.column % 2 == 0, 1.0, 0.5) - scored.column / 1000
    params = replace(PLAIN, diversity=0.1, early_diversity=0.5)
    found = placed(Reranker(params), replace(scored, score=score), people, mixed)
    ann, bob, cyd = (found[who, :10] % 2 for who in range(3))
    assert ann.sum() > 0 and bob.sum() == 0 and cyd.sum() == 0


def test_no_share_no_chance(scored, people, figures):
    for params in (PLAIN, RerankParams()):
        found = Reranker(params, Exploration(0.0, "salt", AS_OF)).places(scored, people, figures, "home")
        never = Reranker(params).places(scored, people, figures, "home")
        assert (found.at == never.at).all() and (found.propensity == 1).all() and not found.is_explored.any()


def test_chance_is_the_same_again_in_any_block_and_other_on_another_day_or_salt(scored, people, figures):
    def of(chance: Exploration, who: int | None = None):
        inside = np.ones(len(scored.row), bool) if who is None else scored.row == who
        some = Scored(
            scored.row[inside] * (who is None), *(x[inside] for x in (scored.column, scored.score, scored.is_own))
        )
        chosen = slice(None) if who is None else slice(who, who + 1)
        block = People(people.names[chosen], people.orders[chosen], people.is_held[chosen])
        found = Reranker(PLAIN, chance).places(some, block, figures, "home")
        return list(some.column[found.at]), list(found.propensity)

    chance = Exploration(0.5, "salt", AS_OF)
    whole = of(chance)
    assert whole == of(chance)
    for who in range(CUSTOMERS):
        assert of(chance, who) == tuple(part[20 * who : 20 * who + 20] for part in whole)
    days = {tuple(of(replace(chance, as_of=AS_OF + timedelta(days=n)))[0]) for n in range(10)}
    salts = {tuple(of(replace(chance, salt=str(n)))[0]) for n in range(10)}
    assert len(days) > 3 and len(salts) > 3


@pytest.fixture(scope="module")
def draws(scored, people, figures) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """10,000 days of lists: items, propensities and whether by chance, each days × customers × 20."""
    params = replace(PLAIN, reserve=20)
    found = []
    for number in range(10_000):
        chance = Exploration(0.3, "salt", AS_OF + timedelta(days=number))
        one = Reranker(params, chance).places(scored, people, figures, "home")
        found.append((scored.column[one.at], one.propensity, one.is_explored))
    return tuple(np.array(part).reshape(10_000, CUSTOMERS, 20) for part in zip(*found, strict=True))


def test_every_item_comes_as_often_as_its_logged_propensity_says(draws):
    items, propensity, is_explored = draws
    days = len(items)
    for who in range(2):
        for place in (7, 15):
            seen, first, counts = np.unique(items[:, who, place], return_index=True, return_counts=True)
            logged = propensity[first, who, place]
            for item, odds in zip(seen, logged, strict=True):
                assert (propensity[items[:, who, place] == item, who, place] == odds).all()
            bound = 4.5 * np.sqrt(days * logged * (1 - logged))
            assert (np.abs(counts - days * logged) <= bound).all()
            # With 10,000 draws every item of the place's reserve has come: the odds of all add up to one.
            assert logged.sum() == pytest.approx(1.0) and len(seen) > 5
            assert logged.max() == pytest.approx(0.7)
            assert is_explored[:, who, place].mean() == pytest.approx(0.3, abs=0.02)


def test_two_places_draw_independently(draws):
    _, _, is_explored = draws
    both = (is_explored[:, 0, 7] & is_explored[:, 0, 15]).mean()
    other = (is_explored[:, 0, 7] & is_explored[:, 1, 7]).mean()
    assert both == pytest.approx(0.09, abs=0.012) and other == pytest.approx(0.09, abs=0.012)


def test_chance_keeps_to_its_places_repeats_nothing_and_leaves_those_held_out(draws, scored, people, figures):
    items, propensity, is_explored = draws
    plain = placed(Reranker(PLAIN), scored, people, figures)
    assert not is_explored[:, :, [n for n in range(20) if n not in (7, 15)]].any()
    assert not is_explored[:, 2].any() and (propensity[:, 2] == 1).all()
    assert (np.where(is_explored, plain, items) == plain).all()
    assert (np.diff(np.sort(items, axis=2), axis=2) > 0).all()
    for who in range(2):
        drawn = set(items[:, who][is_explored[:, who]])
        assert not drawn & set(plain[who]) and min(drawn) >= 5


def test_unproven_items_come_more_often(draws, figures):
    items, propensity, is_explored = draws
    drawn, odds = items[:, 0, 7][is_explored[:, 0, 7]], propensity[:, 0, 7][is_explored[:, 0, 7]]
    unproven = figures.is_unproven[drawn]
    assert unproven.any() and not unproven.all()
    assert odds[unproven].min() == pytest.approx(RerankParams().unproven * odds[~unproven].max())


def test_a_list_with_nothing_left_over_is_certain(figures):
    row, column = np.zeros(18, np.int64), np.arange(18)
    few = Scored(row, column, -column.astype(float), np.zeros(18, bool))
    one = People(np.array(["ann"], object), np.ones(1), np.zeros(1, bool))
    found = Reranker(PLAIN, Exploration(0.5, "salt", AS_OF)).places(few, one, figures, "home")
    assert len(found.at) == 18 and (found.propensity == 1).all()
    none = Scored(row[:0], column[:0], np.zeros(0), np.zeros(0, bool))
    assert not len(Reranker(RerankParams(), Exploration(0.5)).places(none, one, figures, "home").at)


def test_a_product_has_one_place_and_chance_keeps_to_its_odds(scored, people, figures):
    """Sixty items in two sizes each: of a product the better one, also where chance draws; `buy_again` has both."""
    sizes, days = replace(figures, product=np.arange(ITEMS) // 2 * 2), 1000
    params, items, propensity = replace(PLAIN, reserve=20), [], []
    for number in range(days):
        chance = Exploration(0.3, "salt", AS_OF + timedelta(days=number))
        one = Reranker(params, chance).places(scored, people, sizes, "home")
        items.append(scored.column[one.at].reshape(CUSTOMERS, 20))
        propensity.append(one.propensity.reshape(CUSTOMERS, 20))
    found, odds = np.array(items), np.array(propensity)
    assert (np.diff(np.sort(found // 2, axis=2), axis=2) > 0).all()
    better = scored.score.reshape(CUSTOMERS, ITEMS // 2, 2).argmax(axis=2)
    assert all((found[:, who] % 2 == better[who, found[:, who] // 2]).all() for who in range(CUSTOMERS))
    seen, first, counts = np.unique(found[:, 0, 7], return_index=True, return_counts=True)
    logged = odds[first, 0, 7]
    assert len(seen) > 2 and logged.sum() == pytest.approx(1)
    assert (np.abs(counts - days * logged) <= 4.5 * np.sqrt(days * logged * (1 - logged))).all()
    again, plain = (Reranker(PLAIN).places(scored, people, of, "buy_again") for of in (sizes, figures))
    assert (again.at == plain.at).all()
