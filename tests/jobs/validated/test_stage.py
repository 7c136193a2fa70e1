"""Whole nights of validation: what is kept, kept out, stopped, and seen from before and after a correction."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from jobs.features.campaigns import campaigns
from jobs.lib.errors import DaybreakError, RuleBroken
from jobs.lib.stores import Known, Source
from tests.conftest import settings_of
from tests.jobs.validated.shop import ITEMS, Shop, line

DAY = "2026-01-05"  # a Monday
NEXT, THIRD = "2026-01-06", "2026-01-07"
OFFERS = """
SELECT promo AS promotion_id, item AS item_id, starts AS starts_on, ends AS ends_on, off AS depth,
       _file, _file_version, _row, _known_day
FROM offers
"""


@pytest.fixture
def shop(spark, home, tmp_path):
    return Shop(spark, home, tmp_path / "shop")


@pytest.fixture(scope="module")
def week(spark, tmp_path_factory):
    """A shop after three nights that many stories share, each with orders of its own."""
    folder = tmp_path_factory.mktemp("week")
    shop = Shop(spark, settings_of(folder / "home"), folder / "shop")
    shop.mapping("items", ITEMS)
    good = [line("good"), line("good", 2, customer=None), *[line(f"filler-{at}") for at in range(40)]]
    ambiguous = [line("ambiguous"), line("ambiguous", units=9), line("ambiguous")]
    renumbered = [line("again", 1), line("again", 2, item="B")]
    others = [line("sheet", customer="17850.0"), line("fix", units=2), line("same")]
    shop.deliver("sales", DAY, [*good, *ambiguous, *renumbered, *others])
    shop.deliver("sales", DAY, [line("e1"), line("e2"), line("e3")], file=f"sales-{DAY}-branch.csv")
    shop.deliver("catalogue", DAY, [("A", "apple", 1), ("B", "bread", 2), ("C", "coal", 3)])
    shop.validate(DAY)
    renumbered = [line("again", 11, item="B"), line("again", 12), line("again-not", 13, day=NEXT)]
    others = [line("sheet-2", customer="17850", day=NEXT), line("fix", units=5), line("same")]
    shop.deliver("sales", NEXT, [*renumbered, *others])
    shop.deliver("sales", NEXT, [line("e1"), line("e3", units=7)], file=f"sales-{DAY}-branch.csv")
    shop.deliver("catalogue", NEXT, [("A", "apple", 1), ("C", "coal", 4)])
    shop.validate(NEXT)
    shop.deliver("catalogue", THIRD, [("A", "apple", 1), ("B", "bread", 2), ("C", "coal", 4)])
    shop.validate(THIRD)
    return shop


def told(shop):
    """All that the nights say of orders."""
    return {day: orders(shop, day, "order_id", "line_number", "units", "known_day", "_file") for day in (DAY, NEXT)}


def orders(shop, day, *columns, of=""):
    """Rows of the order lines known on a day, sorted; those of the orders whose id begins so."""
    lines = shop.read("validated.order_lines", day)
    rows = lines.where(lines["order_id"].startswith(of)).select(*(columns or ("order_id", "line_number"))).collect()
    return sorted(tuple(row) for row in rows)


def test_good_rows_become_visible_typed_and_traceable(week):
    lines = week.read("validated.order_lines", DAY)
    row = lines.where("order_id = 'good'").orderBy("line_number").first()
    assert (row["order_id"], row["units"], row["price"], str(row["order_date"]), row["is_product"]) == (
        "good",
        2,
        1.5,
        DAY,
        True,
    )
    assert (row["_file"], row["_file_version"], row["_row"], str(row["known_day"])) == (f"sales-{DAY}.csv", 1, 1, DAY)


def test_bad_cells_are_quarantined_rows_with_file_row_column_and_rule(shop):
    good = [line(f"g{at}") for at in range(100)]
    bad = [
        line("1", time="05/01/2026 10:00"),
        line("2", units=-3),
        line("3", price=0),
        line("4", currency="XYZ"),
        line("5", currency="EUR"),
        line("6", units="two"),
    ]
    shop.deliver("sales", DAY, bad[:5] + good + [bad[5]])
    with pytest.raises(RuleBroken, match="quarantined_share"):
        shop.validate(DAY)
    shop.deliver("sales", DAY, bad + good * 1 + [line(f"h{at}") for at in range(100)])
    shop.validate(DAY)
    file = f"sales-{DAY}.csv"
    found = {(row, column, rule, value) for at, row, column, rule, value in shop.quarantine() if at == file}
    assert (1, "ordered_at", "cast_to_timestamp", "05/01/2026 10:00") in found
    assert (2, "units", "expect_column_values_to_be_between", "-3") in found
    assert (3, "price", "expect_column_values_to_be_between", "0.0") in found
    assert (4, "currency", "expect_column_values_to_be_in_set", "XYZ") in found
    assert (5, "currency", "store_currency", "EUR") in found
    assert (6, "units", "cast_to_int", "two") in found
    assert not [entry for entry in found if "null" in entry[2]]
    assert shop.read("validated.order_lines", DAY).count() == 200


def test_a_key_that_one_file_gives_two_meanings_keeps_its_first_row(week):
    assert orders(week, DAY, "order_id", "line_number", "units", of="ambiguous") == [("ambiguous", 1, 2)]
    assert [(row[1], row[3]) for row in week.quarantine()] == [(44, "unique_key")]
    assert week.results(DAY)["delivered_twice"]["broken"] == 1


def test_an_id_that_a_spreadsheet_wrote_as_a_number_is_the_same_customer(week):
    assert orders(week, NEXT, "order_id", "customer_id", of="sheet") == [("sheet", "17850"), ("sheet-2", "17850")]


def test_a_correction_is_seen_from_its_night_on_and_not_before(week):
    assert orders(week, DAY, "order_id", "units", of="fix") == [("fix", 2)]
    assert orders(week, NEXT, "order_id", "units", of="fix") == [("fix", 5)]


def test_running_nights_again_gives_the_same(week):
    before = told(week)
    week.validate(NEXT)
    week.validate(DAY)
    assert told(week) == before


def test_a_new_version_of_a_file_withdraws_what_it_no_longer_says(week):
    assert orders(week, DAY, "order_id", "units", of="e") == [("e1", 2), ("e2", 2), ("e3", 2)]
    assert orders(week, NEXT, "order_id", "units", of="e") == [("e1", 2), ("e3", 7)]


def test_an_order_sent_again_in_another_file_counts_once(week):
    assert orders(week, NEXT, of="again") == [("again", 1), ("again", 2), ("again-not", 13)]
    # Both its lines, the order that came the same again, and the branch's file with one.
    assert week.results(NEXT)["delivered_twice"]["broken"] == 4


def test_a_day_without_a_file_goes_on_and_is_told(week):
    assert week.results(THIRD)["missing_day"]["severity"] == "warning"
    assert orders(week, THIRD) == orders(week, NEXT)


def test_what_a_snapshot_no_longer_holds_is_gone_from_that_day(week):
    def seen(day):
        return sorted((row["item_id"], row["price"]) for row in week.read("validated.items", day).collect())

    assert seen(DAY) == [("A", 1.0), ("B", 2.0), ("C", 3.0)]
    assert seen(NEXT) == [("A", 1.0), ("C", 4.0)]
    assert seen(THIRD) == [("A", 1.0), ("B", 2.0), ("C", 4.0)]


def test_a_campaign_that_left_the_snapshot_at_its_end_is_gone_and_stays_among_the_campaigns(shop):
    known = Known("name", pattern=r"(\d{4}-\d{2}-\d{2})")
    columns = ("promo", "item", "starts", "ends", "off")
    shop.sources["offers"] = Source("offers", "offers-*.csv", "csv", known, delivers="snapshot", columns=columns)
    shop.mapping("promotions", OFFERS)
    early, late = ("p", "A", DAY, DAY, 0.2), ("q", "A", DAY, THIRD, 0.1)
    for day, rows in ((DAY, [early, late]), (NEXT, [late])):
        shop.deliver("sales", day, [line(f"order-{day}-{at}", day=day) for at in range(20)])
        shop.deliver("offers", day, rows)
        shop.validate(day)
    tables, night = shop.tables, date.fromisoformat(NEXT)
    assert [row["promotion_id"] for row in tables.read("validated.promotions", night).collect()] == ["q"]
    found = campaigns(tables.read_changes("validated.promotions", None, night)).orderBy("promotion_id").collect()
    told = [(row["promotion_id"], str(row["ends_on"]), str(row["known_from"]), row["known_until"]) for row in found]
    assert told == [("p", DAY, DAY, None), ("q", THIRD, DAY, None)]


def test_one_batch_gives_what_its_nights_gave(spark, home, tmp_path, shop):
    days = {
        DAY: [line("1"), line("2"), line("3", units=6), line("4", 1), line("4", 2, item="B")],
        "2026-01-06": [
            line("1", units=4),
            line("2"),
            line("c", day="2026-01-06", item="A", units=1, cancelled="true"),
            line("4", 11, item="B"),
            line("4", 12),
        ],
        "2026-01-07": [
            line("1"),
            line("c", day="2026-01-06", units=2, cancelled="true"),
            line("d", day="2026-01-07", units=6, cancelled="true"),
        ],
    }
    for day, rows in days.items():
        shop.deliver("sales", day, rows)
        shop.validate(day)
    at_once = Shop(spark, home, tmp_path / "other")
    at_once.tables = type(shop.tables)(spark, home.lake, "other")
    at_once.deliver_all("sales", days)
    at_once.validate("2026-01-07")
    columns = ("order_id", "line_number", "units", "known_day", "_file", "cancels_order_id", "cancels_line_number")
    for day in days:
        assert orders(shop, day, *columns) == orders(at_once, day, *columns)


def weeks(last, rows=20):
    """Files of seven Mondays up to ``last``."""
    end = date.fromisoformat(last)
    days = [str(end - timedelta(days=7 * week)) for week in range(6, 0, -1)]
    return {day: [line(f"{day}-{at}", day=day) for at in range(rows)] for day in days}


def test_an_empty_day_and_one_with_a_tenth_of_its_rows_stop_and_a_closed_one_does_not(shop):
    shop.deliver_all("sales", weeks("2026-02-16"))
    saturday, monday = "2026-02-14", "2026-02-16"
    shop.deliver("sales", saturday, [])
    shop.validate(saturday)
    shop.deliver("sales", monday, [])
    with pytest.raises(RuleBroken, match="volume"):
        shop.validate(monday)
    shop.deliver("sales", monday, [line("x", at, day=monday) for at in range(2)])
    with pytest.raises(RuleBroken, match="volume") as stopped:
        shop.validate(monday)
    assert stopped.value.table == "validated.order_lines"
    assert shop.read("validated.order_lines", monday).count() == 120
    assert shop.results(monday)["volume"]["is_broken"]


def test_yesterdays_export_under_todays_name_stops(shop):
    shop.deliver("sales", "2026-01-15", [line(f"{at}") for at in range(5)])
    with pytest.raises(RuleBroken, match="freshness"):
        shop.validate("2026-01-15")


def test_half_a_catalogue_or_items_nobody_knows_stop(shop):
    shop.mapping("items", ITEMS)
    shop.deliver("sales", DAY, [line(f"{at}", item="Z") for at in range(10)])
    shop.deliver("catalogue", DAY, [(name, name, 1) for name in "ABCDEFGH"])
    with pytest.raises(RuleBroken, match=r"reference_validated\.items"):
        shop.validate(DAY)
    assert shop.read("validated.items", DAY).count() == 8


def test_a_typo_in_the_sql_is_one_message_with_file_and_line(shop):
    shop.deliver("sales", DAY, [line("1")])
    shop.mapping("order_lines", "SELECT order_id,\n  tme AS ordered_at\nFROM sales")
    with pytest.raises(DaybreakError, match=r"order_lines.sql, line 2: there is no column tme \(did you mean time\?\)"):
        shop.validate(DAY)
