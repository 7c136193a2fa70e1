"""What broken rows of prices' input tables come to: quarantine, with the rule that they broke."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from pyspark.sql import SparkSession

from jobs.lib import contracts, mappings
from jobs.lib.stores import Store
from jobs.validated.judgement import judged

DAY = "2026-03-31"
GOOD = {
    "competitor_prices": {"item_id": "a", "competitor": "Ada", "observed_on": DAY, "price": "9.5", "currency": "EUR"},
    "contract_prices": {"customer_id": "c", "item_id": "a", "valid_from": DAY, "price": "9.5", "currency": "EUR"},
    "price_approvals": {
        "suggested_on": DAY, "item_id": "a", "decision": "approved", "price": "9.5", "currency": "EUR",
        "valid_from": "2026-04-01",
    },
    "prices": {"item_id": "a", "valid_from": DAY, "price": "9.5", "cost": "12", "currency": "EUR"},
}  # fmt: skip
CASES: list[tuple[str, dict[str, Any], set[tuple[str, str]]]] = [
    ("competitor_prices", {}, set()),
    ("competitor_prices", {"price": "950"}, set()),  # 100 times ours is known to be wrong only beside our own price
    ("competitor_prices", {"price": "0"}, {("price", "expect_column_values_to_be_between")}),
    ("competitor_prices", {"currency": "USD"}, {("currency", "store_currency")}),
    ("contract_prices", {"valid_to": "2026-03-01"}, {("valid_to", "expect_column_pair_values_a_to_be_greater_than_b")}),
    ("contract_prices", {"price": "-1"}, {("price", "expect_column_values_to_be_between")}),
    ("price_approvals", {"decision": "maybe"}, {("decision", "expect_column_values_to_be_in_set")}),
    ("price_approvals", {}, set()),
    ("price_approvals", {"decision": "refused", "price": None, "currency": None, "valid_from": None}, set()),
    ("price_approvals", {"price": None}, {("price", "decision_without_price")}),
    ("price_approvals", {"decision": "edited", "valid_from": None}, {("valid_from", "decision_without_day")}),
    ("price_approvals", {"price": "nine"}, {("price", "cast_to_double")}),
    ("price_approvals", {"currency": "USD"}, {("currency", "store_currency")}),
    ("prices", {}, set()),  # a cost above the price is true of some items
    ("prices", {"price": "0"}, {("price", "expect_column_values_to_be_between")}),
    ("prices", {"currency": "GBP"}, {("currency", "store_currency")}),
]


@pytest.fixture(scope="module")
def found(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> dict[int, set[tuple[str, str]]]:
    """Case → (column, rule) that its row broke."""
    folder = tmp_path_factory.mktemp("inputs")
    shop = Store("shop", "EUR", "Europe/Berlin", "DE", "day", frozenset(), None, str(folder), folder, {}, {})
    told: dict[int, set[tuple[str, str]]] = {}
    for table in GOOD:
        # An item each: a key that comes twice would be a broken rule of its own.
        cases = [
            (at, {**GOOD[table], "item_id": f"i{at}", **change})
            for at, (name, change, _) in enumerate(CASES)
            if name == table
        ]
        names = sorted({name for _, row in cases for name in row})
        rows = [(*[row.get(name) for name in names], "file.csv", 1, at, date(2026, 3, 31)) for at, row in cases]
        shape = ", ".join([f"{name} string" for name in names])
        frame = spark.createDataFrame(rows, f"{shape}, _file string, _file_version int, _row long, _known_day date")
        contract = contracts.load(f"validated.{table}")
        for row in judged(mappings.cast(frame, contract, shop), contract, shop.currency).collect():
            told[row["_row"]] = {(one["column"], one["rule"]) for one in row["_critical"]}
    return told


@pytest.mark.parametrize("at", range(len(CASES)), ids=[f"{table} {change}" for table, change, _ in CASES])
def test_a_row_is_kept_out_with_the_rule_that_it_broke(found: dict[int, set[tuple[str, str]]], at: int) -> None:
    assert found[at] == CASES[at][2]
