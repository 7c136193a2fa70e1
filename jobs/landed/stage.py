"""Landing: each delivered file exactly once, as received, into one table a source that is its own ledger.

List, look, decide, land. A file's rows and its identity go into one commit, so that a crash leaves a file either
landed or not; the same run again takes what is left. What is wrong with one file is said and kept in
``quarantine.files``; the others go on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from graphlib import TopologicalSorter

from pyspark.errors import PySparkException
from pyspark.sql import functions as F

from jobs.landed import files as listing
from jobs.landed import landing
from jobs.landed.decisions import Decisions, Entry, Refusal, decide
from jobs.landed.looks import GONE, UNREADABLE, looks
from jobs.landed.rows import OWN_COLUMNS
from jobs.landed.streams import Refused
from jobs.lib import lineage
from jobs.lib.errors import DaybreakError
from jobs.lib.objects import Object, ObjectStore
from jobs.lib.stages import Night, in_order
from jobs.lib.stores import Source

QUARANTINE = "quarantine.files"
# Files of a folder whose bytes are compared although size and time say that nothing changed: who copies a file can
# set its time back. S3 sets times itself.
COMPARED_BYTES = 2 << 30
MOST_WORDS = 20
REFUSAL = "source string, file string, sha256 string, row long, column string, rule string, detail string"


def run(night: Night) -> None:
    """Lands all files of the night's store that are new and known by the night's day."""
    place = listing.landing_place(night.store, night.settings)
    now = datetime.now(UTC)
    found = listing.listed(place, night.store.sources, now, timedelta(seconds=night.settings.settle_seconds))
    for file in found.unsettled:
        night.log(f"{file.key}: still being written, waits for the next night")
    if found.strangers:
        night.log(f"{len(found.strangers):,} files belong to no source of store.yml, such as {found.strangers[0]}")
    # A night that validation stopped is still open: a file mended for it counts in it.
    closed = lineage.last_completed(night.tables, "validated")

    def land(name: str) -> None:
        _land(night, place, night.store.sources[name], found.files[name], closed, now)

    in_order(TopologicalSorter(dict.fromkeys(night.store.sources, ())), land)


def _land(
    night: Night, place: ObjectStore, source: Source, files: Sequence[Object], closed: date | None, now: datetime
) -> None:
    """One source: what is new of it, in one commit."""
    entries, seen = ledger(night, source.name)
    days, unnamed = _days(source, files)
    due = [file for file in files if file.key in days and (days[file.key] or night.as_of) <= night.as_of]
    last = {entry.file: entry.sha256 for entry in sorted(entries, key=lambda entry: entry.version)}
    wanted = _worth_a_look(due, seen, place)
    found = looks(night.spark, place, source, wanted, last) if wanted else []
    same = {look.file for look in found if look.is_same}
    moving = listing.changed(place, [file for file in wanted if file.key not in same])
    settled = [look for look in found if look.file not in moving and look.rule != GONE]
    if place.root.startswith("s3://") and settled and all(look.rule == UNREADABLE for look in settled):
        # Not the files' fault: the way to them is shut. To refuse them would close the night without them.
        raise DaybreakError(settled[0].detail or "")
    made = decide(source, settled, days, entries, closed)
    made.refused += unnamed
    made.words += [f"{key}: changed while it was looked at, waits for the next night" for key in sorted(moving)]
    _quarantine(night, source, made.refused)
    if made.taken:
        _append(night, place, source, made, {file.key: file for file in wanted}, closed, now)
    _tell(night, source, made, len(files), len(due), rows=sum(one.look.rows for one in made.taken))


def ledger(night: Night, source: str) -> tuple[list[Entry], dict[str, tuple[int, datetime]]]:
    """All that landed of a source, the first first, and (size, time) of the newest version of each file."""
    table = night.tables.read_landed(source)
    if table is None:
        return [], {}
    rows = table.where(F.col("_row") == 0).select(*OWN_COLUMNS).collect()
    rows.sort(key=lambda row: (row["_received_at"], row["_known_day"], row["_file"], row["_file_version"]))
    facts = ("_file", "_file_version", "_sha256", "_rows", "_known_day")
    entries = [Entry(*[row[name] for name in facts], columns=tuple(row["_columns"] or ())) for row in rows]  # type: ignore[misc]
    # Spark gives moments in the machine's own zone and without saying so: that is how they are compared.
    newest = sorted(rows, key=lambda row: row["_file_version"])
    return entries, {row["_file"]: (row["_bytes"], row["_modified_at"].astimezone(UTC)) for row in newest}


def _days(source: Source, files: Sequence[Object]) -> tuple[dict[str, date | None], list[Refusal]]:
    """The day that each file's name tells, and a refusal for a name that tells none."""
    days: dict[str, date | None] = {}
    unnamed = []
    for file in files:
        try:
            days[file.key] = listing.day_in(file.key, source.known)
        except Refused as problem:
            unnamed.append(Refusal(file.key, "", 0, "", problem.rule, problem.detail))
    return days, unnamed


