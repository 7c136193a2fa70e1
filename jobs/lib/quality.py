"""Whether rows and tables keep their contract: which rows are broken by which rule, and one result a rule for a table.

Great Expectations defines every rule; what runs on each row is its own condition, all of them in one pass of Spark.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.lib import gx_names
from jobs.lib.contract_checks import Check
from jobs.lib.contracts import Contract

if TYPE_CHECKING:
    import great_expectations as gx

BROKEN = "_broken"
BROKEN_TYPE = "array<struct<column:string,rule:string,severity:string>>"
ROW_COUNT = "expect_table_row_count_to_be_between"


@dataclass(frozen=True)
class Result:
    """What one rule of one table came to. ``rows`` were looked at, ``broken`` of them broke the rule (None for a rule
    about the table, or where it was not counted); ``observed`` and ``limit`` are for people."""

    table: str
    rule: str
    column: str | None
    severity: str
    rows: int
    broken: int | None
    observed: str | None
    limit: str | None
    is_broken: bool


def suite(contract: Contract, extra: Iterable[Check] = ()) -> gx.ExpectationSuite:
    """The whole contract as GX's own suite: no nulls, one row a key, every check, and the ``extra`` ones of a run."""
    from jobs.lib import gx_engine

    return gx_engine.suite(contract.name, (*contract.row_rules(), *contract.table_rules(), *extra))


def broken(frame: DataFrame, contract: Contract) -> DataFrame:
    """``frame`` with ``_broken``: an array with column, rule and severity of each row rule that the row breaks, empty
    for a good row. Lazy: one select, nothing is read or collected. Columns that no rule is about may be missing."""
    from jobs.lib import gx_engine

    rules = [rule for rule in contract.row_rules() if _columns_of(rule) <= set(frame.columns)]
    conditions = gx_engine.conditions(frame, rules)
    none = F.array().cast(BROKEN_TYPE)
    if not rules:
        return frame.select("*", none.alias(BROKEN))
    named = [F.when(condition, _named(rule)) for rule, condition in zip(rules, conditions, strict=True)]
    # Nearly all rows are good: asking first whether any rule is broken spares them the building of the array.
    found = F.when(reduce(or_, conditions), F.array_compact(F.array(*named)).cast(BROKEN_TYPE)).otherwise(none)
    return frame.select("*", found.alias(BROKEN))


def check(frame: DataFrame, contract: Contract, full: bool, extra: Sequence[Check] = ()) -> list[Result]:
    """One result for each rule of the contract and each ``extra`` one, those of a wrong schema alone where it is wrong.

    ``full`` asks everything. Otherwise schema, nulls, one row a key and the row count, in one plain aggregation: for
    tables between the first and the last gate, whose inputs were checked. ``extra`` is asked either way.
    """
    wrong = _schema_results(frame, contract)
    if any(result.is_broken for result in wrong):
        return wrong
    if full:
        return wrong + _run(frame, contract, (*contract.row_rules(), *contract.table_rules(), *extra))
    return wrong + _plain(frame, contract) + (_run(frame, contract, tuple(extra)) if extra else [])


def _run(frame: DataFrame, contract: Contract, rules: Sequence[Check]) -> list[Result]:
    from jobs.lib import gx_engine

    counted = [rule for rule in rules if gx_names.is_row_rule(rule.expectation)]
    rows, counts = _counts(frame, counted, gx_engine.conditions(frame, counted) if counted else [])
    figures = [
        rule for rule in rules if rule not in counted and "mostly" not in gx_names.known()[rule.expectation].keys
    ]
    shares = [rule for rule in rules if rule not in figures and not rule.is_row_rule]
    results = [
        _result(contract, rule, rows, counts[at], counts[at] > 0) for at, rule in enumerate(counted) if rule.is_row_rule
    ]
    for verdict in gx_engine.validate(frame, contract.name, shares, with_figures=False):
        known = counts[counted.index(verdict.check)] if verdict.check in counted else None
        if known is None and not verdict.is_held:
            known = _repeated(frame, verdict.check)
        results.append(_result(contract, verdict.check, rows, known, not verdict.is_held))
    for verdict in gx_engine.validate(frame, contract.name, figures, with_figures=True):
        shown = _shown(contract, verdict.check, verdict.observed)
        results.append(_result(contract, verdict.check, rows, None, not verdict.is_held, shown))
    return results


