"""A check that Great Expectations cannot run is told in words, with the contract's file and line."""

import pytest
from pyspark.sql import SparkSession

from jobs.lib import gx_engine
from jobs.lib.contract_checks import Check
from jobs.lib.errors import DaybreakError

BETWEEN = "expect_column_values_to_be_between"


@pytest.mark.parametrize(
    ("kwargs", "words"),
    [
        ({"column": "units", "min_value": 5, "max_value": 1}, "min_value cannot be greater than max_value"),
        ({"column": "price", "min_value": 5}, '"price" in BatchData does not exist'),
        ({"column": "colour", "min_value": 5}, "column of type StringType"),
        ({"column": "units", "min_valeu": 5}, "Great Expectations refuses it"),
    ],
)
def test_what_cannot_run_names_file_and_line(spark: SparkSession, kwargs: dict[str, object], words: str) -> None:
    frame = spark.createDataFrame([("red", 1)], "colour string, units int")
    check = Check(BETWEEN, kwargs, place="expectations/validated/sales.yml:3")
    for run in (
        lambda: gx_engine.conditions(frame, [check]),
        lambda: gx_engine.validate(frame, "sales", [check], False),
    ):
        with pytest.raises(DaybreakError) as error:
            run()
        assert str(error.value).startswith("expectations/validated/sales.yml:3: ") and words in str(error.value)
        assert "Traceback" not in str(error.value)


def test_verdicts_come_in_the_order_of_the_checks(spark: SparkSession) -> None:
    frame = spark.createDataFrame([("red", 1)], "colour string, units int")
    checks = [Check(BETWEEN, {"column": "units", "min_value": low}) for low in (3, 1, 2, 0)]
    checks.insert(2, Check("expect_column_values_to_not_be_null", {"column": "colour"}))
    verdicts = gx_engine.validate(frame, "sales", checks, with_figures=False)
    assert [one.check for one in verdicts] == checks
    assert [one.is_held for one in verdicts] == [False, True, True, False, True]


def test_rows_that_a_pair_leaves_out_are_not_broken(spark: SparkSession) -> None:
    rows = [(1, 2), (2, 1), (None, 1), (1, None), (None, None)]
    frame = spark.createDataFrame(rows, "low int, high int")
    for ignored in ("both_values_are_missing", "either_value_is_missing", "neither"):
        kwargs = {"column_A": "high", "column_B": "low", "ignore_row_if": ignored}
        check = Check("expect_column_pair_values_a_to_be_greater_than_b", kwargs)
        got = frame.select(gx_engine.conditions(frame, [check])[0].alias("is_broken")).collect()
        assert [row["is_broken"] for row in got] == [False, True, False, False, False]
