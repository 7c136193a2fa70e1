"""Contracts become schemas, rules and statistics; a bad one is refused with file, line and key."""

from pathlib import Path

import pytest
from pyspark.sql import types as T

from jobs.lib import contracts
from jobs.lib.errors import DaybreakError

GOOD = """row: one sale
key: [sale_id]
history: events
event_time: sold_at
event_day: sold_on
columns:
  sale_id:
    type: id
    meaning: number on the till's receipt
    privacy: none
  sold_at:
    type: timestamp
    meaning: moment of payment
    privacy: none
  sold_on:
    type: date
    meaning: the shop's day of the payment
    privacy: none
  units:
    type: int
    unit: pieces
    meaning: how many went over the counter
    privacy: none
    nullable: true
    checks:
      - expect_column_values_to_be_between: {min_value: 1}
        severity: warning
  email:
    type: string
    meaning: where the receipt was sent
    privacy: personal
    default: none
checks:
  - expect_table_row_count_to_be_between: {min_value: 1}
    severity: critical
limits:
  quarantined_share: 0.05
  references: {sale_id: {table: validated.sales, min_share: 0.5}}
"""


def contract_of(tmp_path: Path, text: str, name: str = "validated.sales") -> contracts.Contract:
    path = tmp_path / f"{name.replace('.', '/')}.yml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    (tmp_path / "values.yml").write_text("colours: [red, blue]\n", encoding="utf-8")
    return contracts.load(name, tmp_path)


def test_a_contract_becomes_facts(tmp_path: Path) -> None:
    sales = contract_of(tmp_path, GOOD)
    assert (sales.name, sales.layer, sales.table) == ("validated.sales", "validated", "sales")
    assert (sales.day_column, sales.event_time, sales.event_day) == ("known_day", "sold_at", "sold_on")
    assert list(sales.columns) == [
        "sale_id", "sold_at", "sold_on", "units", "email", "known_day", "_file", "_file_version", "_row",
    ]  # fmt: skip
    assert [one.name for one in sales.own_columns] == ["sale_id", "sold_at", "sold_on", "units", "email"]
    assert sales.columns["units"].checks[0].severity == "warning"
    assert sales.columns["email"].is_optional and sales.columns["email"].default == "none"
    assert not sales.columns["sold_at"].is_optional
    assert sales.limits.references["sale_id"].min_share == 0.5


def test_the_schema_carries_types_nulls_and_comments(tmp_path: Path) -> None:
    schema = contract_of(tmp_path, GOOD).schema()
    assert schema["sale_id"].dataType == T.StringType() and not schema["sale_id"].nullable
    assert schema["units"].dataType == T.IntegerType() and schema["units"].nullable
    assert schema["units"].metadata["comment"] == "how many went over the counter [pieces]"
    assert schema["_row"].dataType == T.LongType() and schema["known_day"].dataType == T.DateType()


def test_rules_follow_from_columns_and_key(tmp_path: Path) -> None:
    sales = contract_of(tmp_path, GOOD)
    filled = [rule.column for rule in sales.row_rules() if rule.rule == contracts.NOT_NULL]
    assert filled == ["sale_id", "sold_at", "sold_on", "email", "known_day"]
    assert [rule.rule for rule in sales.table_rules()] == [
        "expect_column_values_to_be_unique",
        "expect_table_row_count_to_be_between",
    ]


def test_a_share_of_rows_is_a_rule_of_the_table(tmp_path: Path) -> None:
    sales = contract_of(
        tmp_path, GOOD.replace("{min_value: 1}\n        severity", "{min_value: 1, mostly: 0.9}\n        severity")
    )
    check = sales.columns["units"].checks[0]
    assert not check.is_row_rule and check in sales.table_rules()


def test_daily_tables_hold_the_day_they_were_computed_for(tmp_path: Path) -> None:
    text = GOOD.replace("history: events\nevent_time: sold_at\nevent_day: sold_on\n", "history: daily\n")
    sales = contract_of(tmp_path, text.replace("validated.sales", "features.sales"), "features.sales")
    assert sales.day_column == "as_of" and sales.unique_columns == ("sale_id", "as_of")
    assert "known_day" not in sales.columns and "_file" not in sales.columns


@pytest.mark.parametrize("name", contracts.names())
def test_every_contract_of_the_house_reads(name: str) -> None:
    contract = contracts.load(name)
    assert contract.own_columns
    for column in contract.statistics_columns():
        assert contract.columns[column].privacy == "none"
        assert contract.columns[column].type not in ("boolean", "array<string>")
        assert column != contract.day_column or not contract.is_partitioned
    assert len(contract.statistics_columns()) <= contracts.MOST_STATISTICS


