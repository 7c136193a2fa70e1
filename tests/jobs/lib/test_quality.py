"""The rules of every contract catch what breaks them, by Great Expectations' own verdict, and nothing else."""

import pandas as pd
import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs.lib import contracts, frames, gx_engine, quality
from jobs.lib.contract_checks import Check
from jobs.lib.contracts import Contract

# The quarantines are one contract under many names: one of them stands for all.
EVERY = [name for name in contracts.names() if not name.startswith("quarantine.") or name.endswith(".order_lines")]
LINES = contracts.load("validated.order_lines")


def spark_frame(spark: SparkSession, frame: pd.DataFrame, contract: Contract) -> DataFrame:
    """The rows as Spark sees them, nulls let in also where the contract forbids them: some tests put them there."""
    schema = contract.schema()
    for field in schema.fields:
        field.nullable = True
    return spark.createDataFrame(frame, schema)


def lines(spark: SparkSession, rows: int = 50) -> DataFrame:
    return spark_frame(spark, frames.random_frame(LINES, rows, seed=5), LINES)


@pytest.mark.parametrize("name", EVERY)
def test_a_row_that_breaks_a_rule_is_named_with_column_and_rule(spark: SparkSession, name: str) -> None:
    contract = contracts.load(name)
    rules = contract.row_rules()
    good = frames.random_frame(contract, len(rules) + 5, seed=3)
    bad = good.assign(place=range(len(good)))
    for at, rule in enumerate(rules):
        bad.loc[at, good.columns] = frames.spoilt(good, contract, rule, at).loc[at]
    bad = bad.astype({**good.dtypes.to_dict(), "place": "int32"})
    schema = contract.schema().add("place", "integer")
    for field in schema.fields:
        field.nullable = True
    found = quality.broken(spark.createDataFrame(bad, schema), contract).select("place", quality.BROKEN).collect()
    broken = {
        row["place"]: {(one["column"], one["rule"], one["severity"]) for one in row[quality.BROKEN]} for row in found
    }
    for at, rule in enumerate(rules):
        assert (rule.column, rule.rule, rule.severity) in broken[at]
        assert {column for column, _, _ in broken[at]} <= {rule.column, rule.kwargs.get("column_B")} | pairs_of(
            contract, rule
        )
    assert not any(broken[at] for at in range(len(rules), len(good)))


def pairs_of(contract: Contract, rule: Check) -> set[str | None]:
    """Columns whose rule may break with this one because they are compared with its column."""
    return {check.column for check in contract.checks if check.kwargs.get("column_B") == rule.column}


@pytest.mark.parametrize("name", ["validated.order_lines", "validated.promotions", "features.category"])
def test_good_rows_pass_the_whole_suite(spark: SparkSession, name: str) -> None:
    contract = contracts.load(name)
    frame = spark.createDataFrame(frames.random_frame(contract, 40, seed=4), contract.schema())
    for full in (True, False):
        assert [result for result in quality.check(frame, contract, full) if result.is_broken] == []


def test_the_conditions_count_what_gx_counts(spark: SparkSession) -> None:
    good = frames.random_frame(LINES, 60, seed=6)
    rules = LINES.row_rules()
    for at, rule in enumerate(rules[::3]):
        good = frames.spoilt(good, LINES, rule, at)
    frame = spark_frame(spark, good, LINES)
    mine = {(one.rule, one.column, one.severity): one.is_broken for one in quality.check(frame, LINES, full=True)}
    for verdict in gx_engine.validate(frame, LINES.name, rules, with_figures=False):
        assert verdict.is_held != mine[verdict.check.rule, verdict.check.column, verdict.check.severity]


def test_the_suite_is_great_expectations_own_and_survives_json(spark: SparkSession) -> None:
    suite = quality.suite(LINES)
    assert len(suite.expectations) == len(LINES.row_rules()) + len(LINES.table_rules())
    assert "expect_column_values_to_be_in_set" in str(suite.to_json_dict())


def test_a_repeated_key_is_found_by_both_ways(spark: SparkSession) -> None:
    frame = lines(spark, 20)
    twice = frame.unionByName(frame.limit(3))
    for full in (True, False):
        broken = [one for one in quality.check(twice, LINES, full) if one.is_broken]
        assert [(one.rule, one.broken, one.rows) for one in broken] == [("expect_compound_columns_to_be_unique", 3, 23)]


def test_an_empty_night_breaks_the_row_count_by_both_ways(spark: SparkSession) -> None:
    for full in (True, False):
        broken = [one for one in quality.check(lines(spark).limit(0), LINES, full) if one.is_broken]
        assert [(one.rule, one.observed, one.limit) for one in broken] == [
            ("expect_table_row_count_to_be_between", "0", "min_value 1")
        ]


def test_a_wrong_schema_is_told_alone(spark: SparkSession) -> None:
    frame = lines(spark).withColumn("units", F.col("units").cast("string")).drop("price")
    broken = quality.check(frame, LINES, full=True)
    assert [(one.rule, one.column, one.observed, one.limit) for one in broken] == [
        ("schema", "units", "string", "int"),
        ("schema", "price", "missing", "double"),
    ]


def test_a_share_of_bad_rows_is_a_rule_of_the_table(spark: SparkSession) -> None:
    most = Check("expect_column_values_to_be_in_set", {"column": "currency", "value_set": ["GBP"], "mostly": 0.9})
    half = lines(spark).withColumn("currency", F.when(F.rand(1) < 0.5, "GBP").otherwise("EUR"))
    result = quality.check(half, LINES, full=False, extra=[most])[-1]
    assert result.is_broken and result.broken is not None and 0 < result.broken < 50


def test_only_the_columns_at_hand_are_asked(spark: SparkSession) -> None:
    frame = spark.createDataFrame([("a", 0), ("b", 2)], "order_id string, units int")
    got = quality.broken(frame, LINES).collect()
    assert [[one["column"] for one in row[quality.BROKEN]] for row in got] == [["units"], []]


def test_no_value_of_a_person_is_shown(spark: SparkSession) -> None:
    customers = contracts.load("validated.customers")
    frame = spark_frame(spark, frames.random_frame(customers, 20, seed=1), customers)
    first = Check("expect_column_most_common_value_to_be_in_set", {"column": "email", "value_set": ["none"]})
    result = quality.check(frame, customers, full=False, extra=[first])[-1]
    assert result.is_broken and result.observed == "not shown"
