"""The house's rules about a table's rows of one night: volume, freshness, missing days, quarantined share, references.

Each returns a :class:`Finding`, kept in ``quality.results``; a critical one that is broken stops the night's table.
They judge the night's own day only: history that is loaded in one go is never stopped.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple, dataclass, fields
from datetime import date, timedelta
from statistics import median

import holidays
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs.lib.contracts import Contract
from jobs.lib.stores import Store
from jobs.lib.tables import only_row

# With fewer past weeks than the contract asks for the median says less: only half its share is demanded then.
FEWEST_WEEKS = 2
# One bad row among fifteen is a bad row, and no bad night.
FEWEST_BROKEN = 5
# Sales of a day vary as the square root of what is usual, and more: a small shop has days without any.
VOLUME_SDS = 4.0
# Open days in a row without any file: longer than a store's holidays, and somebody must be told.
MOST_MISSING_DAYS = 14
SCHEMA = (
    "table string, known_day date, rule string, column string, severity string, rows long, broken long, "
    "observed string, limit string, is_broken boolean"
)


@dataclass(frozen=True)
class Finding:
    """What one rule found in one table's rows of one day; a row of quality.results."""

    table: str
    known_day: date
    rule: str
    column: str
    severity: str
    rows: int
    broken: int
    observed: str | None
    limit: str | None
    is_broken: bool

    @property
    def stops(self) -> bool:
        """Whether the table must not become visible."""
        return self.is_broken and self.severity == "critical"


def judged(
    contract: Contract,
    day: date,
    rule: str,
    rows: int,
    observed: str | None,
    limit: str | None,
    is_broken: bool,
    *,
    broken: int | None = None,
    column: str = "",
    severity: str = "critical",
) -> Finding:
    """A finding about a table's rows of a day; a rule about the table as a whole breaks once or not at all."""
    times = int(is_broken) if broken is None else broken
    return Finding(contract.name, day, rule, column, severity, rows, times, observed, limit, is_broken)


def frame(spark: SparkSession, findings: list[Finding]) -> DataFrame:
    """The findings as rows of quality.results, in a fixed order."""
    rows = sorted((astuple(finding) for finding in findings), key=lambda row: tuple(str(value) for value in row))
    return spark.createDataFrame(rows, SCHEMA).select(*[field.name for field in fields(Finding)])


def is_open(store: Store, day: date) -> bool:
    """Whether the store sells on ``day``; one that delivers by week has no open days of its own."""
    return store.period == "day" and day.weekday() not in store.closed_weekdays


def is_holiday(store: Store, day: date) -> bool:
    """Whether ``day`` is a public holiday of the country whose holidays the store says that it keeps."""
    return store.holidays_country is not None and day in holidays.country_holidays(store.holidays_country)


def missing_day(contract: Contract, store: Store, day: date, delivered: Mapping[date, int]) -> list[Finding]:
    """An open day without a file is told; so many in a row that no holiday explains them stop the night.

    ``delivered``: day → rows of the table's files, over at least the last ``MOST_MISSING_DAYS`` open days.
    """
    if not is_open(store, day) or day in delivered:
        return []
    streak = 0
    while streak <= MOST_MISSING_DAYS * 4 and day - timedelta(days=streak) not in delivered:
        streak += 1
    open_days = sum(is_open(store, day - timedelta(days=past)) for past in range(streak))
    observed = f"no file for {open_days} open days up to {day}" if open_days > 1 else f"no file for {day}, an open day"
    limit = f"a file for each open day; at most {MOST_MISSING_DAYS} missing in a row"
    severity = "critical" if open_days > MOST_MISSING_DAYS else "warning"
    return [judged(contract, day, "missing_day", 0, observed, limit, True, severity=severity)]