def _plain(frame: DataFrame, contract: Contract) -> list[Result]:
    filled = [rule for rule in contract.row_rules() if rule.expectation.endswith("_not_be_null")]
    unique = contract.unique_columns
    # As one value: a distinct count of several columns passes over rows where one of them is null.
    keys = [F.count_distinct(F.struct(*unique)).alias("keys")] if unique else []
    empties = [F.count_if(F.col(str(rule.column)).isNull()).alias(str(at)) for at, rule in enumerate(filled)]
    got = frame.agg(F.count(F.lit(1)).alias("rows"), *keys, *empties).first()
    assert got is not None
    rows = int(got["rows"])
    results = [_result(contract, rule, rows, got[str(at)], got[str(at)] > 0) for at, rule in enumerate(filled)]
    for rule in contract.table_rules():
        if rule.expectation.endswith("_to_be_unique"):
            results.append(_result(contract, rule, rows, rows - got["keys"], rows > got["keys"]))
        elif rule.expectation == ROW_COUNT:
            low, high = rule.kwargs.get("min_value"), rule.kwargs.get("max_value")
            is_outside = (low is not None and rows < low) or (high is not None and rows > high)
            results.append(_result(contract, rule, rows, None, is_outside, str(rows)))
    return results


def _counts(frame: DataFrame, rules: Sequence[Check], conditions: Sequence[Column]) -> tuple[int, list[int]]:
    counted = [F.count_if(condition).alias(str(at)) for at, condition in enumerate(conditions)]
    got = frame.agg(F.count(F.lit(1)).alias("rows"), *counted).first()
    assert got is not None
    return int(got["rows"]), [int(got[str(at)]) for at in range(len(rules))]


def _repeated(frame: DataFrame, rule: Check) -> int | None:
    """Rows beyond the first of their key, where the rule is one about keys."""
    columns = rule.kwargs.get("column_list") or [rule.kwargs.get("column")]
    if not rule.expectation.endswith("_to_be_unique") or columns == [None]:
        return None
    beyond = frame.groupBy(*columns).agg((F.count(F.lit(1)) - 1).alias("beyond")).agg(F.sum("beyond")).first()
    return int(beyond[0] or 0) if beyond else None


def _schema_results(frame: DataFrame, contract: Contract) -> list[Result]:
    have = {one.name: one.dataType for one in frame.schema}
    results = []
    for one in contract.columns.values():
        found = have[one.name].simpleString() if one.name in have else "missing"
        wanted = one.spark_type.simpleString()
        if found != wanted:
            results.append(Result(contract.name, "schema", one.name, "critical", 0, None, found, wanted, True))
    return results or [Result(contract.name, "schema", None, "critical", 0, None, None, None, False)]


def _result(
    contract: Contract, rule: Check, rows: int, counted: int | None, is_broken: bool, observed: str | None = None
) -> Result:
    seen = observed if observed is not None or counted is None else f"{counted} of {rows} rows"
    return Result(
        contract.name, rule.rule, rule.column, rule.severity, rows, counted, seen, limit_in_words(rule), is_broken
    )


def limit_in_words(rule: Check) -> str | None:
    """A rule's arguments for people: ``min_value 1, max_value 100``; long sets shortened; None where it has none."""
    words = []
    for key, value in rule.kwargs.items():
        if key in ("column", "column_A", "column_set"):
            continue
        text = ", ".join(str(one) for one in value) if isinstance(value, list) else str(value)
        words.append(f"{key} {text if len(text) <= 80 else text[:77] + '...'}")
    return ", ".join(words) or None


def _shown(contract: Contract, rule: Check, observed: Any) -> str:
    column = contract.columns.get(str(rule.column))
    is_of_people = column is not None and column.privacy != "none"
    return "not shown" if is_of_people and not isinstance(observed, int | float) else str(observed)


def _columns_of(rule: Check) -> set[str]:
    named = {rule.kwargs[key] for key in ("column", "column_A", "column_B") if key in rule.kwargs}
    return named | set(rule.kwargs.get("column_list") or ())


def _named(rule: Check) -> Column:
    facts = {"column": rule.column, "rule": rule.rule, "severity": rule.severity}
    return F.struct(*[F.lit(value).alias(key) for key, value in facts.items()])
