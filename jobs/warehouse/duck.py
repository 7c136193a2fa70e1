"""The warehouse as a DuckDB file, in the home by default: nothing to install, and no reader ever waits.

DuckDB lets one process write a file while none reads it. So a load works on a copy and renames it into place: who has
the file open goes on reading the release that it held, who opens it next sees the new one, and a load that dies leaves
a copy that nobody opens. The price is a copy of the file a release; a store that outgrows it has Postgres.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import duckdb

from jobs.lib.errors import DaybreakError
from jobs.lib.locks import Held, held
from jobs.warehouse import files
from jobs.warehouse.connections import Busy
from jobs.warehouse.shapes import DAY, Shape, literal, quoted

PARTIAL = ".partial"
MEMORY = "2GB"  # beyond it DuckDB spills beside the copy


@dataclass
class DuckWarehouse:
    """A transaction in a copy of the file; ``is_changed`` says whether the copy is worth keeping."""

    engine: duckdb.DuckDBPyConnection
    is_changed: bool = False
    types: ClassVar[dict[str, str]] = files.TYPES

    def fetch(self, sql: str) -> list[tuple[Any, ...]]:
        return self.engine.execute(sql).fetchall()

    def execute(self, sql: str) -> None:
        self.is_changed = True
        self.engine.execute(sql)

    def append(self, shape: Shape, select: str) -> int:
        self.is_changed = True
        names = ", ".join(map(quoted, shape.names))
        done = self.engine.execute(f"INSERT INTO {shape.beside('')} ({names}) SELECT {names} FROM ({select})")
        return int(done.fetchall()[0][0])

    def rows_of(self, shape: Shape, day: str) -> str:
        names = ", ".join(map(quoted, shape.names))
        return f"SELECT {names} FROM {shape.beside('')} WHERE {quoted(DAY)} = DATE {literal(day)}"


@contextmanager
def opened(place: str) -> Iterator[DuckWarehouse]:
    """A transaction in the file at ``place``, made where there is none."""
    path = Path(place).expanduser().absolute()
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with held(path.with_name(f"{path.name}.lock"), "a load"):
            for left in path.parent.glob(f"{path.name}.*{PARTIAL}*"):  # of loads that were killed
                left.unlink(missing_ok=True)
            copy = path.with_name(f"{path.name}.{uuid.uuid4().hex}{PARTIAL}")
            try:
                _copied(path, copy)
                yield from _transaction(path, copy)
            finally:
                for left in (copy, _log(copy)):
                    left.unlink(missing_ok=True)
    except Held as holder:
        raise Busy(f"{path} is being written by {holder}: wait for it to end") from None


def _transaction(path: Path, copy: Path) -> Iterator[DuckWarehouse]:
    with duckdb.connect(str(copy), config={"memory_limit": MEMORY}) as connection:
        connection.execute("BEGIN")
        warehouse = DuckWarehouse(connection)
        yield warehouse
        connection.execute("COMMIT")
        connection.execute("CHECKPOINT")
    if warehouse.is_changed:
        with copy.open("rb+") as written:
            os.fsync(written.fileno())
        _log(path).unlink(missing_ok=True)  # the copy holds what was in it
        os.replace(copy, path)


def _copied(path: Path, copy: Path) -> None:
    """A copy of the file with its log; a program that has it open for writing is asked to close it first."""
    if not path.exists():
        return
    with path.open("rb") as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_SH | fcntl.LOCK_NB)  # DuckDB's own kind of lock
        except OSError as error:
            raise DaybreakError(
                f"{path} is open for writing in another program: close it there or open it read-only "
                f"(duckdb -readonly), then run `python -m jobs warehouse` again"
            ) from error
        shutil.copyfile(path, copy)
        if _log(path).exists():
            shutil.copyfile(_log(path), _log(copy))


def _log(path: Path) -> Path:
    return path.with_name(f"{path.name}.wal")
