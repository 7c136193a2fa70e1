"""What made what: one row per table that a completed stage wrote for a day.

The rows of one run are appended in one commit, last of all: they are the stage's completion, and a stage without them
is run again whole. The log is a table of its own because Delta's own history forgets after 30 days.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from pathlib import Path

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.lib.tables import Tables, Written, only_row

RUNS = "lineage.runs"
SCHEMA = (
    "stage string, as_of date, run_id string, table string, version long, rows long, seconds double, "
    "peak_bytes long, inputs array<struct<table:string,version:long>>, model_version string, code_version string, "
    "finished_at timestamp"
)


@dataclass(frozen=True)
class Completion:
    """The newest completed run of a stage for a day, the Delta versions of its tables, the champion it used, and when
    it had finished (all of a log's in one zone)."""

    stage: str
    as_of: date
    run_id: str
    versions: dict[str, int]
    model_version: str | None
    finished_at: datetime


def complete(
    tables: Tables,
    stage: str,
    as_of: date,
    written: Sequence[Written],
    seconds: float,
    peak_bytes: int | None,
    finished_at: datetime,
    model_version: str | None,
) -> None:
    """Appends the completion of ``stage`` for ``as_of``; a table written twice counts with its last version.
    ``peak_bytes`` is the most memory that it held on this machine (None: not known)."""
    run_id = f"{stage}-{as_of:%Y%m%d}-{finished_at:%Y%m%d%H%M%S%f}"
    inputs = [(name, version) for name, version in sorted(tables.pins.items())]
    last = {done.table: done for done in written}
    rows: list[tuple] = [
        (
            stage,
            as_of,
            run_id,
            done.table,
            done.version,
            done.rows,
            seconds,
            peak_bytes,
            inputs,
            model_version,
            code_version(),
            finished_at,
        )
        for done in sorted(last.values(), key=lambda done: done.table)
    ] or [
        (stage, as_of, run_id, None, None, 0, seconds, peak_bytes, inputs, model_version, code_version(), finished_at)
    ]
    frame = tables.spark.createDataFrame(rows, SCHEMA).coalesce(1)
    # A log that an older Daybreak began gains the columns that it lacks.
    frame.write.format("delta").mode("append").option("mergeSchema", "true").save(tables.path(RUNS))


def runs(tables: Tables) -> DataFrame | None:
    """All rows of the log, or None in a home where no stage has completed."""
    return tables.pinned({}).raw(RUNS)


def completions(tables: Tables, as_of: date) -> dict[str, Completion]:
    """The newest completion of every stage that completed for ``as_of``."""
    log = runs(tables)
    found: dict[str, Completion] = {}
    rows = [] if log is None else log.where(F.col("as_of") == F.lit(as_of)).orderBy("finished_at").collect()
    for row in rows:
        if row["stage"] not in found or found[row["stage"]].run_id != row["run_id"]:
            found[row["stage"]] = Completion(
                row["stage"], as_of, row["run_id"], {}, row["model_version"], row["finished_at"]
            )
        if row["table"]:
            found[row["stage"]].versions[row["table"]] = row["version"]
    return found


def completion(tables: Tables, stage: str, as_of: date) -> Completion | None:
    """The newest completion of ``stage`` for ``as_of``; None when it never completed."""
    return completions(tables, as_of).get(stage)


def last_completed(tables: Tables, stage: str, before: date | None = None) -> date | None:
    """The latest day for which ``stage`` completed, among those before ``before`` where it is given."""
    log = runs(tables)
    if log is None:
        return None
    days = log.where(F.col("stage") == stage)
    if before is not None:
        days = days.where(F.col("as_of") < F.lit(before))
    return only_row(days.agg(F.max("as_of")))[0]


def last_written(tables: Tables, table: str, before: date) -> date | None:
    """The latest day before ``before`` for which a completed stage wrote ``table``."""
    log = runs(tables)
    if log is None:
        return None
    return only_row(log.where((F.col("table") == table) & (F.col("as_of") < F.lit(before))).agg(F.max("as_of")))[0]


@cache
def code_version() -> str:
    """Twelve hexadecimal digits of the code, contracts and SQL that run: same tree, same version, git or not."""
    root = Path(__file__).parents[2]
    digest = hashlib.sha256()
    for folder in ("jobs", "expectations", "sql"):
        for path in sorted((root / folder).rglob("*")):
            if path.suffix in (".py", ".yml", ".sql"):
                digest.update(str(path.relative_to(root)).encode())
                digest.update(path.read_bytes())
    return digest.hexdigest()[:12]
