"""The files of a release, brought here and compared with the manifest before a warehouse sees any of them."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from jobs.lib.errors import DaybreakError
from jobs.lib.objects import CHUNK, FolderStore, ObjectStore
from jobs.warehouse.shapes import Column, Shape, literal, quoted

MEMORY = "2GB"  # of a DuckDB that loads; beyond it spills to a folder that goes with the load
# DuckDB reads the files for every warehouse; what a published file holds, as the contracts' types.
TYPES = {
    "id": "VARCHAR",
    "string": "VARCHAR",
    "int": "INTEGER",
    "long": "BIGINT",
    "double": "DOUBLE",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "timestamp": "TIMESTAMPTZ",
    "array<string>": "VARCHAR[]",
}


@contextmanager
def staged(product: ObjectStore, manifest: Mapping[str, Any]) -> Iterator[dict[str, list[str]]]:
    """Table → local paths of its files, each checked by size and sha256; copies of remote ones go with the block.

    Raises DaybreakError naming the file that is not what the manifest promises, ObjectMissing where it has gone.
    """
    with tempfile.TemporaryDirectory(prefix="daybreak-warehouse-") as scratch:
        found: dict[str, list[str]] = {}
        for table, entry in manifest["tables"].items():
            found[table] = [
                _checked(product, file, Path(scratch, f"{table}-{n}.parquet")) for n, file in enumerate(entry["files"])
            ]
        yield found


def _checked(product: ObjectStore, file: Mapping[str, Any], copy: Path) -> str:
    is_here = isinstance(product, FolderStore)
    digest, size = hashlib.sha256(), 0
    with product.open(file["key"]) as source, nullcontext() if is_here else copy.open("wb") as sink:
        while chunk := source.read(CHUNK):
            digest.update(chunk)
            size += len(chunk)
            if sink is not None:
                sink.write(chunk)
    if (size, digest.hexdigest()) != (file["bytes"], file["sha256"]):
        raise DaybreakError(
            f"{product.uri(file['key'])} is not what its manifest promises ({size} bytes, sha256 "
            f"{digest.hexdigest()[:12]}): nothing was loaded. Publish the night again (`python -m jobs published`)."
        )
    return product.uri(file["key"]) if is_here else str(copy)


def rows(shape: Shape, paths: list[str]) -> str:
    """A ``SELECT`` of the files' rows with the contract's columns and types, for DuckDB."""
    files = ", ".join(literal(path) for path in paths)
    wanted = ", ".join(_cast(column) for column in shape.columns)
    return f"SELECT {wanted} FROM read_parquet([{files}], hive_partitioning = false)"


def _cast(column: Column) -> str:
    return f"CAST({quoted(column.name)} AS {TYPES[column.type]}) AS {quoted(column.name)}"
