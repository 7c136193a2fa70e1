"""Sums of fractions that do not depend on how Spark split the rows."""

from __future__ import annotations

from pyspark.sql import Column
from pyspark.sql import functions as F

# 2^30 keeps nine decimals and leaves room for sums of eight thousand million before a long overflows.
SCALE = float(2**30)


def exact_sum(column: Column) -> Column:
    """The sum of a double column in fixed point (nine decimals): whole numbers add up to the same in any order,
    floats do not, and a table's content must not change with the number of partitions."""
    return F.coalesce(F.sum(F.round(column * SCALE).cast("long")), F.lit(0)).cast("double") / SCALE


def exact_mean(column: Column) -> Column:
    """The mean of a double column, null where it has no value; see :func:`exact_sum`."""
    return F.sum(F.round(column * SCALE).cast("long")).cast("double") / SCALE / F.count(column)
