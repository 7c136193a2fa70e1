"""Releases into the warehouse: rows a second beside a plain COPY of the same rows, and what a night has to move.

The rows are for_customer's, made up: 20 places for each customer, of which a fifth move from one night to the next. A
load reads the published Parquet, checks it, works out what moved and writes both; the plain COPY gets text that is
ready, and writes the same rows into a table with the same key.
"""

from __future__ import annotations

import dataclasses
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path

import duckdb
import psycopg
import pyarrow as pa

from benchmarks.figures import Figure
from benchmarks.homes import DataMissing
from jobs.lib import contracts
from jobs.lib import settings as environment
from jobs.warehouse import load, postgres, shapes
from tests.postgres import MISSING, binaries, running
from tests.releases import PRODUCT, publish

ROWS = 500_000
MOVED = 5  # one row in so many
FIRST = date(2026, 3, 2)
NIGHTS = 4
TABLE = "for_customer"


def measure() -> Iterator[Figure]:
    """Four nights into Postgres, each beside a COPY of its rows, the first by itself; then one into DuckDB."""
    place = binaries()
    if place is None:
        raise DataMissing(MISSING)
    with tempfile.TemporaryDirectory() as folder, running(place) as cluster:
        home = environment.load({"DAYBREAK_HOME": folder})
        settings = dataclasses.replace(home, warehouse=cluster.url("postgres"))
        copied, loaded = [], []
        for n in range(NIGHTS):
            rows = _rows(n)
            day = FIRST + timedelta(days=n)
            publish(home, contracts.ROOT, day, {TABLE: rows}, store="shop")
            copied.append(_copied(rows, cluster.url("postgres"), Path(folder)))
            loaded.append(_seconds(lambda: load.bring(settings, "shop", PRODUCT)))
        ratios = [copy / mine for copy, mine in zip(copied[1:], loaded[1:], strict=True)]
        yield Figure(
            "warehouse",
            "Postgres, a night after the first: rows a second",
            ROWS / statistics.median(loaded[1:]),
            ROWS / statistics.median(copied[1:]),
            "plain COPY of the same rows as CSV",
        )
        share = statistics.median(ratios)
        yield Figure("warehouse", "the same as a share of COPY's, median of 3 nights", share, target=0.6)
        yield Figure("warehouse", "the first night, all rows moved: share of COPY's", copied[0] / loaded[0])
        yield from _moved(cluster.url("postgres"))
        took = [_seconds(lambda: load.bring(home, "shop", PRODUCT))]
        yield Figure("warehouse", "DuckDB, a release into an empty file: rows a second", ROWS / took[0])


def _rows(night: int) -> pa.Table:
    """``ROWS`` rows of for_customer; a fifth of the scores are others each night."""
    return duckdb.sql(f"""
        SELECT format('c{{:07d}}', i // 20) AS customer_id, 'model' AS variant, 'home' AS placement,
               CAST(i % 20 + 1 AS INTEGER) AS rank, format('i{{:06d}}', (i * 7919) % 40000) AS item_id,
               (i % 1000) / 1000.0 + IF(i % {MOVED} = 0, {night}, 0) AS score,
               'own history' AS source, 'because you bought it on ' || (i % 365) AS reason,
               CAST(1 AS DOUBLE) AS propensity, 'model1' AS model_version
        FROM range({ROWS}) AS made(i)
    """).to_arrow_table()


def _copied(rows: pa.Table, url: str, folder: Path) -> float:
    """Seconds of a COPY of the rows, as text made before, into an empty table with the same columns and key."""
    shape = dataclasses.replace(
        shapes.of_contract(contracts.load(f"{PRODUCT}.{TABLE}")), product="public", table="plain"
    )
    text = folder / "rows.csv"
    with duckdb.connect() as engine:
        engine.register("made", rows)
        names = ", ".join(f"made.{name}" for name in shape.names if name != shapes.DAY)
        engine.execute(f"COPY (SELECT {names}, DATE '{FIRST}' AS as_of FROM made) TO '{text}' (HEADER false)")
    with psycopg.connect(url) as connection:
        connection.execute("DROP TABLE IF EXISTS plain")
        connection.execute(shapes.create(shape, postgres.PostgresWarehouse.types))
        connection.commit()

        def copy() -> None:
            into = f"COPY plain ({', '.join(shape.names)}) FROM STDIN (FORMAT csv)"
            with connection.cursor().copy(into) as sink, text.open("rb") as source:
                while block := source.read(1 << 20):
                    sink.write(block)
            connection.commit()

        return _seconds(copy)


def _moved(url: str) -> Iterator[Figure]:
    with psycopg.connect(url) as connection:
        counts = connection.execute(
            f"SELECT count(*) FROM {PRODUCT}.{TABLE}_changes GROUP BY changed_at ORDER BY changed_at"
        ).fetchall()
    for night, (count,) in enumerate(counts[1:], start=2):
        yield Figure("warehouse", f"rows to move after night {night}", count, ROWS, "the whole table")


def _seconds(act: Callable[[], object]) -> float:
    started = time.monotonic()
    act()
    return time.monotonic() - started
