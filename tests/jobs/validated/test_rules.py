"""Which nights the house's rules stop: broken exports, and not small shops, holidays, clearances or slow books."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from jobs.lib import contracts
from jobs.lib.stores import Store
from jobs.validated import rules

DAY = date(2026, 5, 1)  # a Friday, and a holiday in Germany
SHOP = Store("shop", "EUR", "Europe/Berlin", "DE", "day", frozenset(), None, "", Path(), {}, {})
LINES, ITEMS, INBOUND = (contracts.load(f"validated.{name}") for name in ("order_lines", "items", "inbound"))


def volume(rows: int, usual: int, shop: Store = SHOP) -> rules.Finding:
    counts = {DAY - timedelta(days=7 * week): usual for week in range(1, 5)} | {DAY: rows}
    return rules.volume(LINES, shop, DAY, counts)[0]


@pytest.mark.parametrize(("rows", "usual", "stops"), [(0, 6, False), (1, 6, False), (0, 40, True), (90, 500, True)])
def test_a_day_stops_only_where_chance_does_not_explain_it(rows: int, usual: int, stops: bool) -> None:
    assert volume(rows, usual).stops == stops


def test_a_holiday_that_the_store_keeps_is_told_and_stops_nothing() -> None:
    found = volume(0, 500, replace(SHOP, holidays_country="DE"))
    assert found.is_broken and not found.stops and volume(0, 500).stops


@pytest.mark.parametrize(
    ("broken", "rows", "is_broken", "stops"),
    [(1, 19, True, False), (4, 4, True, True), (6, 106, True, True), (5, 200, False, False), (0, 10, False, False)],
)
def test_one_bad_row_of_a_few_stops_nothing(broken: int, rows: int, is_broken: bool, stops: bool) -> None:
    (found,) = rules.quarantined_share(LINES, DAY, rows, broken)
    assert (found.is_broken, found.stops) == (is_broken, stops)


def test_half_a_catalogue_stops_a_night_once_and_what_comes_and_goes_never() -> None:
    (half,) = rules.snapshot_share(ITEMS, DAY, 40, 100, before=100)
    again = rules.snapshot_share(ITEMS, DAY, 40, 100, before=41)
    assert half.stops and not again[0].is_broken
    assert rules.snapshot_share(INBOUND, DAY, 1, 30, before=30) == []


def test_rows_that_are_known_late_by_what_the_store_says_are_fresh() -> None:
    newest = DAY - timedelta(days=5)
    stopped = [
        rules.freshness(LINES, shop, DAY, newest, 9, lag)[0].stops
        for shop, lag in ((SHOP, 0), (SHOP, 2), (SHOP, 3), (replace(SHOP, period="week"), 0))
    ]
    assert stopped == [True, True, False, False]
