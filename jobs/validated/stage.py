"""Landed rows become typed, judged tables: mapped, cast, row rules, cleaning, then the rules of the night's own day.

A run validates the days after the night before it, up to its own, in one batch. Rows that break a rule go to
``quarantine.<table>``; a table that breaks one stays as it was, and the stage fails at its end, the other tables
written. All that was found is in ``quality.results``.
"""

from __future__ import annotations

import time
from datetime import timedelta
from graphlib import TopologicalSorter

from pyspark.errors import PySparkException

from jobs.lib import contracts, lineage, mappings
from jobs.lib.errors import DaybreakError, RuleBroken
from jobs.lib.stages import Night, in_order
from jobs.lib.stores import Store
from jobs.validated import arrivals, rules
from jobs.validated.arrivals import Arrivals, Span
from jobs.validated.batch import Batch
from jobs.validated.rules import Finding

RESULTS = "quality.results"


def run(night: Night) -> None:
    """Validates every table that the store maps. Raises RuleBroken, after all tables, when one stopped."""
    span = pending(night)
    night.log(
        f"validating what was known {'' if span.first == arrivals.FIRST_DAY else f'from {span.first} '}to {span.last}"
    )
    came = arrivals.arrived(night, span)
    findings: list[Finding] = []
    in_order(order(night.store), lambda table: findings.extend(validate(night, table, came)))
    night.tables.replace_where(RESULTS, rules.frame(night.spark, findings), span.condition, rows=len(findings))
    broken = [finding for finding in findings if finding.stops]
    if broken:
        told = [f"{finding.table}: {finding.rule}: {finding.observed} (expected {finding.limit})" for finding in broken]
        others = f"; also {'; '.join(told[1:])}" if told[1:] else ""
        detail = (
            f"{broken[0].observed} (expected {broken[0].limit}){others}. Nothing of it is visible, the last release "
            f"stays; look at quality.results of {night.as_of}, mend the files or the mapping, and run the night again"
        )
        raise RuleBroken(broken[0].table, broken[0].rule, detail)


def pending(night: Night) -> Span:
    """The days that this night validates: all after the night before it that completed, all there are on the first."""
    kept_from = night.events_from()
    if kept_from and night.as_of < kept_from:
        raise DaybreakError(
            f"the night of {night.as_of} cannot be made again: session-level events before {kept_from} were dropped "
            f"(DAYBREAK_EVENTS_RETENTION_DAYS, {night.settings.events_retention_days})"
        )
    before = lineage.last_completed(night.tables, "validated", before=night.as_of)
    return Span(before + timedelta(days=1) if before else arrivals.FIRST_DAY, night.as_of)


def order(store: Store) -> TopologicalSorter:
    """The store's tables, each after those to which its contract refers."""
    known = sorted(store.mappings)
    refers = {
        table: {
            reference.table.split(".", 1)[1]
            for reference in contracts.load(f"validated.{table}").limits.references.values()
        }
        & set(known)
        for table in known
    }
    return TopologicalSorter(refers)


def validate(night: Night, table: str, came: Arrivals) -> list[Finding]:
    """One table: mapped, judged, cleaned and, where no table rule stops it, written. Returns all that was found."""
    started = time.monotonic()
    path = night.store.mappings[table]
    reads = mappings.mentioned(path, night.store.sources)
    silent = [name for name in reads if name not in came.views]
    if silent:
        if table == "order_lines":
            raise DaybreakError(
                f"no files of {', '.join(silent)} have landed, and order_lines needs them: look at `where` in store.yml"
            )
        night.log(f"{table}: no files of {', '.join(silent)} yet, left out")
        return []
    mapped = mappings.run(night.spark, path, came.views, mappings.parameters(night.store, night.as_of))
    cast = mappings.cast(mapped, contracts.load(f"validated.{table}"), night.store)
    try:
        batch = Batch(came, table, cast, reads)
        findings = batch.judged()
        stops = [finding.rule for finding in findings if finding.stops]
        batch.quarantine()
        if not stops:
            batch.commit()
    except PySparkException as error:
        if error.getCondition() in mappings.BAD_VALUES:
            raise DaybreakError(mappings.explained(error, path, came.views)) from error
        raise
    said = f"stopped by {', '.join(stops)}" if stops else f"{batch.accepted_rows:,} rows"
    night.log(f"{table}: {said}, {batch.quarantined_rows:,} quarantined, {time.monotonic() - started:.1f} s")
    for finding in findings:
        if finding.is_broken and finding.severity == "warning":
            night.log(f"{table}: {finding.rule} {finding.column}: {finding.observed} (expected {finding.limit})")
    return findings
