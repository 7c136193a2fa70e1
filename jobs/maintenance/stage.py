"""Retention and housekeeping: session-level detail goes after its days, small files become few, dead ones are removed.

What of the detail is wanted later stays in ``features.item_weekly`` and ``features.customer_item_weekly``, kept for
ever: nothing is dropped before they hold it. Features of a day are dropped after two weeks, since a night that is run
again makes them again. Deleted rows leave the disk when VACUUM finds them older than Delta's seven days, so that a
night that is being re-read never loses a file. Days count from the newest night (those of session-level events alone
from the day asked for): where a store's nights lie in the past, today is no reason to drop what they left.
"""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import PurePosixPath

from jobs.lib import contracts, lineage, mappings, objects, retention
from jobs.lib.objects import ObjectStore
from jobs.lib.stages import FEATURE_DAYS, Night
from jobs.lib.tables import SUPERSEDED, Written, only_row
from jobs.published import history, releases

DETAIL = "validated.events"
PART = re.compile(r"/as_of=(?P<day>[^/]+)/release=(?P<release>[^/]+)/")
# Fewer files than this are read as fast as one.
MOST_FILES = 32


def run(night: Night) -> None:
    """Drops what has expired and what killed publications left, compacts and vacuums every table of the store, and
    completes ``maintenance``."""
    # How long what people did is kept is a promise to them, whatever the store's nights do meanwhile.
    expired = night.as_of - timedelta(days=night.settings.events_retention_days)
    night = no_later_than_nights(night)
    written = [*drop_detail(night, expired), *drop_features(night)]
    for product in night.settings.products:
        drop_releases(night, product)
        place = releases.open_product(night.settings, night.store.name, product)
        drop_unpublished(night, place)
        sweep(night, place)
    sweep(night, night.place)
    # Two at a time: most of a small table's turn is waiting for the log.
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda name: compact(night, name), lake_tables(night)))
    lineage.complete(night.tables, "maintenance", night.as_of, written, 0.0, None, datetime.now(UTC), None)


def no_later_than_nights(night: Night) -> Night:
    """The night as of the newest one that has features, where it is asked for a later day."""
    newest = lineage.last_completed(night.tables, "features")
    return night if newest is None or newest >= night.as_of else replace(night, as_of=newest)


def drop_detail(night: Night, expired: date) -> list[Written]:
    """Deletes events that happened and became known before ``expired``, landed ones too; a landed file's own row stays,
    since it is what tells that the file has been seen. Returns the new versions; none where the weekly tables lag."""
    aggregated = lineage.last_completed(night.tables, "features")
    if night.tables.raw(DETAIL) is None:
        return []
    if aggregated is None or aggregated < expired:
        night.log(
            f"events before {expired} stay: the weekly tables hold what was known by {aggregated}, run features first"
        )
        return []
    day = f"DATE'{expired}'"
    conditions = {
        DETAIL: f"event_date < {day} AND known_day < {day}",
        SUPERSEDED: f"`table` = '{DETAIL}' AND known_day < {day}",
        **{f"landed.{source}": f"_row > 0 AND _known_day < {day}" for source in only_events(night)},
    }
    whole = {name: night.tables.raw(name) for name in conditions}
    going = [name for name, frame in whole.items() if frame is not None and not frame.where(conditions[name]).isEmpty()]
    if going:
        # First said, then done: a night that is made again must not take what is left for all there was.
        retention.dropping(night.place, expired)
    return [delete(night, name, conditions[name]) for name in going]


def drop_features(night: Night) -> list[Written]:
    """Deletes the daily features of nights more than ``FEATURE_DAYS`` days ago."""
    day = f"DATE'{night.as_of - timedelta(days=FEATURE_DAYS)}'"
    daily = [name for name in contracts.names("features") if contracts.load(name).history == "daily"]
    return [delete(night, name, f"as_of < {day}") for name in daily if night.tables.exists(name)]


