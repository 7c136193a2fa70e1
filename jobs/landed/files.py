"""Which files of a store lie in its landing place: their names, whether they are whole, the day that a name tells."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path

from jobs.landed.streams import Refused
from jobs.lib.errors import DaybreakError
from jobs.lib.marked import shown
from jobs.lib.objects import Object, ObjectStore, open_store
from jobs.lib.settings import Settings
from jobs.lib.stores import Known, Source, Store

UNFINISHED = (".tmp", ".part", ".partial", ".crdownload", ".filepart")
BEGINNING = date(1970, 1, 1)
DAY_LETTERS = {"yyyy": r"%Y", "MM": r"%m", "dd": r"%d"}


@dataclass(frozen=True)
class Listing:
    """What the landing place holds: settled files by source, and the keys still being written or of no source."""

    files: dict[str, list[Object]]
    unsettled: list[Object]
    strangers: list[str]


def landing_place(store: Store, settings: Settings) -> ObjectStore:
    """Where a store's files lie; a folder that is not there is an error, not an empty day."""
    place = open_store(store.landing, settings)
    if not store.landing.startswith("s3://") and not Path(place.root).is_dir():
        raise DaybreakError(
            f"the landing place {place.root} is not there, where the files of {store.name} are to lie: "
            f"correct 'landing' in {shown(store.folder / 'store.yml')}, or DAYBREAK_LANDING"
        )
    return place


def listed(place: ObjectStore, sources: dict[str, Source], now: datetime, settle: timedelta) -> Listing:
    """All files below the landing place. One changed within ``settle`` before ``now`` is still being written; S3
    shows an object only when it is whole, so it need not settle there."""
    found = Listing({name: [] for name in sources}, [], [])
    is_folder = not place.root.startswith("s3://")
    for file in _visible(place):
        names = [name for name, source in sources.items() if _pattern(source.where).fullmatch(file.key)]
        if not names:
            found.strangers.append(file.key)
        elif is_folder and now - file.modified_at < settle:
            found.unsettled.append(file)
        else:
            for name in names:
                found.files[name].append(file)
    return found


def changed(place: ObjectStore, before: list[Object]) -> set[str]:
    """Keys of files that are no longer as they were when they were listed: somebody is writing them."""
    now = {file.key: file for file in place.list()} if before else {}
    return {file.key for file in before if now.get(file.key) != file}


def day_in(key: str, known: Known) -> date | None:
    """The day from which a file's rows count where its name or nothing tells it; None where its rows do."""
    if known.kind == "always":
        return BEGINNING
    if known.kind != "name":
        return None
    assert known.pattern is not None and known.format is not None
    found = re.search(known.pattern, key)
    if found is None:
        raise Refused("known_day", f"the name tells no day; expected it to match {known.pattern} (store.yml, known)")
    layout = known.format
    for letters, sign in DAY_LETTERS.items():
        layout = layout.replace(letters, sign)
    try:
        return datetime.strptime(found.group(1), layout).date()
    except ValueError:
        raise Refused("known_day", f"{found.group(1)!r} in the name is no day of the form {known.format}") from None


def _visible(place: ObjectStore) -> Iterator[Object]:
    """Files that are not hidden, a tool's own, or named as unfinished."""
    for file in place.list():
        parts = file.key.split("/")
        if not any(part.startswith((".", "_")) for part in parts) and not file.key.lower().endswith(UNFINISHED):
            yield file


@cache
def _pattern(where: str) -> re.Pattern[str]:
    """A glob as a regular expression: ``*`` and ``?`` stay within a folder, ``**/`` goes through any number of them."""
    signs = {"**/": "(?:[^/]+/)*", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    parts = re.split(r"(\*\*/|\*\*|\*|\?|\[[^\]]+\])", where)
    return re.compile("".join(signs.get(part, part if part.startswith("[") else re.escape(part)) for part in parts))
