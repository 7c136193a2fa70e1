"""Which rows break which row rule: what could not be cast, the contract's own, and what one file says twice."""

from __future__ import annotations

from collections.abc import Callable

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.lib import mappings, quality
from jobs.lib.contracts import Contract
from jobs.validated import deliveries


def judged(cast: DataFrame, contract: Contract, currency: str) -> DataFrame:
    """``cast`` with ``_critical`` and ``_told``, arrays of (column, rule, severity, value), and ``_is_broken``."""
    judged = quality.broken(cast, contract)
    unread = F.transform(mappings.UNCAST, lambda entry: entry["column"])
    # What could not be read is null now, and that it may not be null is no second finding; nor is the day of a moment
    # that is not there.
    undated = contract.event_day if contract.event_time != contract.event_day else None

    def is_second(entry: Column) -> Column:
        column = F.coalesce(entry["column"], F.lit(""))
        follows = F.array_contains(unread, column) | (column == F.lit(undated or "-"))
        return entry["rule"].endswith("_to_not_be_null") & follows

    rest = F.filter(quality.BROKEN, lambda entry: ~is_second(entry))
    found = F.concat(
        mappings.UNCAST,
        F.transform(rest, _with_value(contract)),
        *_store_currency(contract, currency),
        *_decided(contract, unread),
    )
    judged = judged.withColumn("_found", found.cast(mappings.UNCAST_TYPE)).drop(mappings.UNCAST, quality.BROKEN)
    judged = judged.withColumn("_is_good", F.size(F.filter("_found", _is_critical)) == 0)
    once = F.col("_is_good") & deliveries.ambiguous(contract, "_is_good")
    twice = F.when(once, F.array(F.struct(*_entry("unique_key", contract.key[0], None)))).otherwise(F.array())
    critical = F.concat(F.filter("_found", _is_critical), twice.cast(mappings.UNCAST_TYPE))
    told = F.filter("_found", lambda entry: entry["severity"] == "warning")
    return (
        judged.withColumns({"_critical": critical, "_told": told})
        .withColumn("_is_broken", F.size("_critical") > 0)
        .drop("_found", "_is_good")
    )


def _is_critical(entry: Column) -> Column:
    return entry["severity"] == "critical"


def _with_value(contract: Contract) -> Callable[[Column], Column]:
    """Adds to an entry of a broken rule what stood in its column, where nothing personal can stand there."""
    shown = [column.name for column in contract.own_columns if column.privacy == "none"]
    values = F.create_map(*[part for name in shown for part in (F.lit(name), F.col(name).cast("string"))])
    return lambda entry: F.struct(
        entry["column"].alias("column"),
        entry["rule"].alias("rule"),
        entry["severity"].alias("severity"),
        F.try_element_at(values, entry["column"]).alias("value"),
    )


def _store_currency(contract: Contract, currency: str) -> list[Column]:
    """Amounts in another currency than the store's cannot be added to the others."""
    if "currency" not in contract.columns:
        return []
    other = F.array(F.struct(*_entry("store_currency", "currency", F.col("currency"))))
    return [F.when(F.col("currency") != currency, other).otherwise(F.array()).cast(mappings.UNCAST_TYPE)]


def _decided(contract: Contract, unread: Column) -> list[Column]:
    """A price that was approved or edited without saying which, or from when, could not be told from one that nobody
    decided on. What could not be read is no second finding."""
    if contract.name != "validated.price_approvals":
        return []
    found = []
    for column, rule in (("price", "decision_without_price"), ("valid_from", "decision_without_day")):
        is_missing = (F.col("decision") != "refused") & F.col(column).isNull()
        entry = F.array(F.struct(*_entry(rule, column, None)))
        is_found = is_missing & ~F.array_contains(unread, column)
        found.append(F.when(is_found, entry).otherwise(F.array()).cast(mappings.UNCAST_TYPE))
    return found


def _entry(rule: str, column: str, value: Column | None) -> list[Column]:
    shown = value if value is not None else F.lit(None).cast("string")
    return [
        F.lit(column).alias("column"),
        F.lit(rule).alias("rule"),
        F.lit("critical").alias("severity"),
        shown.alias("value"),
    ]
