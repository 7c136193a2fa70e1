"""Brings published releases into the store's warehouse: files checked, rows in, then seen, in one transaction.

From the published files alone, beginning at ``current.json``. A table holds a release for each day; which release is
in force is one row of ``daybreak.releases``, and ``<table>_current`` shows its rows. What moved is in
``<table>_changes``. Loading what is there already changes nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from jobs.lib import stores
from jobs.lib.errors import DaybreakError
from jobs.lib.objects import FolderStore, ObjectStore
from jobs.lib.settings import Settings
from jobs.published import releases
from jobs.warehouse import changes, connections, files, layout, shapes
from jobs.warehouse.connections import Warehouse
from jobs.warehouse.layout import CURRENT, LOADED, Known
from jobs.warehouse.shapes import Shape


@dataclass(frozen=True)
class Found:
    """A published release: its manifest and the sha256 of the manifest's bytes, which names every file's own."""

    manifest: Mapping[str, Any]
    sha256: str

    @property
    def release(self) -> str:
        return self.manifest["release"]

    @property
    def day(self) -> str:
        return self.manifest["as_of"]

    @property
    def shapes(self) -> list[Shape]:
        """The release's tables."""
        return [
            shapes.of_manifest(self.manifest["product"], name, entry) for name, entry in self.manifest["tables"].items()
        ]

    @property
    def rows(self) -> int:
        return sum(table["rows"] for table in self.manifest["tables"].values())


def run(settings: Settings, as_of: date) -> None:
    """Loads the releases of the night and makes visible what is current, product by product, and prints what was done.

    Raises DaybreakError at the end, naming each product of which no release of the night is there or that could not be
    loaded; the others are.
    """
    if settings.warehouse == connections.NONE:
        print("no warehouse is set (DAYBREAK_WAREHOUSE): nothing to load")
        return
    store, refused = stores.load(settings).name, []
    for product in settings.products:
        try:
            print(f"[warehouse {as_of}] {product}: {bring(settings, store, product, as_of)}", flush=True)
        except DaybreakError as error:
            refused.append(f"{product}: {error}")
    if refused:
        raise DaybreakError("; ".join(refused))


def bring(settings: Settings, store: str, product: str, as_of: date | None = None) -> str:
    """Brings the warehouse to what the product's pointer says; returns a sentence on what was done.

    With ``as_of`` the night's own release is loaded too where readers are on another night's (a backfill), and it is
    an error that there is none.
    """
    place = releases.open_product(settings, store, product)
    pointer = releases.current(place)
    if pointer is None:
        raise DaybreakError("nothing has been published yet")
    is_other = as_of is not None and pointer["as_of"] != as_of.isoformat()
    own = releases.newest(place, as_of) if is_other and as_of else None
    # The pointer's first: the night's own may take the place of the day that readers are still on.
    told = [_load(settings, store, place, found(place, pointer["release"]), is_current=True)]
    if own:
        told.append(_load(settings, store, place, found(place, own["release"]), is_current=False))
    if is_other and own is None:
        raise DaybreakError(f"no release of {as_of} is published; {told[-1]}")
    return "; ".join(told)


def found(place: ObjectStore, release: str) -> Found:
    """A release that the publication names."""
    content = place.read(releases.manifest_key(release))
    return Found(json.loads(content), hashlib.sha256(content).hexdigest())


def _load(settings: Settings, store: str, place: ObjectStore, one: Found, is_current: bool) -> str:
    product = one.manifest["product"]
    with connections.opened(settings, store, is_looking=True) as warehouse:
        state, before = _standing(warehouse, store, one)
    if told := _needless(place, one, state, before, is_current):
        return told
    with ExitStack() as stack:
        # Fetched before the transaction begins: nobody waits for it meanwhile, and no database ends it for being idle.
        paths = {} if state == LOADED else stack.enter_context(files.staged(place, one.manifest))
        warehouse = stack.enter_context(connections.opened(settings, store))
        state, before = _standing(warehouse, store, one)
        if told := _needless(place, one, state, before, is_current):
            return told
        layout.prepare(warehouse, one.shapes)
        absent = layout.absent(warehouse, product, one.shapes)
        now = _moment(before)
        at = now if is_current else None
        if at is not None and before is not None:
            for shape in absent:
                _note_gone(warehouse, shape, before, one.release, at)
        if state == LOADED:
            for shape in one.shapes:
                rows = warehouse.rows_of(shape, one.day)
                _note_changes(warehouse, place, shape, before, rows, one.release, now)
        else:
            _replace_day(warehouse, place, one, paths, before, at)
            for shape in absent:
                warehouse.execute(layout.drop_day(shape, one.day))
        facts = {"store": store, "product": product, "release": one.release, "as_of": one.day}
        facts |= {"rows": one.rows, "sha256": one.sha256, "loaded_at": datetime.now(UTC), "changed_at": at}
        layout.record(warehouse, facts | {"state": CURRENT if is_current else LOADED}, is_new=state != LOADED)
        layout.drop_expired(warehouse, [*one.shapes, *absent], product, settings.warehouse_days)
    if not is_current:
        return f"{one.release} of {one.day} loaded, its readers stay on another night"
    after = f", after {before.release}" if before else ""
    return f"readers of the warehouse see {one.release} of {one.day}, {one.rows:,} rows{after}"


