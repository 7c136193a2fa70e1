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
AGAIN = "then run `python -m jobs warehouse` again"


_Stamp = tuple[int, int, int, bool]


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
    path = _path(place)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with held(path.with_name(f"{path.name}.lock"), "a load"):
            for left in path.parent.glob(f"{path.name}.*{PARTIAL}*"):  # of loads that were killed
                left.unlink(missing_ok=True)
            copy = path.with_name(f"{path.name}.{uuid.uuid4().hex}{PARTIAL}")
            try:
                _checkpointed(path)
                yield from _transaction(path, copy, _copied(path, copy))
            finally:
                for left in (copy, _log(copy)):
                    left.unlink(missing_ok=True)
    except Held as holder:
        raise Busy(f"{path} is being written by {holder}: wait for it to end") from None


@contextmanager
def looking(place: str) -> Iterator[DuckWarehouse]:
    """What the file at ``place`` says, read only; an empty warehouse where there is none."""
    path = _path(place)
    with _connected(path, read_only=True) if path.exists() else duckdb.connect() as connection:
        yield DuckWarehouse(connection)


def _transaction(path: Path, copy: Path, was: _Stamp | None) -> Iterator[DuckWarehouse]:
    with duckdb.connect(str(copy), config={"memory_limit": files.MEMORY}) as connection:
        connection.execute("BEGIN")
        warehouse = DuckWarehouse(connection)
        yield warehouse
        connection.execute("COMMIT")
        connection.execute("CHECKPOINT")
    if warehouse.is_changed:
        with copy.open("rb+") as written:
            os.fsync(written.fileno())
        with _unwritten(path):
            if _stamp(path) != was:
                raise DaybreakError(f"{path} was written by another program during the load: close it there, {AGAIN}")
            os.replace(copy, path)


def _checkpointed(path: Path) -> None:
    """Takes what a program that ended badly left in the file's log into the file, as DuckDB would at the next opening:
    after the swap the log would be another file's."""
    if path.exists() and _log(path).exists():
        with _connected(path) as connection:
            connection.execute("CHECKPOINT")


def _copied(path: Path, copy: Path) -> _Stamp | None:
    """Copies the file, which nobody writes meanwhile; what it was then, None where there is none yet."""
    with _unwritten(path):
        if path.exists():
            shutil.copyfile(path, copy)
        return _stamp(path)


@contextmanager
def _unwritten(path: Path) -> Iterator[None]:
    """Keeps other programs from writing the file; one that has it open for that is asked to close it first."""
    if not path.exists():
        yield
        return
    with path.open("rb") as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_SH | fcntl.LOCK_NB)  # DuckDB's own kind of lock
        except OSError as error:
            raise _in_use(path) from error
        yield


def _connected(path: Path, read_only: bool = False) -> duckdb.DuckDBPyConnection:
    try:
        return duckdb.connect(str(path), read_only=read_only)
    except duckdb.IOException as error:
        if "lock" in str(error):
            raise _in_use(path) from error
        raise


def _in_use(path: Path) -> DaybreakError:
    advice = f"close it there or open it read-only (duckdb -readonly), {AGAIN}"
    return DaybreakError(f"{path} is open for writing in another program: {advice}")


def _stamp(path: Path) -> _Stamp | None:
    """What tells whether a program has written the file: its identity, its last change and whether it has a log."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size, _log(path).exists()


def _path(place: str) -> Path:
    return Path(place).expanduser().absolute()


def _log(path: Path) -> Path:
    return path.with_name(f"{path.name}.wal")
