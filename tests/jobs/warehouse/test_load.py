"""Releases arrive in DuckDB and in Postgres as they were published, one at a time and whole."""

from __future__ import annotations

import hashlib
from datetime import UTC
from pathlib import Path
from typing import Any

import duckdb
import psycopg

from jobs.lib.settings import Settings
from jobs.published import releases
from jobs.warehouse import load
from tests.jobs.warehouse.conftest import MADE_AT, MONDAY, TUESDAY, place_row
from tests.releases import PRODUCT, publish


class Reader:
    """A reader's own connection to the warehouse."""

    def __init__(self, settings: Settings) -> None:
        if "://" in settings.warehouse:
            self.connection: Any = psycopg.connect(settings.warehouse)
            self.connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        else:
            self.connection = duckdb.connect(settings.warehouse.replace("{store}", "shop"), read_only=True)

    def rows(self, sql: str) -> list[tuple]:
        return self.connection.execute(sql).fetchall()

    def close(self) -> None:
        self.connection.close()


def asked(settings: Settings, sql: str) -> list[tuple]:
    """The rows of one query by a reader who comes and goes."""
    reader = Reader(settings)
    try:
        return reader.rows(sql)
    finally:
        reader.close()


CURRENT = f"SELECT customer_id, rank, item_id, score FROM {PRODUCT}.for_customer_current ORDER BY customer_id, rank"
STATES = "SELECT release, state FROM daybreak.releases ORDER BY as_of, loaded_at"


def test_a_release_arrives_with_types_comments_and_keys(settings: Settings, root: Path) -> None:
    release = publish(
        settings, root, MONDAY, {"for_customer": [place_row("c1", 1, score=None), place_row("c1", 2)]}, files=2
    )
    load.run(settings, MONDAY)
    row = asked(settings, f"SELECT * FROM {PRODUCT}.for_customer ORDER BY rank")[0]
    made_at = row[5].astimezone(UTC)
    assert row[:5] == ("c1", 1, "i1", None, ["own", "é"]) and made_at == MADE_AT and row[6:] == ("model1", MONDAY)
    known = asked(settings, "SELECT store, product, release, as_of, rows, state, sha256 FROM daybreak.releases")
    manifest = releases.open_product(settings, "shop", PRODUCT).read(releases.manifest_key(release))
    assert known == [("shop", PRODUCT, release, MONDAY, 2, "current", hashlib.sha256(manifest).hexdigest())]
    types = "SELECT column_name, data_type FROM information_schema.columns WHERE table_name = 'for_customer'"
    kinds = {name: kind.lower().removesuffix(" precision") for name, kind in asked(settings, types)}
    assert {name: kinds[name] for name in ("rank", "score", "as_of")} == {
        "rank": "integer",
        "score": "double",
        "as_of": "date",
    }
    assert kinds["made_at"] == "timestamp with time zone"


def test_loading_twice_changes_nothing(settings: Settings, root: Path) -> None:
    publish(settings, root, MONDAY, {"for_customer": [place_row("c1", 1)]})
    load.run(settings, MONDAY)
    before = (
        asked(settings, "SELECT * FROM daybreak.releases"),
        asked(settings, f"SELECT * FROM {PRODUCT}.for_customer_changes"),
    )
    load.run(settings, MONDAY)
    assert before == (
        asked(settings, "SELECT * FROM daybreak.releases"),
        asked(settings, f"SELECT * FROM {PRODUCT}.for_customer_changes"),
    )


def test_a_reader_in_a_transaction_sees_one_release(settings: Settings, root: Path) -> None:
    publish(settings, root, MONDAY, {"for_customer": [place_row("c1", 1)]})
    load.run(settings, MONDAY)
    reader = Reader(settings)
    assert reader.rows(CURRENT) == [("c1", 1, "i1", 0.5)]
    publish(settings, root, TUESDAY, {"for_customer": [place_row("c2", 1, "i2")]})
    load.run(settings, TUESDAY)
    assert reader.rows(CURRENT) == [("c1", 1, "i1", 0.5)]
    assert len(reader.rows("SELECT * FROM daybreak.releases")) == 1
    reader.close()
    assert asked(settings, CURRENT) == [("c2", 1, "i2", 0.5)]
