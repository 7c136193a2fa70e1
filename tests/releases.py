"""Releases made by hand, without Spark: the files, manifests and pointer that a night's publication would leave."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from jobs.lib import contracts
from jobs.lib.objects import ObjectStore
from jobs.lib.settings import Settings
from jobs.published import parts, releases, stage
from jobs.published.stage import Output

PRODUCT = "recommendations"
FOR_CUSTOMER = """
row: a place in a customer's list
key: [customer_id, rank]
history: daily
columns:
  customer_id: {type: id, meaning: whose list it is, privacy: pseudonym}
  rank: {type: int, meaning: place from 1, privacy: none}
  item_id: {type: id, meaning: what stands at the customer's place, privacy: none}
  score: {type: double, unit: probability, meaning: how likely it is bought, privacy: none, nullable: true}
  tags: {type: array<string>, meaning: why it is shown, privacy: none, nullable: true}
  made_at: {type: timestamp, meaning: when it was thought of, privacy: none}
  model_version: {type: string, meaning: what made the row, privacy: none}
"""

Rows = list[dict[str, Any]] | pa.Table
MADE_AT = datetime(2026, 3, 2, 1, 2, 3, 456789, UTC)


def place_row(customer: str, rank: int, item: str = "i1", score: float | None = 0.5, **more: Any) -> dict[str, Any]:
    """A row of for_customer, without its day."""
    row = {"customer_id": customer, "rank": rank, "item_id": item, "score": score, "tags": ["own", "é"]}
    return {**row, "made_at": MADE_AT, "model_version": "model1", **more}


def expectations(root: Path, **tables: str) -> Path:
    """A folder of contracts of the product; ``for_customer`` as above unless given."""
    folder = root / "expectations" / PRODUCT
    folder.mkdir(parents=True, exist_ok=True)
    for table, text in {"for_customer": FOR_CUSTOMER, **tables}.items():
        (folder / f"{table}.yml").write_text(text)
    contracts._load.cache_clear()
    return root / "expectations"


def publish(
    settings: Settings,
    root: Path,
    day: date,
    rows: Mapping[str, Rows],
    store: str = "shop",
    files: int = 1,
    **facts: Any,
) -> str:
    """Publishes the rows of each table as a night would and moves the pointer; returns the release's id.

    A pyarrow table is taken as it is, into one file. ``facts`` go into the manifest: model_versions, champion_from,
    verdict.
    """
    place = releases.open_product(settings, store, PRODUCT)
    digest = hashlib.sha256(json.dumps([str(day), rows], default=str).encode()).hexdigest()
    release = f"{day:%Y%m%d}-{digest[:12]}"
    tables = {name: _table(place, contracts.load(f"{PRODUCT}.{name}", root), day, release, some, files)
              for name, some in rows.items()}  # fmt: skip
    told = {"release": release, "store": store, "product": PRODUCT, "as_of": day.isoformat()}
    told |= {"created_at": f"{day}T23:00:00+00:00", "code_version": "tests", "model_versions": ["model1"]}
    told |= {"champion_from": None, "verdict": None, "content_hash": digest, "tables": tables}
    place.put(releases.manifest_key(release), json.dumps({**told, **facts}).encode())
    releases.advance(place, release, day.isoformat())
    return release


def _table(
    place: ObjectStore,
    contract: contracts.Contract,
    day: date,
    release: str,
    rows: list[dict[str, Any]] | pa.Table,
    files: int,
) -> dict[str, Any]:
    schema = parts.arrow_schema(contract)
    folder = f"{contract.table}/as_of={day}/release={release}"
    own = pa.schema([field for field in schema if field.name != "as_of"])
    written = []
    with tempfile.TemporaryDirectory() as scratch:
        for n in range(files):
            path = Path(scratch) / f"{n}.parquet"
            some = rows if isinstance(rows, pa.Table) else pa.Table.from_pylist(rows[n::files], own)
            dated = some.append_column("as_of", pa.array([str(day)] * len(some), pa.string()).dictionary_encode())
            pq.write_table(dated.select(schema.names).cast(schema), path)
            written.append(parts._upload(path, place, folder, f"part-{n:05d}-000", len(some)))
    return stage._table_entry(Output(contract, None, len(rows), (), "digest", None), written, place)  # type: ignore[arg-type]
