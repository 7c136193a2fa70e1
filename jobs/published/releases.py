"""Releases of a product: immutable manifests, and one pointer to the release that readers see.

``<publish>/<store>/<product>/releases/<id>.json`` says all of a release; ``current.json`` beside it is replaced whole
by a conditional write. Nights move the pointer forward only: a backfilled older night publishes its release and
leaves the pointer where it is; going back is a person's decision and another command.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from jobs.lib import objects, stores
from jobs.lib.errors import DaybreakError
from jobs.lib.objects import ObjectMissing, ObjectStore, PreconditionFailed, measured
from jobs.lib.settings import Settings
from jobs.published import history

POINTER = "current.json"
ATTEMPTS = 20  # to move the pointer while others do


@dataclass(frozen=True)
class Release:
    """What a list of releases shows of one; ``rows`` and ``bytes`` are sums over its tables."""

    product: str
    release: str
    as_of: str
    created_at: str
    rows: int
    bytes: int
    model_versions: tuple[str, ...]
    verdict: Any
    is_current: bool
    is_withdrawn: bool = False


def open_product(settings: Settings, store_name: str, product: str) -> ObjectStore:
    """The objects of one product of one store."""
    return objects.open_store(f"{settings.publish}/{store_name}/{product}", settings)


def manifest_key(release: str) -> str:
    """Where a release's manifest lies below its product."""
    return f"releases/{release}.json"


def manifest(product: ObjectStore, release: str) -> dict[str, Any] | None:
    """All that is known of a release; None when there is none of this name."""
    try:
        return json.loads(product.read(manifest_key(release)))
    except ObjectMissing:
        return None


def newest(product: ObjectStore, day: date) -> dict[str, Any] | None:
    """The manifest of a day's newest release; None when none was published."""
    made = (json.loads(product.read(entry.key)) for entry in product.list(f"releases/{day:%Y%m%d}-"))
    return max(made, key=lambda content: content["created_at"], default=None)


def current(product: ObjectStore) -> dict[str, str] | None:
    """``{"release": id, "as_of": day}`` of what readers see; None before the first release."""
    try:
        return json.loads(product.read(POINTER))
    except ObjectMissing:
        return None


def parts_of(found: Mapping[str, Any]) -> dict[str, int]:
    """Key → size in bytes of every file that a manifest names."""
    return {file["key"]: file["bytes"] for table in found["tables"].values() for file in table["files"]}


def is_whole(product: ObjectStore, found: Mapping[str, Any]) -> bool:
    """Whether every file of a manifest is there in its size; a listing, nothing is read."""
    expected = parts_of(found)
    folders = {key.rpartition("/")[0] for key in expected}
    there = {entry.key: entry.size for folder in folders for entry in product.list(f"{folder}/")}
    return expected.items() <= there.items()


def is_unchanged(product: ObjectStore, found: Mapping[str, Any]) -> bool:
    """Whether every file of a manifest is there with the content that it promises; reads them all."""
    files = [file for table in found["tables"].values() for file in table["files"]]
    return is_whole(product, found) and all(measured(product, file["key"])[1] == file["sha256"] for file in files)


def advance(product: ObjectStore, release: str, as_of: str) -> str:
    """Point readers to a release unless they see a later night's; returns a sentence on what was done.

    Of two publishers at once the later night wins, whoever is last; for one night, the last to publish.
    """
    content = json.dumps({"release": release, "as_of": as_of}).encode()
    models = (manifest(product, release) or {"model_versions": ()})["model_versions"]
    for _ in range(ATTEMPTS):
        etag = product.etag(POINTER)
        # After the etag: who decides otherwise from here on finds the pointer where this leaves it.
        taken_back = history.withdrawing(history.rollbacks(product), release, as_of, models)
        if taken_back is not None:
            return f"{release} is published, and stays withdrawn by {taken_back.by}: {taken_back.why or 'no word why'}"
        seen = current(product) if etag is not None else None
        if seen is not None and seen["release"] == release:
            return f"{release} is current already"
        if seen is not None and seen["as_of"] > as_of:
            return f"{release} is published; current stays on the later night's {seen['release']}"
        try:
            product.put(POINTER, content, if_match=etag, if_absent=etag is None)
        except PreconditionFailed:
            continue
        return f"{release} is current" + (f", after {seen['release']}" if seen else "")
    raise DaybreakError(f"{product.uri(POINTER)} keeps changing: another run is writing it. Run this again.")


