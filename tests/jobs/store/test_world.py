"""Sizes, seasons, texts and the choice model, each by what must hold of it; and cost that grows with customers."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest

from jobs.store import catalogue, choice, customers, orders, prices
from jobs.store.delivery import deliver
from jobs.store.world import WorldParams, chance, utc_offset, visits_of_day
from tests.jobs.store.conftest import START, said_nothing


def test_customers_reach_the_stated_size_and_never_change() -> None:
    params = WorldParams(customers=1000, history_days=100, block_customers=300)
    assert params.customers_through(99) == 1000 and customers.blocks(params, 99) == 4
    early, late = customers.customers(params, 2, 20), customers.customers(params, 2, 60)
    assert len(early) < len(late)
    assert (late.taste[: len(early)] == early.taste).all() and (late.registered[: len(early)] == early.registered).all()
    assert (late.registered <= 60).all()


def test_items_launched_later_do_not_change_earlier_ones() -> None:
    params = WorldParams(items=450, launches_per_day=0.01)
    early, late = catalogue.items(params, 3), catalogue.items(params, 90)
    assert len(late) > len(early) > 450
    assert (late.vector[: len(early)] == early.vector).all() and (late.launched <= 90).all()
    ids = catalogue.item_ids(late)
    assert len(set(ids)) == len(ids) and (ids[: len(early)] == catalogue.item_ids(early)).all()


def test_a_price_that_is_announced_is_the_one_that_comes() -> None:
    params = WorldParams(items=450, launches_per_day=0.01)
    now, told = prices.Prices(np.zeros(0), np.zeros(0)), {}
    for day in range(30):
        before = now.price
        now, _ = prices.moved(params, catalogue.items(params, day), now, day)
        told[day + prices.ANNOUNCED_DAYS] = len(now.price), *prices.announced(params, now, day)
        if day in told:
            known, items, price = told[day]
            assert items.tolist() == np.flatnonzero(now.price[:known] != before[:known]).tolist()
            assert (now.price[items] == price).all()
    assert sum(len(items) for _, items, _ in told.values()) > 50


def test_variants_share_what_their_parent_says() -> None:
    of = catalogue.items(WorldParams(items=500), 0)
    for parent in np.unique(of.parent[of.parent >= 0]):
        family = np.flatnonzero(of.parent == parent)
        assert all(len(np.unique(values[family])) == 1 for values in (of.leaf, of.style, of.brand, of.noun))


def test_words_carry_category_and_style() -> None:
    params = WorldParams(items=400)
    of = catalogue.items(params, 0)
    said = [catalogue.texts(catalogue.chunk(params, 0), number) for number in range(400)]
    for number in (0, 57, 399):
        nouns = catalogue.LEAVES[of.leaf[number]][3]
        assert any(noun in said[number]["name"].lower() for noun in nouns)
        assert catalogue.STYLE_NAMES[of.style[number]] in said[number]["attrs"]
    near = of.vector @ of.vector.T
    same = (of.leaf[:, None] == of.leaf) & (of.style[:, None] == of.style) & ~np.eye(len(of), dtype=bool)[:, :]
    assert near[same].mean() > 0.8 > 0.3 > abs(near.mean())


def test_a_year_of_visits_has_a_mean_near_one_and_a_season() -> None:
    year = [visits_of_day(date(2025, 1, 1) + timedelta(days=number)) for number in range(365)]
    assert 0.95 < np.mean(year) < 1.05 and max(year) > 1.3 and min(year) < 0.88
    assert utc_offset(date(2025, 7, 1)) - utc_offset(date(2025, 1, 1)) == timedelta(hours=1)


def test_stock_fills_first_come_first_served() -> None:
    item, units = np.array([0, 1, 0, 0]), np.array([2, 1, 2, 1])
    filled = orders.fill(np.array([3, 0]), item, units, np.array([30.0, 1.0, 10.0, 20.0]))
    assert filled.tolist() == [False, False, True, True]


def test_at_most_one_item_of_a_leaf_is_bought_and_the_better_one_more_often() -> None:
    params, rng = WorldParams(), chance(WorldParams(), "test")
    session, leaf = np.repeat(np.arange(4000), 2), np.zeros(8000, dtype=int)
    worth = np.tile([params.outside_utility, params.outside_utility - 1], 4000)
    bought, carted, missed = choice.choose(params, rng, session, leaf, worth, np.ones(8000, dtype=bool))
    assert np.bincount(session[bought], minlength=4000).max() == 1 and (carted | ~bought).all() and not missed.any()
    shares = bought.reshape(-1, 2).mean(axis=0)
    assert shares == pytest.approx(np.exp([0, -1]) / (2 + np.exp(-1)), abs=0.03)


def test_need_falls_after_a_purchase_and_peaks_when_the_cycle_ends() -> None:
    days = np.arange(0, 200.0)
    worth = choice.need(days, np.full(200, 30.0), np.ones(200))
    assert worth[0] < 0 and 28 <= worth.argmax() <= 80 and worth[-1] < 1
    assert (np.diff(choice.need(days, np.zeros(200), np.ones(200))) >= 0).all()


def test_cost_grows_with_customers_no_faster_than_they_do(tmp_path: Path) -> None:
    def seconds(many: int) -> float:
        params = WorldParams(customers=many, items=200, block_customers=2000)
        started = time.process_time()
        deliver(tmp_path / str(many), None, params, START, START + timedelta(days=2), said_nothing)
        return time.process_time() - started

    seconds(50)
    assert seconds(20_000) < 14 * seconds(2_000)


def test_rates_can_all_be_none(tmp_path: Path) -> None:
    params = WorldParams(customers=150, items=60)
    clean = replace(
        params, return_share=0.0, rates=replace(params.rates, **dict.fromkeys(params.rates.__dataclass_fields__, 0.0))
    )
    deliver(tmp_path, None, clean, START, START + timedelta(days=5), said_nothing)
    assert not list((tmp_path / "truth" / "late").glob("*"))
