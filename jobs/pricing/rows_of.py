"""Plain rows as a Spark frame in a contract's columns: what is not there or not a number is null."""

from __future__ import annotations

import pandas as pd
import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession

from jobs.lib.contracts import Contract


def spark_rows(spark: SparkSession, rows: pd.DataFrame, contract: Contract) -> DataFrame:
    """``rows`` in the contract's columns and types; an empty frame where there are none."""
    schema = contract.schema()
    if rows.empty:
        return spark.createDataFrame([], schema)
    columns = {name: _plain(rows[name]) for name in schema.fieldNames()}
    values = [tuple(row) for row in zip(*columns.values(), strict=True)]
    return spark.createDataFrame(values, schema)


def _plain(values: pd.Series) -> list:
    """Python's own values, None for what is missing."""
    return pa.Array.from_pandas(values.dt.date if str(values.dtype).startswith("datetime64") else values).to_pylist()