def volume(contract: Contract, store: Store, day: date, counts: Mapping[date, int]) -> list[Finding]:
    """The day's rows against the median of the same weekday in past weeks. ``counts``: known day → rows."""
    limits = contract.limits.volume
    if limits is None or not (is_open(store, day) or store.period == "week"):
        return []
    past = [counts.get(day - timedelta(days=7 * week), 0) for week in range(1, 2 * limits.weeks + 1)]
    past = [rows for rows in past if rows][: limits.weeks]
    rows = counts.get(day, 0)
    if len(past) < FEWEST_WEEKS:
        said = f"{rows} rows"
        return [judged(contract, day, "volume", rows, said, "too few past weeks to compare", False, severity="warning")]
    usual = median(past)
    share = limits.min_share if len(past) >= limits.weeks else limits.min_share / 2
    least = min(share * usual, usual - VOLUME_SDS * usual**0.5)
    compared = f"{rows} rows, {rows / usual:.2f} of the {usual:g} usual on this weekday ({len(past)} past weeks)"
    lowest = f"more than {least:.4g} rows" if least >= 0 else "any number: so few vary so much"
    highest = f"at most {limits.max_share:g} of the usual"
    is_peak = rows > limits.max_share * usual
    severity = "warning" if is_holiday(store, day) else "critical"
    return [
        judged(contract, day, "volume", rows, compared, lowest, rows <= least, severity=severity),
        judged(contract, day, "volume_peak", rows, compared, highest, is_peak, severity="warning"),
    ]


def freshness(
    contract: Contract, store: Store, day: date, newest: date | None, rows: int, lag_days: int
) -> list[Finding]:
    """Rows that count from the day must reach near to it: an old export under a new name does not. ``lag_days`` after
    they happened they are known by what store.yml says; a week's sums may be dated by its first day."""
    if contract.limits.freshness_days is None or newest is None:
        return []
    age = (day - newest).days
    allowed = contract.limits.freshness_days + lag_days + (6 if store.period == "week" else 0)
    limit = f"at most {allowed} days before {day}"
    broken = age > allowed
    observed = f"newest {contract.event_day} {newest}, {age} days before"
    column = contract.event_day or ""
    return [judged(contract, day, "freshness", rows, observed, limit, broken, column=column)]


def quarantined_share(contract: Contract, day: date, rows: int, quarantined: int) -> list[Finding]:
    """Rows kept out of a day against all that came for it."""
    limit = contract.limits.quarantined_share
    if limit is None or rows == 0:
        return []
    share = quarantined / rows
    observed = f"{quarantined} of {rows} rows ({share:.1%}) in quarantine.{contract.table}"
    most, severity = f"at most {limit:.1%}", _severity(quarantined, rows)
    is_broken = share > limit
    rule = "quarantined_share"
    return [judged(contract, day, rule, rows, observed, most, is_broken, broken=quarantined, severity=severity)]


def _severity(broken: int, rows: int) -> str:
    """Critical unless so few are broken that it may be chance, and not all are."""
    return "critical" if broken >= FEWEST_BROKEN or broken == rows else "warning"


def snapshot_share(contract: Contract, day: date, rows: int, visible: int, before: int) -> list[Finding]:
    """Keys of the day's snapshot against those that were there the day before: of a table of which the contract asks
    so, one with much less is a broken export, until the next one says the same. ``before``: rows of the snapshot that
    came before this one, whether its night went well or was stopped."""
    least = contract.limits.snapshot_min_share
    if visible == 0 or least is None:
        return []
    broken = rows < least * visible and not 0 < before < least * visible
    observed = f"{rows} keys, {visible} before"
    return [judged(contract, day, "volume", rows, observed, f"at least {least:.0%} of before, or twice less", broken)]


def reference(contract: Contract, day: date, column: str, rows: DataFrame, known: DataFrame) -> list[Finding]:
    """The share of the day's values of ``column`` that are keys of the table it refers to. ``known``: its rows."""
    limits = contract.limits.references[column]
    meant = rows.where(F.col(column).isNotNull())
    if "is_product" in rows.columns:
        meant = meant.where("is_product")
    keys = known.select(F.col(column)).distinct().withColumn("_found", F.lit(1))
    counts = F.count(F.lit(1)).alias("rows"), F.count("_found").alias("found")
    got = only_row(meant.join(keys, column, "left").agg(*counts))
    if not got["rows"]:
        return []
    lost = got["rows"] - got["found"]
    broken = got["found"] < limits.min_share * got["rows"]
    observed = f"{lost} of {got['rows']} rows name a {column} that {limits.table} does not know"
    limit = f"at least {limits.min_share:.0%} known"
    rule = f"reference_{limits.table}"
    severity = _severity(lost, got["rows"])
    return [
        judged(contract, day, rule, got["rows"], observed, limit, broken, broken=lost, column=column, severity=severity)
    ]
