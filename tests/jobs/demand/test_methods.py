"""Every method keeps the same promises, also for items that no model likes."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from jobs.demand import backtest, boosted, boosted_features, methods
from jobs.demand.boosted import BoostedParams
from jobs.demand.ewq import ewq
from jobs.demand.forecasts import MEDIAN
from jobs.demand.history import history
from jobs.demand.methods import Forecasts, Learnt
from jobs.demand.segments import segments

from .small_shop import DAYS, FIRST_DAY, SMALL, WEEKLY, calendar_of, long, made, weekly_campaigns


def odd(days: int = DAYS) -> pd.DataFrame:
    """One sale ever, the same every day, a gap of months, one spike, an item that changed its id."""

    def item(name: str, units: dict[int, int]) -> pd.DataFrame:
        at = [pd.Timestamp(FIRST_DAY + timedelta(days=n)) for n in units]
        frame = pd.DataFrame({"item_id": name, "day": at, "units": list(units.values()), "lines": 1})
        return frame.assign(revenue=frame["units"] * 1.5, withdrawn=0)

    open_days = [n for n in range(days) if (FIRST_DAY + timedelta(days=n)).weekday() != 6]
    return pd.concat(
        [
            item("once", {days - 40: 3}),
            item("constant", dict.fromkeys(open_days, 4)),
            item("gap", {n: 2 for n in open_days if n < 50 or n > days - 15}),
            item("spike", {**dict.fromkeys(open_days[::3], 1), open_days[-20]: 80_000}),
            item("old id", {n: 5 for n in open_days if n < days - 10}),
            item("new id", {n: 5 for n in open_days if n >= days - 10}),
        ]
    )


@pytest.fixture(scope="module")
def shop():
    return made(pd.concat([long(), odd()], ignore_index=True))


@pytest.fixture(scope="module")
def learnt(shop):
    return backtest.learn(shop, SMALL, 2, {"boosted"})


ALL = sorted({*methods.PLAIN, "boosted", "launches", "ewq+boosted"})


@pytest.mark.parametrize("name", ALL)
def test_quantiles_rise_nothing_is_negative_and_closed_days_are_empty(shop, learnt, name):
    found = Forecasts(shop, learnt).of(name)
    assert np.isfinite(found.quantiles).all() and np.isfinite(found.mean).all()
    assert (np.diff(found.quantiles, axis=2) >= 0).all() and found.quantiles.min() >= 0 and found.mean.min() >= 0
    closed = ~shop.calendar.is_open[shop.calendar.past :]
    assert closed.sum() == 4 and not found.mean[:, closed].any() and not found.quantiles[:, closed].any()


@pytest.mark.parametrize("name", ["weekday", "ewq", "lines", "tsb", "launches", "boosted"])
def test_no_item_depends_on_who_stands_beside_it(shop, learnt, name):
    whole = Forecasts(shop, learnt).of(name)
    some = np.array([20, 3, 31])
    part = Forecasts(shop.of(some), learnt).of(name)
    assert np.allclose(part.quantiles, whole.quantiles[some]) and np.allclose(part.mean, whole.mean[some])


def test_odd_items_have_stated_forecasts(shop, learnt):
    def median(method: str, item: str) -> float:
        row = list(shop.ids).index(item)
        found = Forecasts(shop.of(np.array([row])), learnt).of(method)
        is_open = shop.calendar.is_open[shop.calendar.past :]
        return float(np.median(found.quantiles[0, is_open, MEDIAN]))

    kinds = dict(zip(shop.ids, segments(shop), strict=True))
    assert kinds["once"] == "sparse" and kinds["constant"] == "dense"
    # An item under a new id is a new item, and the old id fades: nothing tells that they are one.
    assert kinds["new id"] == "new" and kinds["old id"] == "dense" and kinds["gap"] == "dense"
    assert median("ewq", "constant") == pytest.approx(4, rel=0.2)
    assert median("ewq", "once") == 0 and median("weekday", "once") == 0
    # A gap of months is months in which nobody wanted any: two a day for a fortnight weigh more, and not all.
    assert median("ewq", "gap") == 0 and median("weekday", "gap") == 0
    is_open, gap = shop.calendar.is_open[shop.calendar.past :], list(shop.ids).index("gap")
    assert 0.3 < Forecasts(shop, learnt).of("ewq").mean[gap, is_open].mean() < 1.0
    assert median("ewq", "spike") <= 1
    spike = Forecasts(shop, learnt).of("ewq").mean[list(shop.ids).index("spike")]
    assert 0 < spike.max() < 30_000


def test_an_ended_item_sells_nothing(shop):
    kinds = segments(shop)
    assert set(kinds[[list(shop.ids).index(f"i{n:03d}") for n in (9, 19)]]) == {"ended"}


def test_the_same_model_from_any_number_of_threads_and_order_of_rows(shop, learnt):
    mixed = pd.concat([odd(), long()], ignore_index=True).sample(frac=1, random_state=3)
    again = boosted.fit(history(mixed, shop.calendar), SMALL.boosted, 1)
    assert [b.save_raw() for b in again.quantiles] == [b.save_raw() for b in learnt.boosted.quantiles]
    assert again.mean.save_raw() == learnt.boosted.mean.save_raw()


def test_every_open_day_has_its_turn_in_what_the_boosted_model_learns_from():
    """One history in which each day sells its own number: by the targets one sees which days were learnt from. Days
    that three origins reach are in the turn of one of them."""
    open_days = [n for n in range(DAYS) if (FIRST_DAY + timedelta(days=n)).weekday() != 6]
    at = [pd.Timestamp(FIRST_DAY + timedelta(days=n)) for n in open_days]
    frame = pd.DataFrame({"item_id": "one", "day": at, "units": [1000 + n for n in open_days], "lines": 1})
    shop = made(frame.assign(revenue=1.0, withdrawn=0))
    learnt_from = set()
    for found, target, _ in boosted._examples(shop, BoostedParams(items=1)):
        learnt_from |= set(np.round(target * found.level[0]).astype(int) - 1000)
    first = BoostedParams.first_origin_days + 21
    assert {n for n in open_days if first <= n < DAYS - 14} <= learnt_from


def test_a_big_day_counts_in_the_mean_and_a_bulk_order_no_more_than_that():
    """Units in multiples of the usual 4: the mean of a day twice as big as the usual big one is above that of one as
    big, and ten thousand of a day are no more than three usual big days."""
    means = []
    for last in (4, 8, 12, 10_000):
        at = [FIRST_DAY + timedelta(days=n) for n in range(DAYS)]
        days = [pd.Timestamp(day) for day in at if day.weekday() != 6]
        units = [4] * (len(days) - 1) + [last]
        frame = pd.DataFrame({"item_id": "one", "day": days, "units": units, "lines": 1, "revenue": 1.0})
        means.append(ewq(made(frame.assign(withdrawn=0))).mean.max())
    assert means[0] < means[1] < means[2] == pytest.approx(means[3])


def test_a_bulk_order_in_the_newest_week_sets_no_quantile_and_a_new_level_does():
    def told(**weeks: int) -> np.ndarray:
        units = [9, 10, 11] * 17 + list(weeks.values())
        day = [pd.Timestamp(FIRST_DAY + timedelta(days=7 * n)) for n in range(len(units))]
        frame = pd.DataFrame({"item_id": "pen", "day": day, "units": units, "lines": 5})
        return ewq(made(frame, 7 * len(units), WEEKLY)).quantiles[0, 0]

    assert told(bulk=1000).max() <= 11
    assert told(first=100, second=100, third=100, fourth=100)[-1] == 100


def test_the_boosted_model_learns_of_promotions_what_its_origins_knew():
    def model(told: int | None) -> list[bytearray]:
        campaigns = None if told is None else weekly_campaigns(told)
        fitted = boosted.fit(made(long(), campaigns=campaigns), SMALL.boosted, 1)
        return [booster.save_raw() for booster in fitted.quantiles]

    found = boosted_features.rows(made(long(), campaigns=weekly_campaigns(-40)))
    told = found.features[:, found.names.index("promoted")]
    assert np.unique(told) == pytest.approx([0.0, 1.1, 1.2, 1.3, 1.4])
    # Told when they were over, the campaigns of days to come teach nothing: no night will know such a one.
    assert model(told=7) == model(None) != model(told=-40)


def test_weeks_go_the_same_way_with_last_year_among_the_features():
    frame = long(20, 7 * 90, period=7)
    as_of = FIRST_DAY + timedelta(days=7 * 90 - 1)
    shop = history(frame, calendar_of(frame, as_of, WEEKLY))
    model = boosted.fit(shop, SMALL.boosted, 2)
    assert shop.calendar.past == 90 and "last_year" in model.names
    found = Forecasts(shop, Learnt(model)).of("boosted+growing")
    assert found.mean.shape == (len(shop), 8) and found.mean[0].mean() > found.mean[8].mean() > 0


def test_the_boosted_model_learns_of_origins_before_there_was_a_last_year():
    shop = made(long(12, 7 * 70, period=7), 7 * 70, WEEKLY)
    examples = list(boosted._examples(shop, SMALL.boosted))
    # Origins of 62 weeks down to 6, of which those from 60 on know a year and the eight weeks before it.
    assert len(examples) == 62 - 6 + 1
    last_year = [found.features[:, found.names.index("last_year")] for found, _, _ in examples]
    assert not np.isnan(last_year[0]).all() and all(np.isnan(one).all() for one in last_year[3:])


def test_with_a_year_known_the_boosted_mean_may_keep_its_season():
    frame = long(20, 7 * 90, period=7)
    shop = history(frame, calendar_of(frame, FIRST_DAY + timedelta(days=7 * 90 - 1), WEEKLY))
    model = Learnt(boosted.fit(shop, SMALL.boosted, 2))
    assert "boosted/growing" in backtest.candidates("dense", shop, model)
    assert "boosted/growing" not in backtest.candidates("dense", shop.at(59), model)
    made_of = Forecasts(shop, model)
    found, learnt = made_of.of("boosted/growing"), boosted.forecast(shop, model.boosted)
    assert (found.quantiles == learnt.quantiles).all() and not shop.had_last_year.all()
    kept = shop.had_last_year
    assert np.allclose(found.mean[kept], (learnt.mean[kept] + made_of.of("growing").mean[kept]) / 2)


LAST_YEARS = {
    "growing": "ewq",
    "seasonal": "ewq",
    "boosted/growing": "boosted",
    "boosted+growing": "boosted",
    "ewq+boosted+growing": "ewq+boosted",
}


def test_what_was_not_sold_a_year_ago_is_forecast_without_it():
    def ten(item: str, weeks: range) -> pd.DataFrame:
        day = [pd.Timestamp(FIRST_DAY + timedelta(days=7 * week)) for week in weeks]
        return pd.DataFrame({"item_id": item, "day": day, "units": 10, "lines": 5, "revenue": 20.0})

    parts = [ten("young", range(60, 100)), ten("launched then", range(45, 100)), ten("season", range(48, 54))]
    shop = made(pd.concat([long(12, 700, period=7), *parts], ignore_index=True), 700, WEEKLY)
    at = {item: row for row, item in enumerate(shop.ids)}
    made_of = Forecasts(shop, Learnt(boosted.fit(shop, SMALL.boosted, 2)))
    for method, rest in LAST_YEARS.items():
        found, instead = made_of.of(method), made_of.of(rest)
        for young in (at["young"], at["launched then"]):
            assert (found.mean[young] == instead.mean[young]).all() and found.mean[young].min() > 5
            assert (found.quantiles[young] == instead.quantiles[young]).all()
        assert (found.mean[at["i000"]] != instead.mean[at["i000"]]).any()
    # What sold in its season alone, and never before, has nothing but last year.
    assert made_of.of("seasonal").mean[at["season"], :2].tolist() == [10.0, 10.0]


def test_a_long_frame_goes_in_and_quantiles_come_out():
    frame = long(4)
    found = methods.forecast(frame, calendar_of(frame, FIRST_DAY + timedelta(days=DAYS - 1)), Learnt(), "ewq")
    assert len(found) == 4 * 28 and set(found["method"]) == {"ewq"} and found["location_id"].eq("all").all()
    with pytest.raises(KeyError, match="boosted"):
        methods.forecast(frame, calendar_of(frame, FIRST_DAY + timedelta(days=DAYS - 1)), Learnt(), "boosted")
