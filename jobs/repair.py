"""A repair: late rows get their own days, and the nights that are to be run again are named.

What is to be done is written down before anything moves, ``<lake>/<store>/repair.json``, and a night is done when it
was published after that and after the nights before it: a repair killed anywhere is finished by asking for it again,
whatever was run in the meantime.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime

from pyspark.sql import functions as F

from jobs.landed import redating
from jobs.lib import lineage, stages
from jobs.lib.objects import ObjectMissing, ObjectStore
from jobs.lib.settings import Settings
from jobs.lib.stages import Night

PLAN = "repair.json"


@dataclass(frozen=True)
class Plan:
    """From which day on nights are to be run again; ``redated_at`` (UTC, ISO) is None until the rows have moved."""

    first: str
    redated_at: str | None = None


def run(settings: Settings) -> list[date]:
    """Lands what has come since, moves late rows to their own days and prints the nights that are to use them; returns
    these, in order."""
    night = stages.looking("repair", settings, datetime.now(UTC).date())
    newest = lineage.last_completed(night.tables, "validated")
    if newest is not None:
        # Else a file that came after the newest night would be late only once the next night has landed it.
        stages.run("landed", settings, newest)
    place = night.place
    plan = read(place)
    oldest = night.events_from()
    looked = [redating.late(night, source, oldest) for source in night.store.sources.values()]
    found = [late for late in looked if late is not None]
    if found:
        first = min(str(late.first) for late in found)
        if plan is not None and nights(night, plan):
            first = min(first, plan.first)
        write(place, plan := Plan(first))
        for late in found:
            redating.redate(night, late, oldest)
            print(
                f"{late.source.name}: {late.rows:,} late rows of {len(late.files):,} files count from {late.first} on"
            )
    if plan is not None and plan.redated_at is None:
        write(place, plan := Plan(plan.first, datetime.now(UTC).isoformat()))
    due = nights(night, plan) if plan is not None else []
    print(f"nights to run again: {' '.join(map(str, due)) or 'none'}", flush=True)
    return due


def nights(night: Night, plan: Plan) -> list[date]:
    """The nights from the plan's first day on that were validated and are to be run again, in order."""
    log = lineage.runs(night.tables)
    if log is None:
        return []
    since = log.where(F.col("as_of") >= F.lit(plan.first).cast("date"))
    stages_of = since.groupBy("as_of").agg(
        F.count_if(F.col("stage") == "validated").alias("validated"),
        F.max(F.when(F.col("stage") == "published", F.col("finished_at"))).cast("double").alias("at"),
    )
    found = stages_of.where("validated > 0").orderBy("as_of").collect()
    return due([(row["as_of"], row["at"]) for row in found], plan)


def due(published: Sequence[tuple[date, float | None]], plan: Plan) -> list[date]:
    """Of nights in order, each with the time (seconds since 1970) when it was last published, the first that has not
    been since the rows moved, or was before an earlier one that it stands on, and all after it. Also one that was never
    published (None): what it took in is in its tables, and the next night stands on them."""
    if plan.redated_at is None:
        return [day for day, _ in published]
    newest = datetime.fromisoformat(plan.redated_at).timestamp()
    for place, (_, at) in enumerate(published):
        if at is None or at < newest:
            return [day for day, _ in published[place:]]
        newest = at
    return []


def read(place: ObjectStore) -> Plan | None:
    """The last repair that was asked for; None before the first."""
    try:
        return Plan(**json.loads(place.read(PLAN)))
    except ObjectMissing:
        return None


def write(place: ObjectStore, plan: Plan) -> None:
    """Puts the plan in the place of the last one."""
    place.put(PLAN, json.dumps(asdict(plan)).encode())