def _worth_a_look(due: Sequence[Object], seen: dict[str, tuple[int, datetime]], place: ObjectStore) -> list[Object]:
    """Files that are new or may have changed, those of a folder that seem unchanged up to a bound, newest first."""
    left = 0 if place.root.startswith("s3://") else COMPARED_BYTES
    wanted = []
    for file in sorted(due, key=lambda file: file.modified_at, reverse=True):
        if seen.get(file.key) != (file.size, file.modified_at):
            wanted.append(file)
        elif file.size <= left:
            left -= file.size
            wanted.append(file)
    return wanted


def _append(
    night: Night,
    place: ObjectStore,
    source: Source,
    made: Decisions,
    files: dict[str, Object],
    closed: date | None,
    now: datetime,
) -> None:
    table = night.tables.read_landed(source.name)
    present = [name for name in table.columns if name not in OWN_COLUMNS] if table is not None else []
    columns = landing.columns_of(made.taken, [*present, *(source.columns or ())])
    rows = landing.rows_of(night.spark, place, source, made.taken, files, columns)
    frame = landing.dated(rows, source.known, night.store.timezone, night.as_of, closed, now)
    try:
        night.tables.append_landed(source.name, frame, sum(one.look.rows for one in made.taken))
    except PySparkException as error:
        if landing.CHANGED in str(error):
            what = f"a file of {source.name} {landing.CHANGED}; nothing of it landed"
            raise DaybreakError(f"{what}: run the same command again") from error
        raise


def _quarantine(night: Night, source: Source, refused: Sequence[Refusal]) -> None:
    """Adds refusals that are not there yet, those of this night and source in one commit: a run again adds nothing."""
    rows = [(night.as_of, source.name, *vars(one).values()) for one in refused]
    table = night.tables.pinned({}).raw(QUARANTINE)
    if not rows:
        return
    new = night.spark.createDataFrame(rows, f"known_day date, {REFUSAL}")
    # Two sources land at a time: neither may take the other's rows with it.
    this_night = f"known_day = DATE'{night.as_of}' AND source = '{source.name}'"
    if table is not None:
        keys = ["source", "file", "sha256", "row", "column", "rule", "detail"]
        new = new.join(table.select(*keys), keys, "left_anti").select(*new.columns)
        if new.isEmpty():
            return
        new = table.where(this_night).select(*new.columns).unionByName(new)
    night.tables.replace_where(QUARANTINE, new, this_night, rows=new.count())


def _tell(night: Night, source: Source, made: Decisions, files: int, due: int, rows: int) -> None:
    """The night's words on one source."""
    for word in made.words[:MOST_WORDS]:
        night.log(f"{source.name}: {word}")
    if len(made.words) > MOST_WORDS:
        night.log(f"{source.name}: and {len(made.words) - MOST_WORDS:,} words more of that kind")
    whole = [one for one in made.refused if one.row == 0]
    for one in whole[:MOST_WORDS]:
        night.log(f"{source.name}: REFUSED {one.file}: {one.rule}: {one.detail}")
    if len(whole) > MOST_WORDS:
        kinds = Counter(one.rule for one in whole).items()
        night.log(f"{source.name}: {len(whole):,} files refused: {', '.join(f'{n:,} {rule}' for rule, n in kinds)}")
    later = files - due - sum(one.rule == "known_day" for one in whole)
    waiting = f"; {later:,} of later days" if later else ""
    taken = f"{len(made.taken):,} of {files:,} files are new, {rows:,} rows"
    night.log(f"{source.name}: {taken}; {len(whole):,} refused{waiting}")
