"""The warehouse as a Postgres database: Arrow straight from the published files by COPY, one transaction a release.

Under ``BEGIN ISOLATION LEVEL REPEATABLE READ`` a reader sees one release however long it reads; under Postgres's
default every single statement does. Readers never wait for a load: it takes no lock that they could meet, except on
the day on which a contract changes its columns. So days are rows of one table and not its partitions, which would load
quicker: dropping one waits for who reads the table, all others wait behind it, and no snapshot keeps what is dropped.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

import duckdb
from adbc_driver_postgresql import dbapi

from jobs.warehouse import connections, files
from jobs.warehouse.shapes import DAY, Shape, literal, quoted

CONNECT_SECONDS = 10
BATCH_ROWS = 20_000  # a few MB, which the socket takes: the server writes them while the next are made here
ONE_LOAD = "advisory_xact_lock(hashtext('daybreak'))"
LOCK_TIMEOUT = "55P03"  # the code of what ends a wait


@dataclass
class PostgresWarehouse:
    """A transaction in the database; the engine is a DuckDB in memory."""

    engine: duckdb.DuckDBPyConnection
    cursor: dbapi.Cursor
    types: ClassVar[dict[str, str]] = {
        "id": "TEXT",
        "string": "TEXT",
        "int": "INTEGER",
        "long": "BIGINT",
        "double": "DOUBLE PRECISION",
        "boolean": "BOOLEAN",
        "date": "DATE",
        "timestamp": "TIMESTAMPTZ",
        "array<string>": "TEXT[]",
    }

    def fetch(self, sql: str) -> list[tuple[Any, ...]]:
        self.cursor.execute(sql)
        return self.cursor.fetchall()

    def execute(self, sql: str) -> None:
        self.cursor.execute(sql)

    def append(self, shape: Shape, select: str) -> int:
        names = ", ".join(map(quoted, shape.names))
        found = self.engine.sql(f"SELECT {names} FROM ({select})").to_arrow_reader(BATCH_ROWS)
        return self.cursor.adbc_ingest(shape.table, found, mode="append", db_schema_name=shape.product)

    def rows_of(self, shape: Shape, day: str) -> str:
        names = ", ".join(map(quoted, shape.names))
        self.cursor.execute(f"SELECT {names} FROM {shape.beside('')} WHERE {quoted(DAY)} = DATE {literal(day)}")
        copy = quoted(f"of_{shape.table}_{day}")
        self.engine.register("fetched", self.cursor.fetch_record_batch())
        # A table of the engine's own: the connection is free for what comes next, and a large one spills.
        self.engine.execute(f"CREATE OR REPLACE TEMP TABLE {copy} AS SELECT * FROM fetched")
        self.engine.unregister("fetched")
        return f"SELECT * FROM {copy}"


@contextmanager
def opened(url: str, is_looking: bool = False) -> Iterator[PostgresWarehouse]:
    """A transaction in the database of the URL; two loads at once wait for each other, who only looks for nobody.

    Raises Busy where another load has been waited for too long: a client that hangs, or died without a word to the
    server, holds its transaction for ever."""
    separator = "&" if "?" in url else "?"
    timed = url if "connect_timeout=" in url else f"{url}{separator}connect_timeout={CONNECT_SECONDS}"
    with (
        tempfile.TemporaryDirectory(prefix="daybreak-warehouse-") as spill,
        dbapi.connect(timed) as connection,
        connection.cursor() as cursor,
        duckdb.connect(config={"memory_limit": files.MEMORY, "temp_directory": spill}) as engine,
    ):
        warehouse = PostgresWarehouse(engine, cursor)
        if not is_looking:
            _wait_for_others(warehouse, url)
        yield warehouse
        connection.commit()


def _wait_for_others(warehouse: PostgresWarehouse, url: str) -> None:
    """Makes this transaction the only load, or says that it waits for another."""
    if warehouse.fetch(f"SELECT pg_try_{ONE_LOAD}")[0][0]:
        return
    busy = f"{connections.masked(url)} is being written by another load: wait for it to end"
    print(f"waiting, {busy}", flush=True)
    warehouse.execute(f"SET LOCAL lock_timeout = '{round(connections.LOAD_SECONDS * 1000)}ms'")
    try:
        warehouse.fetch(f"SELECT pg_{ONE_LOAD}")
    except dbapi.Error as error:
        if error.sqlstate != LOCK_TIMEOUT:
            raise
        raise connections.Busy(busy) from None
    warehouse.execute("SET LOCAL lock_timeout TO DEFAULT")
