"""From item-days to arrays: what counts as a zero, what as unseen, and what a spike or a bulk order does."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from jobs.demand.history import bulk, capped, history, stocked_out
from jobs.demand.launches import Library, launches, library
from jobs.demand.methods import Forecasts, Learnt
from jobs.demand.model import Model
from jobs.demand.segments import segments

from .small_shop import FIRST_DAY, WEEKLY, calendar_of, long, made


def day(number: int) -> pd.Timestamp:
    return pd.Timestamp(FIRST_DAY + timedelta(days=number))


def rows(item: str, units: dict[int, float], **more: float) -> pd.DataFrame:
    frame = pd.DataFrame({"item_id": item, "day": [day(n) for n in units], "units": list(units.values())})
    return frame.assign(lines=1, revenue=frame["units"] * 2, **more)


def of(*parts: pd.DataFrame, days: int = 60, **facts: pd.DataFrame):
    every = pd.concat([long(3, days), *parts], ignore_index=True)
    return history(every, calendar_of(every, FIRST_DAY + timedelta(days=days - 1)), **facts)


def row_of(found, item: str) -> int:
    return list(found.ids).index(item)


def test_a_day_without_a_sale_is_a_zero_only_while_on_sale_and_open():
    found = of(rows("late", {30: 2, 40: 1}))
    at = row_of(found, "late")
    assert not found.observed[at, :30].any() and found.first[at] == 30 and found.last[at] == 40
    is_sunday = found.calendar.weekday[30:60] == 6
    assert (found.observed[at, 30:60] == ~is_sunday).all() and found.units[at, 31] == 0
    listed = of(rows("late", {30: 2}), items=pd.DataFrame([{"item_id": "late", "available_from": day(10)}]))
    assert listed.first[row_of(listed, "late")] == 10


def test_days_without_stock_are_unseen_until_there_is_stock_again():
    nan = np.nan
    on_hand = np.array([[5, 0, nan, nan, 8, -3, nan, 4.0], [nan, nan, nan, nan, nan, nan, nan, nan]])
    units = np.array([[2, 5, 0, 0, 1, 9, 0, 1.0], [0, 0, 1, 0, 0, 0, 0, 0]])
    out = stocked_out(on_hand, units)
    assert out[0].tolist() == [False, True, True, True, False, True, True, False] and not out[1].any()
    # A sale without a count: there was stock again, from then on and until a count says otherwise.
    stale = stocked_out(np.array([[0, nan, nan, nan, 0, nan]]), np.array([[1, 0, 2, 0, 3.0, 0]]))
    assert stale[0].tolist() == [True, True, False, False, True, True]
    counted = rows("scarce", {30: 2, 31: 4}).assign(on_hand=[4.0, 0.0])
    found = of(counted, rows("scarce", {35: 0}).assign(on_hand=9.0, lines=0))
    seen = found.observed[row_of(found, "scarce")]
    assert seen[30] and not seen[31:35].any() and seen[35]


def test_eighty_thousand_units_taken_back_the_same_day_were_never_wanted():
    birds = rows("bird", {10: 3, 20: 2, 30: 80_995}).assign(withdrawn=[0, 0, 80_995])
    found = of(birds)
    at = row_of(found, "bird")
    assert found.units[at].sum() == 5 and not np.isnan(found.price[at, 30]) and found.last[at] == 20


def test_a_bulk_order_is_marked_and_counts_as_a_big_day():
    usual = {n: 2.0 + n % 3 for n in range(0, 60, 2)}
    found = of(rows("pen", {**usual, 50: 900}))
    at = row_of(found, "pen")
    assert np.flatnonzero(bulk(found.units)[at]).tolist() == [50]
    assert 4 <= capped(found.units)[at, 50] < 900 and (capped(found.units)[at, :50] == found.units[at, :50]).all()
    rare = of(rows("rare", {3: 1, 50: 900}))
    assert not bulk(rare.units)[row_of(rare, "rare")].any()


def test_rows_out_of_order_twice_or_out_of_range_do_no_harm():
    every = long(5)
    mixed = pd.concat([every.sample(frac=1, random_state=1), rows("i000", {-5: 7, 999: 7})], ignore_index=True)
    calendar = calendar_of(every, FIRST_DAY + timedelta(days=209))
    assert (history(mixed, calendar).units == history(every, calendar).units).all()
    halves = pd.concat([every.assign(units=every["units"] / 2)] * 2)
    assert np.allclose(history(halves, calendar).units, history(every, calendar).units)


def test_an_earlier_origin_knows_nothing_of_later_days():
    whole, then = made(long()), made(long(), 120)
    cut = whole.at(120)
    kept = np.isin(cut.ids, then.ids)
    for name in ("units", "observed", "lines"):
        assert (getattr(cut.of(kept), name) == getattr(then, name)).all()
    assert (cut.of(kept).last == then.last).all() and (cut.of(~kept).first == 120).all()
    assert (cut.calendar.is_open == then.calendar.is_open).all()


def campaign(
    starts: int, ends: int, known_from: int, known_until: int | None = None, depth: float = 0.2
) -> pd.DataFrame:
    """One campaign of i001 by the numbers of its days, as :func:`jobs.features.campaigns.campaigns` tells it."""
    until = pd.NaT if known_until is None else day(known_until)
    days = {"starts_on": day(starts), "ends_on": day(ends), "known_from": day(known_from), "known_until": until}
    return pd.DataFrame([{"item_id": "i001", "depth": depth, **days}])


def promoted(found) -> list[int]:
    return np.flatnonzero(found.promoted[row_of(found, "i001")]).tolist()


def test_a_campaign_is_seen_from_the_day_on_which_it_was_told():
    ahead, late = campaign(50, 54, known_from=30), campaign(20, 22, known_from=24)
    found = of(campaigns=pd.concat([ahead, late]))
    assert promoted(found) == [20, 21, 22, *range(50, 55)]
    # An origin of n periods knows days 0 to n - 1; it sees what was announced ahead and not what was told later.
    assert promoted(found.at(31)) == [20, 21, 22, *range(50, 55)] and promoted(found.at(30)) == [20, 21, 22]
    assert promoted(found.at(25)) == [20, 21, 22] and promoted(found.at(24)) == []
    assert promoted(found.of(np.array([2, 1])).at(24)) == [] and promoted(found.of(found.ids == "i001")) != []


def test_a_plan_that_was_dropped_is_seen_until_then():
    found = of(campaigns=campaign(50, 54, known_from=30, known_until=40))
    assert promoted(found) == [] and promoted(found.at(40)) == [50, 51, 52, 53, 54] and promoted(found.at(41)) == []


def test_of_several_promotions_the_deepest_that_stands_counts():
    deeper, dropped = campaign(52, 60, known_from=40, depth=0.3), campaign(50, 60, 30, known_until=41, depth=0.5)
    found = of(campaigns=pd.concat([deeper, campaign(50, 54, known_from=30, depth=0.1), dropped]))
    then, at = found.at(41), row_of(found, "i001")
    assert then.promotion_depth[at, 49:62].tolist() == pytest.approx([0] + 11 * [0.5] + [0])
    assert found.promotion_depth[at, 49:62].tolist() == pytest.approx([0, 0.1, 0.1] + 9 * [0.3] + [0])
    # What is only shown more is promoted too, without a depth.
    shown = of(campaigns=campaign(50, 54, known_from=30, depth=0.0))
    assert promoted(shown) == [50, 51, 52, 53, 54] and not shown.promotion_depth.any()


def test_weeks_know_a_campaign_from_their_end():
    frame = long(3, 7 * 20, period=7)
    told = pd.concat([campaign(7 * 15, 7 * 15 + 6, known_from=7 * 10 + 6), campaign(7 * 22, 7 * 22, 7 * 20 + 3)])
    found = history(frame, calendar_of(frame, FIRST_DAY + timedelta(days=7 * 20 + 3), WEEKLY), campaigns=told)
    # The night is days after the newest week that the store has told of: what it knows by then counts.
    assert promoted(found) == [15, 22] and promoted(found.at(11)) == [15] and promoted(found.at(10)) == []


def test_what_is_listed_and_has_not_sold_is_new_and_starts_like_others():
    listed = pd.DataFrame([{"item_id": "fresh", "title": "Fresh pen", "available_from": day(205), "is_ended": False}])
    frame = long(30)
    found = history(frame, calendar_of(frame, FIRST_DAY + timedelta(days=209)), listed)
    at = row_of(found, "fresh")
    assert found.first[at] == 205 and found.last[at] == -1 and segments(found)[at] == "new"
    fresh = launches(found.of(np.array([at])), library(found))
    assert np.isfinite(fresh.mean).all() and fresh.quantiles[0, :, -1].max() > 0


def test_what_never_sold_is_launched_by_the_catalogue_alone():
    days = [*range(120, 210, 7)]
    counted = rows("dead stock", dict.fromkeys(days, 0.0)).assign(lines=0, on_hand=30.0)
    undone = rows("undone", {150: 4}).assign(withdrawn=4)
    old = counted.assign(item_id="older than the store")
    listed = pd.DataFrame([{"item_id": "older than the store", "available_from": day(-400)}])
    found = of(counted, undone, old, days=210, items=listed)
    kinds = dict(zip(found.ids, segments(found), strict=True))
    assert {kinds[name] for name in ("dead stock", "undone", "older than the store")} == {"ended"}
    # What a store counts and announces as new is new, sold or not.
    soon = pd.DataFrame([{"item_id": "dead stock", "available_from": day(209)}])
    announced = of(counted, days=210, items=soon)
    assert segments(announced)[row_of(announced, "dead stock")] == "new"


def test_before_its_launch_and_from_its_end_on_nothing_is_expected_of_an_item():
    counted = rows("fresh", {205: 0}).assign(lines=0, on_hand=30.0)
    told = [("fresh", day(220), None), ("i000", None, day(215)), ("i001", day(230), day(1))]
    listed = pd.DataFrame(told, columns=["item_id", "available_from", "discontinued_on"])
    frame = pd.concat([long(30), counted])
    found = history(frame, calendar_of(frame, FIRST_DAY + timedelta(days=209)), listed)
    is_open = found.calendar.is_open[210:]
    for method in ("weekday", "ewq", "lines", "launches"):
        of_all = Forecasts(found, Learnt(library=library(found))).of(method)
        whole = np.concatenate([of_all.quantiles, of_all.mean[:, :, None]], axis=2)
        ending, on_sale = whole[row_of(found, "i000")], whole[row_of(found, "i001")]
        assert ending[:5].any() and not ending[5:].any()
        # What has sold before and after these days is on sale.
        assert (on_sale[is_open, -1] > 0).all()
    fresh = whole[row_of(found, "fresh")]
    assert not fresh[:10].any() and (fresh[10:, -1] > 0).sum() == is_open[10:].sum()
    served = Model.without("", "").forecast(found)[0]
    assert not served.quantiles[row_of(found, "i000"), 5:].any()
    # What an origin was told of days to come is not known.
    assert Forecasts(found.at(182), Learnt()).of("weekday").mean[row_of(found, "i000"), -3:].any()


def test_a_week_in_which_an_item_is_launched_or_ends_counts():
    frame = long(3, 7 * 20, period=7)
    told = [("i000", None, day(7 * 21 + 2)), ("i001", None, day(7 * 21)), ("fresh", day(7 * 22 + 6), None)]
    listed = pd.DataFrame(told, columns=["item_id", "available_from", "discontinued_on"])
    found = history(frame, calendar_of(frame, FIRST_DAY + timedelta(days=7 * 20 - 1), WEEKLY), listed)
    on_sale = dict(zip(found.ids, found.on_sale_ahead().sum(axis=1), strict=True))
    assert on_sale == {"i000": 2, "i001": 1, "i002": 8, "fresh": 6}


def test_a_launch_whose_price_nobody_knows_yet_is_not_compared_with_the_cheapest():
    tables, pencils = ("Oak table", 200.0, 10.0), ("Pencil", 0.5, 1.0)
    titles, price, level = (np.repeat(told, 40) for told in zip(tables, pencils, strict=True))
    units = np.repeat(level[:, None], 56, axis=1)
    ids = np.array([f"past {n}" for n in range(80)], object)
    listed = pd.DataFrame([{"item_id": "fresh", "title": "Oak table", "available_from": day(60)}])
    found = of(items=listed)
    fresh = launches(found.of(found.ids == "fresh"), Library(ids, units, units, price, titles.astype(object)))
    assert np.median(fresh.mean) == pytest.approx(10)


def test_of_several_counts_in_a_week_the_last_one_stands():
    counted = rows("scarce", {70: 3, 72: 1, 76: 2}, on_hand=0.0).assign(on_hand=[20.0, np.nan, 0.0])
    frame = pd.concat([long(3, 7 * 20, period=7), counted, counted.assign(item_id="restocked", on_hand=[0, 0, 20])])
    found = made(frame.sample(frac=1, random_state=1), 7 * 20, WEEKLY)
    assert not found.observed[row_of(found, "scarce"), 10] and found.units[row_of(found, "scarce"), 10] == 6
    assert found.observed[row_of(found, "restocked"), 10]