def test_delta_keeps_no_statistics_of_people() -> None:
    every = {column for name in contracts.names() for column in contracts.load(name).statistics_columns()}
    assert not every & {"customer_id", "visitor_id", "email", "age_band", "gender", "query"}


COLUMN_CHECK = "expect_column_values_to_be_between: {min_value: 1}"
TABLE_CHECK = "expect_table_row_count_to_be_between: {min_value: 1}"
UNKNOWN_COLUMN = "expect_compound_columns_to_be_unique: {column_list: [sale]}"
UNKNOWN_SET = "expect_column_values_to_be_in_set: {value_set: {$PARAMETER: colors}}"


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("type: int", "type: integer", 20, "columns.units.type: 'integer' is not known here; did you mean 'int'?"),
        ("    unit: pieces", "    units: pieces", 21, "columns.units.units: unknown key; did you mean 'unit'?"),
        ("history: events", "history: event", 3, "did you mean 'events'?"),
        ("privacy: personal", "privacy: privat", 31, "columns.email.privacy"),
        ("key: [sale_id]", "key: [saleid]", 2, "there is no column 'saleid'; did you mean 'sale_id'?"),
        ("key: [sale_id]", "key: [units]", 2, "units may be null"),
        ("key: [sale_id]", "key: [sale_id]\nneeds: [sale]", 3, "no input table 'sale'; did you mean 'sales'?"),
        ("key: [sale_id]", "key: [sale_id]\nneeds: [sales.unit]", 3, "has no column 'unit'; did you mean 'units'?"),
        ("event_day: sold_on\n", "", 4, "add `event_day: <date column>`"),
        ("event_day: sold_on", "event_day: units", 5, "units is of type int; expected date"),
        ("history: events", "history: daily", 4, "only a table with `history: events` has one"),
        ("  sold_on:", "  known_day:", 15, "the loader adds this column"),
        ("  units:", "  Units:", 19, "lower-case"),
        ("how many went over the counter", "the units", 22, "only repeats the name"),
        ("    meaning: where the receipt was sent\n", "", 28, "the key 'meaning' is missing"),
        ("default: none", "default: 7", 32, "columns.email.default: expected text, found 7"),
        ("_to_be_between", "_to_be_betwen", 26, "did you mean 'expect_column_values_to_be_between'?"),
        (COLUMN_CHECK, COLUMN_CHECK.replace("min_value", "min_valeu"), 26, "did you mean 'min_value'?"),
        (COLUMN_CHECK, COLUMN_CHECK.replace("1", "a"), 26, "'a' is no bound for units"),
        (COLUMN_CHECK, COLUMN_CHECK.replace("1", "2020-01-01"), 26, "no bound for units of type int"),
        (COLUMN_CHECK, COLUMN_CHECK.replace("1", "5, max_value: 1"), 26, "min_value 5 is above max_value 1"),
        (COLUMN_CHECK, "expect_column_values_to_match_regex: {regex: a}", 26, "checks text"),
        ("severity: warning", "severity: warn", 27, "did you mean 'warning'?"),
        (TABLE_CHECK, UNKNOWN_COLUMN, 34, "no column 'sale'"),
        (COLUMN_CHECK, UNKNOWN_SET, 26, "did you mean 'colours'?"),
        (COLUMN_CHECK, "expect_table_row_count_to_equal: {value: 1}", 26, "put it under the table's"),
        (COLUMN_CHECK, "expect_column_values_to_be_in_set:", 26, "the argument 'value_set' is missing"),
        ("quarantined_share: 0.05", "quarantined_share: 5", 37, "a share between 0 and 1"),
        ("table: validated.sales", "table: validated.sale", 38, "did you mean 'validated.sales'?"),
        ("references: {sale_id:", "references: {saleid:", 38, "limits.references.saleid: unknown key"),
    ],
)  # fmt: skip
def test_a_bad_contract_names_file_line_and_key(tmp_path: Path, old: str, new: str, line: int, words: str) -> None:
    assert old in GOOD
    with pytest.raises(DaybreakError) as error:
        contract_of(tmp_path, GOOD.replace(old, new, 1))
    assert f"validated/sales.yml:{line}: " in str(error.value)
    assert words in str(error.value)


def test_an_unknown_table_names_the_nearest() -> None:
    with pytest.raises(DaybreakError, match=r"did you mean 'validated.order_lines'\?"):
        contracts.load("validated.orderlines")
