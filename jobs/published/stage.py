"""Publication: the outputs of a night leave the lake as one whole release of each product.

The order makes it safe to die anywhere: parts first, each read back; then the manifest, which nobody may replace;
the pointer last. Until then readers see the release before. A release's name comes from its content, so the same
night again finds its release there and rewrites nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.lib import contracts, lineage, registry
from jobs.lib.contracts import Contract
from jobs.lib.errors import DaybreakError
from jobs.lib.objects import ObjectStore, PreconditionFailed
from jobs.lib.registry import Champion
from jobs.lib.stages import Night
from jobs.lib.tables import content_hash
from jobs.published import hand_over, parts, releases


@dataclass(frozen=True)
class Output:
    """A table of the night to be published: its frame, number of rows and the hash of its content."""

    contract: Contract
    frame: DataFrame
    rows: int
    models: tuple[str, ...]
    digest: str
    version: int | None


def run(night: Night) -> None:
    """Publishes every product of the settings; one that is not ready does not hold up the others, and is said last.

    Raises DaybreakError naming the products that were not published; their earlier releases stay current.
    """
    refused = []
    for product in night.settings.products:
        try:
            publish(night, product)
        except DaybreakError as error:
            refused.append(f"{product}: {error}")
            night.log(f"not published: {refused[-1]}")
    if refused:
        raise DaybreakError("; ".join(refused))


def publish(night: Night, product: str) -> str:
    """Publishes one product's outputs of the night; returns the release's id.

    Raises DaybreakError where the champion in force is not the one that the night was scored with.
    """
    champion = registry.champion(night.settings, night.store.name, product, night.as_of)
    outputs = night_outputs(night, product, champion)
    release = release_id(night, outputs)
    store = releases.open_product(night.settings, night.store.name, product)
    known = releases.manifest(store, release)
    found = known or _write_release(night, product, release, outputs, champion, store)
    # What was just written has been read back already.
    is_good = releases.is_whole if known is None else releases.is_unchanged
    if not is_good(store, found):
        _restore(night, found, outputs, store)
    elif known is not None:
        night.log(f"{product}: {release} is there already, nothing rewritten")
    _sweep(store, found)
    frames = {output.contract.table: output.frame for output in outputs}
    for uri in hand_over.write(product, release, night.as_of, frames, store):
        night.log(f"{product}: {uri}")
    night.log(f"{product}: {releases.advance(store, release, night.as_of.isoformat())}")
    return release


def night_outputs(night: Night, product: str, champion: Champion | None) -> list[Output]:
    """The product's tables of this night, as its stage completed them with ``champion``."""
    completed = lineage.completions(night.tables, night.as_of)
    done, features = completed.get(product), completed.get("features")
    again = f"run `python -m jobs {product} --as-of {night.as_of}` first"
    if done is None:
        raise DaybreakError(f"the stage {product!r} is not complete for {night.as_of}: {again}")
    if features is not None and done.finished_at < features.finished_at:
        # The night was run again, and this time the product was not made: its tables are those of the run before.
        raise DaybreakError(f"{product!r} was last made before the features that there are of {night.as_of}: {again}")
    if champion is not None and done.model_version != champion.version:
        # A rollback, or a training, between scoring and here: readers would get what was just taken back.
        raise DaybreakError(
            f"{night.as_of} was scored with {done.model_version or 'no model'}, which is not the champion of "
            f"{night.as_of}: run `python -m jobs {product} --as-of {night.as_of}` again, or the whole night"
        )
    tables, outputs = night.tables.pinned(done.versions), []
    for name in contracts.names(product):
        contract = contracts.load(name)
        # A table that the stage left out, for want of what it needs, is no part of the release.
        if contract.history == "daily" and name in done.versions:
            frame = tables.read(name, night.as_of)
            rows, models = _counted(frame)
            digest = content_hash(frame, contract.columns)
            outputs.append(Output(contract, frame, rows, models, digest, done.versions.get(name)))
    if not outputs:
        raise DaybreakError(f"no table of {product} is published: none of its contracts has `history: daily`")
    return outputs