def list_releases(settings: Settings, store_name: str, products: Sequence[str] | None = None) -> list[Release]:
    """Every release of the products (those of the settings unless named), by night and then by time of making."""
    found = []
    for name in products or settings.products:
        product = open_product(settings, store_name, name)
        seen, decisions = current(product) or {"release": ""}, history.rollbacks(product)
        for entry in list(product.list("releases/")):
            content = json.loads(product.read(entry.key))
            tables, models = content["tables"].values(), tuple(content["model_versions"])
            found.append(
                Release(
                    name,
                    content["release"],
                    content["as_of"],
                    content["created_at"],
                    sum(table["rows"] for table in tables),
                    sum(file["bytes"] for table in tables for file in table["files"]),
                    models,
                    content["verdict"],
                    content["release"] == seen["release"],
                    history.withdrawing(decisions, content["release"], content["as_of"], models) is not None,
                )
            )
    return sorted(found, key=lambda one: (one.product, one.as_of, one.created_at))


def previous(known: Sequence[Release]) -> Release | None:
    """Where a rollback to ``previous`` goes: of one product's releases in order, the one before the current that nobody
    has withdrawn. None where there is no such, or nothing is current."""
    at = next((place for place, one in enumerate(known) if one.is_current), 0)
    return next((one for one in reversed(known[:at]) if not one.is_withdrawn), None)


def shown(found: Sequence[Release]) -> str:
    """The list as text for a terminal; an arrow marks what readers see, a cross what was taken back."""
    if not found:
        return "Nothing has been published yet."
    lines = [f"   {'release':23}{'product':18}{'as of':12}{'rows':>12}{'MB':>9}  {'model':14}verdict"]
    for one in found:
        mark = "->" if one.is_current else "x " if one.is_withdrawn else "  "
        models, size = ",".join(one.model_versions) or "none", f"{one.bytes / 1e6:.1f}"
        lines.append(
            f"{mark} {one.release:23}{one.product:18}{one.as_of:12}{one.rows:>12,}{size:>9}  {models:14}"
            f"{in_short(one.verdict)}"
        )
    return "\n".join(lines)


def in_short(verdict: Any) -> str:
    """What the evaluation let out, split by split where it judged by splits; its reasons are in the manifest."""
    if not isinstance(verdict, Mapping):
        return str(verdict) if verdict is not None else ""
    splits = {name: said.get("publishes") for name, said in verdict.items() if isinstance(said, Mapping)}
    told = [f"{name}: {publishes}" for name, publishes in splits.items() if publishes]
    return ", ".join(told) or json.dumps(verdict)


def decided(settings: Settings, store_name: str) -> list[str]:
    """A line for each rollback of the settings' products: what, who, when and why."""
    lines = []
    for name in settings.products:
        for one in history.rollbacks(open_product(settings, store_name, name)):
            state = "" if one.done_at else " (NOT FINISHED: run it again)"
            lines.append(
                f"{one.at[:16]} {name}: {one.before} -> {one.to} by {one.by}: {one.why or 'no word why'}{state}"
            )
    return lines


def run(settings: Settings) -> None:
    """Prints the releases of the settings' store and what people decided about them."""
    store = stores.load(settings).name
    found = list_releases(settings, store)
    print("\n".join([shown(found) + ("" if found else elsewhere(settings, store)), *decided(settings, store)]))


def elsewhere(settings: Settings, store_name: str) -> str:
    """Where nothing of a store was published: which stores there are releases of, as a sentence to add."""
    pointers = (entry.key.split("/") for entry in objects.open_store(settings.publish, settings).list())
    others = sorted({parts[0] for parts in pointers if len(parts) == 3 and parts[2] == POINTER} - {store_name})
    return f" There are releases of {', '.join(others)}: say which with STORE= (--store)." if others else ""
