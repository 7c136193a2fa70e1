"""The one place that runs Great Expectations: suites, their verdicts, and each rule's own condition as a Spark column.

Nothing here keeps or copies rows: results are asked for without values, and frames are neither cached nor collected.
Importing GX takes seconds, so those who need no suite do not import this module.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache, reduce
from operator import and_, or_
from typing import Any

import great_expectations as gx
from great_expectations.execution_engine import SparkDFExecutionEngine
from great_expectations.expectations.expectation import Expectation
from great_expectations.expectations.registry import get_metric_kwargs
from great_expectations.validator.metric_configuration import MetricConfiguration
from great_expectations.validator.metrics_calculator import MetricsCalculator
from pydantic import ValidationError
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs.lib import gx_names
from jobs.lib.contract_checks import Check
from jobs.lib.errors import DaybreakError

# What a pair or a list of columns with nulls in it means, in the words of the expectations' `ignore_row_if`.
IGNORED_WHEN_ANY_IS_MISSING = ("either_value_is_missing", "any_value_is_missing")
IGNORED_WHEN_ALL_ARE_MISSING = ("both_values_are_missing", "all_values_are_missing")

# It warns with whole tracebacks of what is raised here in words.
logging.getLogger("great_expectations").setLevel(logging.ERROR)


@dataclass(frozen=True)
class Verdict:
    """What GX found for one check: whether it held, and the figure it looked at where the check is about one."""

    check: Check
    is_held: bool
    observed: Any


def expectation(check: Check, number: int = 0) -> Expectation:
    """The check as GX's own object; DaybreakError with file and line where GX refuses the arguments."""
    made = getattr(gx.expectations, gx_names.known()[check.expectation].class_name)
    try:
        return made(**check.kwargs, severity=check.severity, meta={"rule": check.rule, "number": number})
    except (ValidationError, ValueError, TypeError) as error:
        raise DaybreakError(f"{check.place}: {check.expectation}: Great Expectations refuses it: {error}") from error


def suite(name: str, checks: Iterable[Check]) -> gx.ExpectationSuite:
    """A suite of the checks, in their order."""
    return gx.ExpectationSuite(name=name, expectations=[expectation(check, at) for at, check in enumerate(checks)])


def validate(frame: DataFrame, name: str, checks: Sequence[Check], with_figures: bool) -> list[Verdict]:
    """Runs the checks on the whole frame. ``with_figures`` also brings what was observed: only for checks that look at
    one figure of the table, since for others GX would bring values of rows. DaybreakError where a check cannot run."""
    if not checks:
        return []
    wanted = "BASIC" if with_figures else "BOOLEAN_ONLY"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        outcome = _batch(frame, name).validate(suite(name, checks), result_format={"result_format": wanted})
    verdicts = []
    # GX gives results in an order of its own; the number in the meta says which check each belongs to.
    for result in sorted(outcome.results, key=lambda one: one.expectation_config.meta["number"]):
        check = checks[result.expectation_config.meta["number"]]
        _raise_if_it_failed_to_run(check, result.exception_info)
        verdicts.append(Verdict(check, bool(result.success), (result.result or {}).get("observed_value")))
    return verdicts


class _OfNoRows(SparkDFExecutionEngine):
    """GX counts and looks at rows on the way to a condition, which is about columns alone: it is given a frame of no
    rows, and told what counts of that come to without a query of Spark's, most of a condition's time."""

    def resolve_metric_bundle(self, metric_fn_bundle: Any) -> dict:
        return {counted.metric_configuration.id: 0 for counted in metric_fn_bundle}


def conditions(frame: DataFrame, checks: Sequence[Check]) -> list[Column]:
    """For each row rule the condition under which GX counts a row as unexpected; never null, true where broken."""
    engine = _OfNoRows(spark=frame.sparkSession, persist=False)
    engine.load_batch_data("rows", frame.sparkSession.createDataFrame([], frame.schema))
    metrics = [_condition_metric(check) for check in checks]
    found, failed = MetricsCalculator(engine, show_progress_bars=False).compute_metrics(
        metrics, min_graph_edges_pbar_enable=10**9
    )
    columns = []
    for check, metric in zip(checks, metrics, strict=True):
        if metric.id not in found:
            info = next((entry["exception_info"] for entry in failed.values()), None)
            why = info.exception_message if info else "no reason given"
            raise DaybreakError(f"{check.place}: {check.expectation} on {check.column} could not be resolved: {why}")
        condition, domain, _ = found[metric.id]
        columns.append(F.coalesce(_among_the_asked(condition, domain, check), F.lit(False)))
    return columns


def _condition_metric(check: Check) -> MetricConfiguration:
    made = expectation(check)
    name = f"{made.map_metric}.condition"
    kwargs = get_metric_kwargs(metric_name=name, configuration=made.configuration, runtime_configuration=None)
    return MetricConfiguration(name, kwargs["metric_domain_kwargs"], kwargs["metric_value_kwargs"])


def _among_the_asked(condition: Column, domain: dict[str, Any], check: Check) -> Column:
    """GX filters the rows that `ignore_row_if` leaves out before it applies the condition; here both are one."""
    columns = check.kwargs.get("column_list") or [
        check.kwargs[key] for key in ("column_A", "column_B") if key in check.kwargs
    ]
    ignored = domain.get("ignore_row_if")
    present = [F.col(name).isNotNull() for name in columns]
    if ignored in IGNORED_WHEN_ANY_IS_MISSING:
        return reduce(and_, present, condition)
    if ignored in IGNORED_WHEN_ALL_ARE_MISSING:
        return condition & reduce(or_, present)
    return condition


def _batch(frame: DataFrame, name: str) -> Any:
    source = _source(frame.sparkSession)
    asset = source.add_dataframe_asset(name=f"{name} {len(source.assets)}")
    return asset.add_batch_definition_whole_dataframe("all").get_batch({"dataframe": frame})


@cache
def _source(spark: SparkSession) -> Any:
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    context.enable_analytics(False)
    return context.data_sources.add_spark(name="spark", persist=False)


def _raise_if_it_failed_to_run(check: Check, info: dict[str, Any] | None) -> None:
    entries = [info or {}] if "raised_exception" in (info or {}) else list((info or {}).values())
    for entry in entries:
        if entry.get("raised_exception"):
            raise DaybreakError(
                f"{check.place}: {check.expectation} on {check.column or 'the table'} could not be run: "
                f"{entry.get('exception_message')}"
            )
