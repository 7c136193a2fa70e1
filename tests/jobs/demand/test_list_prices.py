"""Planned prices as every earlier day knew them, and what the models make of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from jobs.demand import boosted, boosted_features
from jobs.demand.boosted import Boosted
from jobs.demand.boosted_features import PLANNED_PRICE
from jobs.demand.history import History, history

from .small_shop import DAYS, FIRST_DAY, SMALL, WEEKLY, calendar_of, long, made, price_row, toggled_prices

CUT, RISE = np.log(0.8), np.log(1.3)


def shop(*prices: dict, days: int = 60) -> History:
    return made(long(3, days), days, prices=pd.DataFrame(prices))


def changes(found: History, item: str = "i001") -> dict[int, float]:
    """Day → planned change, of the days to come with one."""
    of = found.planned_price_change[list(found.ids).index(item)]
    return {found.calendar.past + int(at): round(float(of[at]), 6) for at in np.flatnonzero(of)}


def span(first: int, after: int, change: float) -> dict[int, float]:
    return dict.fromkeys(range(first, after), round(change, 6))


def test_a_change_is_seen_from_the_day_on_which_it_was_told_until_it_is_in_force():
    found = shop(price_row("i001", -50, 10.0, 0), price_row("i001", 40, 8.0, 30), price_row("i001", 50, 13.0, 35))
    # An origin of n periods knows days 0 to n - 1, and sees 28 ahead.
    assert changes(found.at(30)) == {} and changes(found.at(31)) == span(40, 59, CUT)
    assert changes(found.at(36)) == span(40, 50, CUT) | span(50, 64, RISE)
    assert changes(found.at(40)) == span(40, 50, CUT) | span(50, 68, RISE)
    # From its first day on the new price is the one in force.
    assert changes(found.at(41)) == span(50, 69, np.log(13 / 8)) and changes(found.at(51)) == {}
    assert changes(found.at(41), "i000") == {}
    assert changes(found.of(np.array([2, 1])).at(41)) == changes(found.at(41))
    assert not found.of(found.ids == "i000").at(41).planned_price_change.any()


def test_a_change_that_nobody_announced_is_never_seen_ahead():
    found = shop(price_row("i001", -50, 10.0, 0), price_row("i001", 40, 8.0, 40), price_row("i001", 45, 9.0, 48))
    assert not any(changes(found.at(past)) for past in range(20, 60))


def test_a_plan_that_was_dropped_or_changed_counts_until_then():
    told = price_row("i001", -50, 10.0, 0), price_row("i001", 40, 5.0, 20, 25), price_row("i001", 40, 8.0, 25, 30)
    found = shop(*told)
    assert changes(found.at(25)) == span(40, 53, np.log(0.5)) and changes(found.at(26)) == span(40, 54, CUT)
    assert changes(found.at(30)) == span(40, 58, CUT) and changes(found.at(31)) == {} == changes(found.at(45))


def test_of_a_list_that_shows_the_next_price_in_place_of_todays_the_dropped_one_is_in_force():
    found = shop(price_row("i001", -50, 10.0, 0, 30), price_row("i001", 40, 8.0, 30))
    assert changes(found.at(31)) == span(40, 59, CUT) and changes(found.at(41)) == {}
    # What was taken back before it began never held; what is dropped without another says nothing of days to come.
    never = shop(price_row("i001", 20, 10.0, 0, 10), price_row("i001", 40, 8.0, 30))
    assert changes(never.at(31)) == {} == changes(shop(price_row("i001", -50, 10.0, 0, 30)).at(31))
    # Nor does it beat one that stands: a price taken back leaves the one before it in force.
    back = shop(price_row("i001", -50, 10.0, 0), price_row("i001", 20, 5.0, 15, 30), price_row("i001", 40, 8.0, 30))
    assert changes(back.at(31)) == span(40, 59, CUT)


@pytest.mark.parametrize("price", [0.0, np.nan, None, -1.0])
def test_what_is_no_price_changes_nothing(price):
    found = shop(price_row("i001", -50, 10.0, 0), price_row("i001", 40, price, 20))
    assert changes(found.at(31)) == {}
    # Nor is there a change from it.
    assert changes(shop(price_row("i001", 0, price, 0), price_row("i001", 40, 8.0, 30)).at(31)) == {}


def test_weeks_have_the_last_price_that_begins_in_them_and_know_it_from_their_end():
    frame = long(3, 7 * 20, period=7)
    told = [price_row("i001", -50, 10.0, 0), price_row("i001", 7 * 15 + 2, 9.0, 7 * 10 + 6)]
    told += [price_row("i001", 7 * 15 + 5, 8.0, 7 * 10 + 6), price_row("i001", 7 * 22, 13.0, 7 * 20 + 3)]
    as_of = FIRST_DAY + timedelta(days=7 * 20 + 3)
    found = history(frame, calendar_of(frame, as_of, WEEKLY), prices=pd.DataFrame(told))
    assert changes(found.at(10)) == {} and changes(found.at(11)) == span(15, 19, CUT)
    # The night is days after the newest week that the store has told of: what it knows by then counts.
    assert changes(found) == span(22, 29, np.log(13 / 8))


def answering(prices: pd.DataFrame, factor: float, items: int = 24) -> pd.DataFrame:
    """Sales of items at list prices of 10 and 7.5: at the lower one they sell ``factor`` times as much."""
    random = np.random.default_rng(3)
    rows = []
    for number in range(items):
        own = prices[prices["item_id"] == f"i{number:03d}"].sort_values("valid_from")
        for n in range(DAYS):
            at = FIRST_DAY + timedelta(days=n)
            if at.weekday() == 6:
                continue
            price = own.loc[own["valid_from"] <= at, "price"].iloc[-1]
            lines = random.poisson((4 + number % 5) * (factor if price < 10 else 1.0))
            if lines:
                rows.append((f"i{number:03d}", pd.Timestamp(at), lines, lines, lines * price))
    return pd.DataFrame(rows, columns=["item_id", "day", "units", "lines", "revenue"])


FEW = replace(SMALL.boosted, rounds=8)
AHEAD = toggled_prices(24, -30)


@pytest.fixture(scope="module")
def sales() -> pd.DataFrame:
    return answering(AHEAD, factor=2.0)


@pytest.fixture(scope="module")
def learnt(sales) -> Boosted:
    return boosted.fit(made(sales, prices=AHEAD), replace(FEW, rounds=60, columns=0.8), 1)


@pytest.fixture(scope="module")
def unknowing(sales) -> Boosted:
    return boosted.fit(made(sales), FEW, 1)


def planned(sales: pd.DataFrame, then: float) -> History:
    """The shop of tonight, of which all items have one price from the tenth day to come on, told four days ago."""
    known = AHEAD[AHEAD["valid_from"] < FIRST_DAY + timedelta(days=DAYS)]
    plans = [price_row(item, DAYS + 10, then, DAYS - 4) for item in known["item_id"].unique()]
    return made(sales, prices=pd.concat([known, pd.DataFrame(plans)]))


@pytest.mark.parametrize(("now", "then", "factor"), [(10.0, 7.5, 2.0), (7.5, 10.0, 0.5)])
def test_a_planned_cut_raises_the_forecast_of_its_days_and_a_planned_rise_lowers_it(sales, learnt, now, then, factor):
    with_plan, without = (planned(sales, price) for price in (then, now))
    at = with_plan.planned_price_change[:, -1] != 0
    assert at.sum() >= 5 and (at == (without.planned_price_change[:, -1] == 0)).all()
    told, usual = (boosted.forecast(found, learnt).of(at) for found in (with_plan, without))
    for name in ("mean", "quantiles"):
        changed, kept = getattr(told, name), getattr(usual, name)
        assert (changed[:, :10] == kept[:, :10]).all()
        ratio = changed[:, 10:].mean() / kept[:, 10:].mean()
        assert abs(np.log(ratio / factor)) < 0.3, (name, ratio)


def test_no_origin_learns_of_a_change_that_was_told_after_it(sales):
    shop = made(sales, prices=AHEAD)
    for past in (70, 133):
        by_then = AHEAD[AHEAD["known_from"] < FIRST_DAY + timedelta(days=past)]
        cut, then = (
            boosted_features.rows(found.at(past), True).features for found in (shop, made(sales, prices=by_then))
        )
        np.testing.assert_array_equal(cut, then)
        column = boosted_features.rows(shop.at(past), True).names.index(PLANNED_PRICE)
        assert cut[:, column].any()


def raw(model: Boosted) -> list[bytearray]:
    return [booster.save_raw() for booster in (*model.quantiles, model.mean)]


def test_where_no_change_was_ever_announced_nothing_is_another(sales, learnt, unknowing):
    # Told on the day or later, or the same price again: no origin had anything to learn from.
    for told in (toggled_prices(24, 0), toggled_prices(24, 3), toggled_prices(24, -30, cut=1.0)):
        assert raw(boosted.fit(made(sales, prices=told), FEW, 1)) == raw(unknowing)
    assert PLANNED_PRICE not in unknowing.names and learnt.names == (*unknowing.names, PLANNED_PRICE)


def test_a_model_from_before_there_were_plans_forecasts_as_it_did(sales, unknowing, tmp_path):
    unknowing.save(tmp_path)
    before = Boosted.load(tmp_path)
    first, second = (boosted.forecast(found, before) for found in (made(sales), made(sales, prices=AHEAD)))
    assert (first.quantiles == second.quantiles).all() and (first.mean == second.mean).all()


def test_a_block_of_items_without_plans_is_forecast_as_among_all(sales, learnt, tmp_path):
    learnt.save(tmp_path)
    shop = planned(sales, 10.0)
    without = np.flatnonzero(~shop.planned_price_change.any(axis=1))
    part, whole = boosted.forecast(shop.of(without), Boosted.load(tmp_path)), boosted.forecast(shop, learnt)
    assert 5 <= len(without) < 24 and np.allclose(part.quantiles, whole.quantiles[without])
    assert np.allclose(part.mean, whole.mean[without])