def drop_releases(night: Night, product: str) -> None:
    """Removes releases of nights more than DAYBREAK_RELEASE_RETENTION_DAYS ago. Never the one that readers see, nor the
    one that a rollback to ``previous`` goes to, nor that of one under way. The manifest goes first: what has none is no
    release."""
    known = releases.list_releases(night.settings, night.store.name, [product])
    current = next((one for one in known if one.is_current), None)
    if current is None:
        return
    place = releases.open_product(night.settings, night.store.name, product)
    needed = {one.release for one in (current, releases.previous(known)) if one is not None}
    decision = history.unfinished(place)
    if decision is not None:
        needed.add(decision.to)
    expired = (night.as_of - timedelta(days=night.settings.release_retention_days)).isoformat()
    old = [one.release for one in known if one.as_of < expired and one.release not in needed]
    gone = [release for release in old if drop_release(place, release)]
    if gone:
        night.log(f"{product}: {len(gone):,} releases of nights before {expired} removed")


def drop_release(product: ObjectStore, release: str) -> bool:
    """Removes a release unless a rollback goes there. One may be decided at this very moment: it is noted before its
    release is looked at, and here looked for after the manifest went; so that one of the two sees the other."""
    key = releases.manifest_key(release)
    content = product.read(key)
    product.delete([key])
    pointer, decision = releases.current(product), history.unfinished(product)
    if release in (pointer["release"] if pointer else None, decision.to if decision else None):
        product.put(key, content)
        return False
    product.delete(list(releases.parts_of(json.loads(content))))
    return True


def drop_unpublished(night: Night, product: ObjectStore) -> None:
    """Deletes parts of earlier nights' releases that have no manifest: their publication was killed, and readers never
    saw them. Those of this night are left, they may be on their way."""
    published = {PurePosixPath(entry.key).stem for entry in product.list("releases/")}
    orphans = []
    for entry in product.list(""):
        found = PART.search(entry.key)
        if found and found["release"] not in published and found["day"] < night.as_of.isoformat():
            orphans.append(entry.key)
    if orphans:
        product.delete(orphans)
        night.log(f"{product.uri('')}: {len(orphans):,} files of unfinished releases removed")


def sweep(night: Night, place: ObjectStore) -> None:
    """Removes files that were being written when their process was killed, more than a day ago."""
    if left := objects.sweep(place, datetime.now(UTC) - timedelta(days=1)):
        night.log(f"{place.root}: {left:,} half-written files removed")


def only_events(night: Night) -> list[str]:
    """Sources that the mapping of events reads and no other does: session-level detail and nothing else."""
    reads = {table: set(mappings.mentioned(path, night.store.sources)) for table, path in night.store.mappings.items()}
    others = set().union(*[sources for table, sources in reads.items() if table != "events"])
    return sorted(reads.get("events", set()) - others)


def delete(night: Night, name: str, condition: str) -> Written:
    """Deletes the rows of a table that meet ``condition``; the new version and how many went."""
    path = night.tables.path(name)
    gone = int(only_row(night.spark.sql(f"DELETE FROM delta.`{path}` WHERE {condition}"))[0])
    version = only_row(night.spark.sql(f"DESCRIBE HISTORY delta.`{path}` LIMIT 1").select("version"))[0]
    if gone:
        night.log(f"{name}: {gone:,} expired rows dropped")
    return Written(name, int(version), gone)


def lake_tables(night: Night) -> list[str]:
    """Every table of the store that has been written."""
    names = [*contracts.names(), *[f"landed.{source}" for source in night.store.sources], lineage.RUNS]
    return [name for name in names if night.tables.exists(name)]


def compact(night: Night, name: str) -> None:
    """Many small files become few; what no version of the last seven days needs is removed."""
    path = night.tables.path(name)
    files = int(only_row(night.spark.sql(f"DESCRIBE DETAIL delta.`{path}`").select("numFiles"))[0])
    if files > MOST_FILES:
        night.spark.sql(f"OPTIMIZE delta.`{path}`")
        night.log(f"{name}: {files} files compacted")
    night.spark.sql(f"VACUUM delta.`{path}`")
