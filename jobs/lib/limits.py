"""The limits of this house as checks of Great Expectations, with the bounds that are known only on the night itself.

Each gives None (or no checks) where the contract sets no such limit or there is nothing yet to compare with.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from statistics import median

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.lib import contracts
from jobs.lib.contract_checks import Check
from jobs.lib.contracts import Contract


def volume(contract: Contract, past: Sequence[int]) -> Check | None:
    """The day's rows against ``past``: those of the same weekday in the weeks before, without days of no delivery."""
    limit = contract.limits.volume
    if limit is None or not past:
        return None
    usual = median(past)
    bounds = {"min_value": math.ceil(usual * limit.min_share), "max_value": math.floor(usual * limit.max_share)}
    return Check("expect_table_row_count_to_be_between", bounds, "critical", contract.path, "volume")


def freshness(contract: Contract, day: date) -> Check | None:
    """The newest event against the night's day: no older than the contract's days."""
    limit = contract.limits.freshness_days
    if limit is None or contract.event_day is None:
        return None
    bound = {"column": contract.event_day, "min_value": day - timedelta(days=limit)}
    return Check("expect_column_max_to_be_between", bound, "critical", contract.path, "freshness")


def quarantined_share(contract: Contract, delivered: int) -> Check | None:
    """The rows that are left against the ``delivered`` ones: no larger share of these may be quarantined."""
    limit = contract.limits.quarantined_share
    if limit is None or delivered == 0:
        return None
    # The small allowance keeps 5 of 100 rows within a limit of 0.05, which is not a binary fraction.
    fewest = {"min_value": math.ceil(delivered * (1 - limit) - 1e-6)}
    return Check("expect_table_row_count_to_be_between", fewest, "critical", contract.path, "quarantined_share")


def references(
    frame: DataFrame, contract: Contract, known: Mapping[str, DataFrame]
) -> tuple[DataFrame, tuple[Check, ...]]:
    """``frame`` with a column ``_<column>_is_known`` (null where the column is) for each reference whose table is in
    ``known``, and the checks on these columns. A table that the store does not have is left out of ``known``."""
    checks = []
    for column, reference in contract.limits.references.items():
        if reference.table not in known:
            continue
        flag = f"_{column}_is_known"
        there = known[reference.table]
        key = column if column in there.columns else contracts.load(reference.table).key[0]
        keys = there.select(F.col(key).alias("_key")).where(F.col("_key").isNotNull()).distinct()
        joined = frame.join(keys, F.col(column) == F.col("_key"), "left")
        is_known = F.when(F.col(column).isNotNull(), F.col("_key").isNotNull())
        frame = joined.withColumn(flag, is_known).drop("_key")
        wanted = {"column": flag, "value_set": [True], "mostly": reference.min_share}
        named = ("critical", contract.path, "references", column)
        checks.append(Check("expect_column_values_to_be_in_set", wanted, *named))
    return frame, tuple(checks)