def release_id(night: Night, outputs: list[Output]) -> str:
    """``<YYYYMMDD>-<12 hexadecimal digits>`` of the outputs' columns and content, model versions among them."""
    told = {o.contract.name: [o.digest, [(c.name, c.type) for c in o.contract.columns.values()]] for o in outputs}
    digest = hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()
    return f"{night.as_of:%Y%m%d}-{digest[:12]}"


def _write_release(
    night: Night, product: str, release: str, outputs: list[Output], champion: Champion | None, store: ObjectStore
) -> dict[str, Any]:
    """Writes the parts, then the manifest; returns the one that stands, which is another run's where that was first."""
    tables: dict[str, Any] = {}
    for output in outputs:
        folder = _folder(night, output, release)
        written = parts.write_parts(output.frame, output.contract, output.rows, store, folder)
        tables[output.contract.table] = _table_entry(output, written, store)
        size = sum(part.bytes for part in written)
        night.log(f"{output.contract.name}: {output.rows:,} rows, {len(written)} files, {size / 1e6:.1f} MB")
    made = _manifest(night, product, release, outputs, champion, tables)
    try:
        store.put(releases.manifest_key(release), json.dumps(made, indent=1).encode(), if_absent=True)
    except PreconditionFailed:
        night.log(f"{product}: {release} was published by another run at the same time")
        return json.loads(store.read(releases.manifest_key(release)))
    return made


def _restore(night: Night, found: dict[str, Any], outputs: list[Output], store: ObjectStore) -> None:
    """Puts back files of a release that were removed or damaged; only as the very bytes that its manifest promises."""
    for output in outputs:
        folder = _folder(night, output, found["release"])
        parts.write_parts(output.frame, output.contract, output.rows, store, folder)
    if not releases.is_unchanged(store, found):
        raise DaybreakError(
            f"{found['release']} has lost or damaged files that this machine writes in other bytes: remove "
            f"{store.uri(releases.manifest_key(found['release']))} and run this again"
        )
    night.log(f"{found['product']}: {found['release']} had lost or damaged files; they are back")


def _folder(night: Night, output: Output, release: str) -> str:
    return f"{output.contract.table}/as_of={night.as_of}/release={release}"


def _sweep(store: ObjectStore, found: Mapping[str, Any]) -> None:
    """Removes what killed or slower runs left in a release's folders: those who read a folder shall see one set of
    files. Only once there is a manifest: until then another run's parts may be the ones that it will name."""
    kept = releases.parts_of(found)
    for folder in {key.rpartition("/")[0] for key in kept}:
        store.delete([entry.key for entry in store.list(f"{folder}/") if entry.key not in kept])


def _table_entry(output: Output, written: list[parts.Part], store: ObjectStore) -> dict[str, Any]:
    columns = [
        {
            "name": c.name,
            "type": c.type,
            "unit": c.unit,
            "meaning": c.meaning,
            "privacy": c.privacy,
            "nullable": c.nullable,
        }
        for c in output.contract.columns.values()
    ]
    files = [
        {"uri": store.uri(part.key), **{name: value for name, value in asdict(part).items() if name != "error"}}
        for part in written
    ]
    facts = {"row": output.contract.row, "key": list(output.contract.key), "rows": output.rows}
    return {**facts, "content_hash": output.digest, "lake_version": output.version, "columns": columns, "files": files}


def _manifest(
    night: Night,
    product: str,
    release: str,
    outputs: list[Output],
    champion: Champion | None,
    tables: dict[str, Any],
) -> dict[str, Any]:
    return {
        "release": release,
        "store": night.store.name,
        "product": product,
        "as_of": night.as_of.isoformat(),
        "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "code_version": lineage.code_version(),
        "model_versions": sorted({model for output in outputs for model in output.models}),
        "champion_from": champion.champion_from.isoformat() if champion else None,
        "verdict": champion.verdict if champion else None,
        "content_hash": hashlib.sha256("".join(output.digest for output in outputs).encode()).hexdigest(),
        "tables": tables,
    }


def _counted(frame: DataFrame) -> tuple[int, tuple[str, ...]]:
    """The number of rows, and the models that made them: a handful, whatever the size."""
    models = F.collect_set("model_version") if "model_version" in frame.columns else F.array()
    rows, made_by = frame.agg(F.count(F.lit(1)), models).collect()[0]
    return rows, tuple(sorted(made_by))