def _standing(warehouse: Warehouse, store: str, one: Found) -> tuple[str | None, Known | None]:
    """The state of a release in the warehouse, None where it is not there, and the release that readers see."""
    there = layout.releases_of(warehouse, store, one.manifest["product"])
    state = next((known.state for known in there if known.release == one.release), None)
    return state, next((known for known in there if known.state == CURRENT), None)


def _needless(place: ObjectStore, one: Found, state: str | None, before: Known | None, is_current: bool) -> str | None:
    """Why there is nothing to load; None where there is."""
    if state == CURRENT or (state == LOADED and not is_current):
        return f"{one.release} is in the warehouse already"
    if is_current and (releases.current(place) or {}).get("release") != one.release:
        return f"{one.release} is no longer current: who moved the pointer loads what it names"
    if not is_current and before is not None and before.as_of == one.day:
        return f"{one.release} is not loaded: readers are on an earlier release of its day"
    return None


def _moment(before: Known | None) -> datetime:
    """When readers get to see a release: now, but after the last one also where a clock was set back, since a tool
    asks for the changes after those that it has moved."""
    now = datetime.now(UTC)
    return max(now, before.changed_at + timedelta(microseconds=1)) if before and before.changed_at else now


def _replace_day(
    warehouse: Warehouse,
    place: ObjectStore,
    one: Found,
    paths: Mapping[str, list[str]],
    before: Known | None,
    at: datetime | None,
) -> None:
    """The rows of the release's day become those of its files; what moved is worked out before the old ones go."""
    if not paths:
        raise DaybreakError(f"another load has just dropped {one.release}: run this again")
    for shape in one.shapes:
        fresh = files.rows(shape, paths[shape.table])
        if at is not None:
            _note_changes(warehouse, place, shape, before, fresh, one.release, at)
        warehouse.execute(layout.drop_day(shape, one.day))
        rows, promised = warehouse.append(shape, fresh), one.manifest["tables"][shape.table]["rows"]
        if rows != promised:
            raise DaybreakError(f"{shape.table} of {one.release} has {rows:,} rows, its manifest says {promised:,}")


def _note_changes(
    warehouse: Warehouse, place: ObjectStore, shape: Shape, before: Known | None, after: str, release: str, at: datetime
) -> None:
    """Adds what moved from the release that readers saw to the rows of ``after``."""
    was = _seen(warehouse, place, shape, before) if before else None
    warehouse.append(shapes.changes_of(shape), changes.between(shape, was, after, release, at))


def _note_gone(warehouse: Warehouse, shape: Shape, before: Known, release: str, at: datetime) -> None:
    """Adds that the rows of a table went which the release does not have (what it is made from is missing now)."""
    was = warehouse.rows_of(shape, before.as_of)
    nothing = f"SELECT * FROM ({was}) WHERE false"
    warehouse.append(shapes.changes_of(shape), changes.between(shape, was, nothing, release, at))


def _seen(warehouse: Warehouse, place: ObjectStore, shape: Shape, before: Known) -> str:
    """The rows that readers saw: from that release's files where they are all here, several times quicker than from a
    database; else from the warehouse."""
    earlier = releases.manifest(place, before.release)
    if isinstance(place, FolderStore) and earlier is not None and releases.is_whole(place, earlier):
        entry = earlier["tables"].get(shape.table, {"columns": []})
        if set(shape.names) <= {column["name"] for column in entry["columns"]}:
            return files.rows(shape, [place.uri(file["key"]) for file in entry["files"]])
    return warehouse.rows_of(shape, before.as_of)
