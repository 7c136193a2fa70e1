"""Sums of fractions that do not depend on how Spark split the rows."""

from __future__ import annotations

from pyspark.sql import Column
from pyspark.sql import functions as F

# 2^30 keeps nine decimals and leaves room for sums of eight thousand million before a long overflows.
SCALE = float(2**30)
# Four decimals of money leave room for sums of nine hundred million million, enough in any currency.
MONEY = 1e4


def exact_sum(column: Column, scale: float = SCALE) -> Column:
    """The sum of a double column, 0 without values, in fixed point (nine decimals): whole numbers add up to the same in
    any order, floats do not, and a table's content must not change with the number of partitions."""
    return F.coalesce(F.sum(_fixed(column, scale)), F.lit(0)).cast("double") / scale


def exact_mean(column: Column, scale: float = SCALE) -> Column:
    """The mean of a double column, null where it has no value; see :func:`exact_sum`. That of money is in ``MONEY``: a
    customer's orders in a currency of large numbers add up to more than fits beside nine decimals."""
    return F.sum(_fixed(column, scale)).cast("double") / scale / F.count(column)


def exact_money(column: Column) -> Column:
    """The sum of amounts of money, 0 where there are none, each to four decimals; see :func:`exact_sum`."""
    return exact_sum(column, MONEY)


def _fixed(column: Column, scale: float) -> Column:
    """In fixed point. Not by ``round``, nor as a decimal: Spark goes through BigDecimal for either, row by row. Halves
    go to the even neighbour, so that an amount and what takes it back cancel out."""
    return F.rint(column * scale).cast("long")
