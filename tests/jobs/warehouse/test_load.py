"""Releases arrive in DuckDB and in Postgres as they were published, one at a time and whole."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import subprocess
import sys
from datetime import UTC, date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import psycopg
import pytest

from jobs.lib.errors import DaybreakError
from jobs.lib.settings import Settings
from jobs.published import releases
from jobs.warehouse import connections, files, layout, load
from tests.jobs.warehouse.conftest import MONDAY, TUESDAY, WEDNESDAY
from tests.releases import FOR_CUSTOMER, MADE_AT, PRODUCT, expectations, place_row, publish


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
    key = "SELECT column_name FROM information_schema.key_column_usage WHERE table_name = 'for_customer'"
    assert [name for (name,) in asked(settings, f"{key} ORDER BY ordinal_position")] == ["as_of", "customer_id", "rank"]
    assert comments(settings) == {
        "the table": "One row is a place in a customer's list.",
        "score": "how likely it is bought [probability]",
    }


def comments(settings: Settings) -> dict[str, str]:
    """What a catalogue tells who looks at for_customer and its column score."""
    if "://" in settings.warehouse:
        table = f"'{PRODUCT}.for_customer'::regclass"
        column = f"SELECT attnum FROM pg_attribute WHERE attrelid = {table} AND attname = 'score'"
        told = asked(settings, f"SELECT obj_description({table}), col_description({table}, ({column}))")
    else:
        where = f"schema_name = '{PRODUCT}' AND table_name = 'for_customer'"
        column = f"SELECT comment FROM duckdb_columns() WHERE {where} AND column_name = 'score'"
        told = asked(settings, f"SELECT comment, ({column}) FROM duckdb_tables() WHERE {where}")
    return dict(zip(("the table", "score"), told[0], strict=True))


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


def test_a_model_of_another_night_alone_moves_no_row(settings: Settings, root: Path) -> None:
    publish(settings, root, MONDAY, {"for_customer": [place_row("c1", 1), place_row("c1", 2)]})
    load.run(settings, MONDAY)
    rows = [place_row("c1", 1, model_version="model2"), place_row("c1", 2, "i2", model_version="model2")]
    publish(settings, root, TUESDAY, {"for_customer": rows})
    load.run(settings, TUESDAY)
    moved = f"SELECT rank, model_version FROM {PRODUCT}.for_customer_changes WHERE operation = 'upsert'"
    assert asked(settings, f"{moved} ORDER BY changed_at, rank") == [(1, "model1"), (2, "model1"), (2, "model2")]
    told = f"SELECT DISTINCT model_version FROM {PRODUCT}.for_customer_current"
    assert asked(settings, told) == [("model2",)]


def test_replaying_the_changes_gives_the_table(settings: Settings, root: Path) -> None:
    same = place_row("c0", 1, score=None, tags=None)  # nulls that stay are no change
    nights = {
        MONDAY: [same, place_row("c1", 1), place_row("c1", 2, score=None), place_row("c2", 1, tags=None)],
        TUESDAY: [same, place_row("c1", 1), place_row("c1", 2, score=0.25), place_row("c3", 1)],
        WEDNESDAY: [same, place_row("c1", 1), place_row("c1", 2, score=0.25, tags=["own"]), place_row("c3", 1, "i9")],
    }
    for day, rows in nights.items():
        publish(settings, root, day, {"for_customer": rows})
        load.run(settings, day)
        assert replayed(settings) == table(settings)
    moved = asked(settings, MOVED)
    assert [(operation, rows) for _, operation, rows in moved] == [
        ("upsert", 4), ("delete", 1), ("upsert", 2), ("upsert", 2),
    ]  # fmt: skip
    assert [at for at, _, _ in moved] == sorted(at for at, _, _ in moved)
    seen = asked(settings, "SELECT changed_at FROM daybreak.releases ORDER BY as_of")
    assert {at for (at,) in seen} == {at for at, _, _ in moved}


@pytest.mark.parametrize("day", [MONDAY, TUESDAY])
def test_a_table_that_a_release_has_no_more_is_empty_for_its_readers(settings: Settings, root: Path, day: date) -> None:
    expectations(root.parent, other=FOR_CUSTOMER)
    both = {"for_customer": [place_row("c1", 1)], "other": [place_row("c1", 1), place_row("c2", 1)]}
    publish(settings, root, MONDAY, both)
    load.run(settings, MONDAY)
    publish(settings, root, day, {"for_customer": [place_row("c9", 1)]})  # the same night again, or the next
    load.run(settings, day)
    assert asked(settings, CURRENT) == [("c9", 1, "i1", 0.5)]
    assert asked(settings, f"SELECT count(*) FROM {PRODUCT}.other_current") == [(0,)]
    assert asked(settings, f"SELECT count(*) FROM {PRODUCT}.other WHERE as_of = DATE '{day}'") == [(0,)]
    moved = f"SELECT operation, count(*) FROM {PRODUCT}.other_changes GROUP BY 1 ORDER BY 1"
    assert asked(settings, moved) == [("delete", 2), ("upsert", 2)]
    publish(settings, root, WEDNESDAY, both)
    load.run(settings, WEDNESDAY)
    assert asked(settings, f"SELECT count(*) FROM {PRODUCT}.other_current") == [(2,)]
    assert asked(settings, moved) == [("delete", 2), ("upsert", 4)]


def test_a_night_repaired_while_the_next_waits_never_empties_what_readers_see(settings: Settings, root: Path) -> None:
    publish(settings, root, MONDAY, {"for_customer": [place_row("c1", 1), place_row("c2", 1)]})
    load.run(settings, MONDAY)
    tuesday = publish(settings, root, TUESDAY, {"for_customer": [place_row("c3", 1)]})  # its load failed
    publish(settings, root, MONDAY, {"for_customer": [place_row("c1", 1, "i2")]})
    point(settings, tuesday, TUESDAY)
    load.run(settings, MONDAY)
    assert asked(settings, CURRENT) == [("c3", 1, "i1", 0.5)]
    assert replayed(settings) == table(settings)
    assert asked(settings, "SELECT as_of, state FROM daybreak.releases ORDER BY as_of, state") == [
        (MONDAY, "loaded"),
        (MONDAY, "replaced"),
        (TUESDAY, "current"),
    ]


MOVED = f"SELECT changed_at, operation, count(*) FROM {PRODUCT}.for_customer_changes GROUP BY 1, 2 ORDER BY 1, 2"
OWN = "customer_id, rank, item_id, score, tags, made_at, model_version"


def table(settings: Settings) -> list[tuple]:
    """The release that readers see, without the day."""
    return asked(settings, f"SELECT {OWN} FROM {PRODUCT}.for_customer_current ORDER BY customer_id, rank")


def replayed(settings: Settings, is_whole: bool = True) -> list[tuple]:
    """The table that a tool has which did what the changes say, in their order, beginning with nothing; unless they are
    the whole history, some tell it to take away what it never had."""
    rows: dict[tuple, tuple] = {}
    changes = f"SELECT operation, {OWN} FROM {PRODUCT}.for_customer_changes ORDER BY changed_at, operation"
    for operation, *row in asked(settings, changes):
        if operation == "upsert":
            rows[tuple(row[:2])] = tuple(row)
        else:
            assert (rows.pop(tuple(row[:2]), None) or not is_whole) and row[2:] == [None] * 5
    return [rows[key] for key in sorted(rows)]


def test_readers_go_back_and_forward_with_the_pointer(settings: Settings, root: Path) -> None:
    monday = publish(settings, root, MONDAY, {"for_customer": [place_row("c1", 1)]})
    load.run(settings, MONDAY)
    tuesday = publish(settings, root, TUESDAY, {"for_customer": [place_row("c2", 1)]})
    load.run(settings, TUESDAY)
    for release, day, customer in ((monday, MONDAY, "c1"), (tuesday, TUESDAY, "c2")):
        point(settings, release, day)
        assert f"see {release} of {day}" in load.bring(settings, "shop", PRODUCT)
        assert [row[0] for row in asked(settings, CURRENT)] == [customer]
        assert replayed(settings) == table(settings)
        assert dict(asked(settings, "SELECT state, release FROM daybreak.releases"))["current"] == release
    assert asked(settings, f"SELECT count(*) FROM {PRODUCT}.for_customer") == [(2,)]


def point(settings: Settings, release: str, day: date) -> None:
    content = json.dumps({"release": release, "as_of": str(day)}).encode()
    releases.open_product(settings, "shop", PRODUCT).put(releases.POINTER, content)


def test_a_repaired_night_takes_the_place_of_its_day(settings: Settings, root: Path) -> None:
    first = publish(settings, root, MONDAY, {"for_customer": [place_row("c1", 1), place_row("c2", 1)]})
    load.run(settings, MONDAY)
    again = publish(settings, root, MONDAY, {"for_customer": [place_row("c1", 1, "i2")]})
    load.run(settings, MONDAY)
    assert asked(settings, CURRENT) == [("c1", 1, "i2", 0.5)]
    assert asked(settings, STATES) == [(first, "replaced"), (again, "current")]
    assert asked(settings, f"SELECT count(*) FROM {PRODUCT}.for_customer") == [(1,)] and replayed(settings) == table(
        settings
    )
    point(settings, first, MONDAY)  # back within one day: its rows come from the files again
    load.bring(settings, "shop", PRODUCT)
    assert len(asked(settings, CURRENT)) == 2 and replayed(settings) == table(settings)


def test_a_backfilled_night_is_loaded_and_readers_stay(settings: Settings, root: Path) -> None:
    publish(settings, root, TUESDAY, {"for_customer": [place_row("c2", 1)]})
    load.run(settings, TUESDAY)
    publish(settings, root, MONDAY, {"for_customer": [place_row("c1", 1)]})
    load.run(settings, MONDAY)
    load.run(settings, MONDAY)
    assert asked(settings, CURRENT) == [("c2", 1, "i1", 0.5)]
    assert asked(settings, "SELECT as_of, state FROM daybreak.releases ORDER BY as_of") == [
        (MONDAY, "loaded"),
        (TUESDAY, "current"),
    ]
    assert asked(settings, f"SELECT count(*) FROM {PRODUCT}.for_customer") == [(2,)] and replayed(settings) == table(
        settings
    )
    with pytest.raises(DaybreakError, match=f"no release of {WEDNESDAY} is published"):
        load.run(settings, WEDNESDAY)


def test_old_nights_are_dropped_and_come_back_from_their_files(settings: Settings, root: Path) -> None:
    settings = dataclasses.replace(settings, warehouse_days=1)
    ids = []
    for day, customer in ((MONDAY, "c1"), (TUESDAY, "c2"), (WEDNESDAY, "c3")):
        ids.append(publish(settings, root, day, {"for_customer": [place_row(customer, 1)]}))
        load.run(settings, day)
    assert asked(settings, STATES) == list(zip(ids, ("dropped", "loaded", "current"), strict=True))
    assert asked(settings, f"SELECT DISTINCT as_of FROM {PRODUCT}.for_customer ORDER BY 1") == [
        (TUESDAY,),
        (WEDNESDAY,),
    ]
    assert (ids[0],) not in asked(settings, f"SELECT release FROM {PRODUCT}.for_customer_changes")
    point(settings, ids[0], MONDAY)
    load.bring(settings, "shop", PRODUCT)
    assert [row[0] for row in asked(settings, CURRENT)] == ["c1"]
    again = publish(settings, root, MONDAY, {"for_customer": [place_row("c4", 1)]})
    point(settings, again, MONDAY)  # old, and what readers see: it stays
    load.bring(settings, "shop", PRODUCT)
    assert [row[0] for row in asked(settings, CURRENT)] == ["c4"]


def test_the_changes_that_are_left_when_old_nights_went_give_the_table(settings: Settings, root: Path) -> None:
    settings = dataclasses.replace(settings, warehouse_days=1)
    for n in range(6):
        lasting, moving = place_row("always", 1), place_row("moving", 1, f"i{n}")
        once = [place_row(f"only on {n}", 1)]
        publish(settings, root, MONDAY + timedelta(days=n), {"for_customer": [lasting, moving, *once]})
        load.run(settings, MONDAY + timedelta(days=n))
        assert replayed(settings, is_whole=False) == table(settings)
    left = asked(settings, f"SELECT customer_id, operation FROM {PRODUCT}.for_customer_changes ORDER BY 1, changed_at")
    # Of each key the last, and what the nights that are still there moved: those of the last two.
    assert left == [
        ("always", "upsert"),
        ("moving", "upsert"),
        ("moving", "upsert"),
        ("only on 3", "delete"),
        ("only on 4", "upsert"),
        ("only on 4", "delete"),
        ("only on 5", "upsert"),
    ]


def test_a_contract_that_changes_keeps_the_days_before(settings: Settings, root: Path) -> None:
    publish(settings, root, MONDAY, {"for_customer": [place_row("c1", 1)]})
    load.run(settings, MONDAY)
    without = FOR_CUSTOMER.replace("  score: {", "  weight: {")
    expectations(root.parent, for_customer=without)
    changed = {**place_row("c1", 1), "weight": 2.0}
    del changed["score"]
    publish(settings, root, TUESDAY, {"for_customer": [changed]})
    load.run(settings, TUESDAY)
    select = f"SELECT as_of, score, weight FROM {PRODUCT}.for_customer ORDER BY as_of"
    assert asked(settings, select) == [(MONDAY, 0.5, None), (TUESDAY, None, 2.0)]
    assert asked(settings, f"SELECT score, weight FROM {PRODUCT}.for_customer_current") == [(None, 2.0)]


def test_a_contract_that_lets_a_column_be_null_is_followed_and_its_new_words_too(
    settings: Settings, root: Path
) -> None:
    publish(settings, root, MONDAY, {"for_customer": [place_row("c1", 1)]})
    load.run(settings, MONDAY)
    made_at = "made_at: {type: timestamp, meaning: when it was thought of, privacy: none"
    told = FOR_CUSTOMER.replace(made_at, f"{made_at}, nullable: true").replace("how likely it is", "how likely it was")
    expectations(root.parent, for_customer=told)
    publish(settings, root, TUESDAY, {"for_customer": [place_row("c1", 1, made_at=None)]})
    load.run(settings, TUESDAY)
    assert asked(settings, f"SELECT made_at FROM {PRODUCT}.for_customer_current") == [(None,)]
    assert comments(settings)["score"] == "how likely it was bought [probability]"
    assert replayed(settings) == table(settings)


@pytest.mark.parametrize(
    ("was", "now", "said"),
    [
        ("rank: {type: int", "rank: {type: long", "for_customer.rank is INTEGER in the warehouse and BIGINT in"),
        ("[customer_id, rank]", "[customer_id, rank, item_id]", "as_of, customer_id, rank in the warehouse and as_of"),
    ],
)
def test_another_type_or_key_is_refused_with_the_way_on(
    settings: Settings, root: Path, was: str, now: str, said: str
) -> None:
    publish(settings, root, MONDAY, {"for_customer": [place_row("c1", 1)]})
    load.run(settings, MONDAY)
    expectations(root.parent, for_customer=FOR_CUSTOMER.replace(was, now))
    publish(settings, root, TUESDAY, {"for_customer": [place_row("c2", 1)]})
    with pytest.raises(DaybreakError, match=said) as told:
        load.run(settings, TUESDAY)
    assert asked(settings, CURRENT) == [("c1", 1, "i1", 0.5)]
    statements = str(told.value).partition("anew (")[2].partition(")")[0]
    with writer(settings) as connection:
        for statement in statements.split(";"):
            connection.execute(statement)
    load.run(settings, TUESDAY)
    assert asked(settings, CURRENT) == [("c2", 1, "i1", 0.5)] and replayed(settings) == table(settings)


def writer(settings: Settings) -> Any:
    """A connection of somebody who may change the warehouse, committed and closed with the block."""
    if "://" in settings.warehouse:
        return psycopg.connect(settings.warehouse)
    return duckdb.connect(settings.warehouse.replace("{store}", "shop"))


def test_a_file_that_is_not_what_was_published_is_refused(settings: Settings, root: Path) -> None:
    publish(settings, root, MONDAY, {"for_customer": [place_row("c1", 1)]})
    load.run(settings, MONDAY)
    release = publish(settings, root, TUESDAY, {"for_customer": [place_row("c2", 1)]})
    file = next(Path(settings.publish).glob(f"shop/*/for_customer/*/release={release}/*.parquet"))
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    with pytest.raises(DaybreakError, match="is not what its manifest promises"):
        load.run(settings, TUESDAY)
    assert asked(settings, CURRENT) == [("c1", 1, "i1", 0.5)]


def test_another_store_is_refused(settings: Settings, root: Path) -> None:
    settings = dataclasses.replace(settings, warehouse=settings.warehouse.replace("{store}", "one"))
    publish(settings, root, MONDAY, {"for_customer": [place_row("c1", 1)]})
    load.run(settings, MONDAY)
    publish(settings, root, MONDAY, {"for_customer": [place_row("c1", 1)]}, store="other")
    with pytest.raises(DaybreakError, match="holds the store 'shop', not 'other'"):
        load.bring(settings, "other", PRODUCT)


def test_a_warehouse_out_of_reach_is_said_without_its_password(shop: Settings, root: Path) -> None:
    publish(shop, root, MONDAY, {"for_customer": [place_row("c1", 1)]})
    away = dataclasses.replace(shop, warehouse="postgresql://daybreak:sesame%21open@127.0.0.1:1/none")
    with pytest.raises(DaybreakError, match=r"postgresql://daybreak:\*\*\*@127\.0\.0\.1:1/none") as told:
        load.run(away, MONDAY)
    assert "sesame" not in str(told.value) + repr(told.value) + repr(away)
    with pytest.raises(DaybreakError, match="expected a DuckDB file"):
        load.run(dataclasses.replace(shop, warehouse="mysql://me:sesame@there/x"), MONDAY)


def test_no_warehouse_is_a_choice(shop: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    load.run(dataclasses.replace(shop, warehouse="none"), MONDAY)
    assert "no warehouse is set" in capsys.readouterr().out
    assert not (shop.home / "warehouse").exists()


def test_a_publication_on_s3_is_loaded(shop: Settings, root: Path, bucket: str, s3_server: str) -> None:
    there = dataclasses.replace(shop, publish=f"s3://{bucket}/published", s3_endpoint=s3_server)
    publish(there, root, MONDAY, {"for_customer": [place_row("c1", n) for n in range(1, 6)]}, files=2)
    load.run(there, MONDAY)
    assert len(asked(there, CURRENT)) == 5


def test_a_program_that_writes_the_duckdb_file_is_asked_to_close_it(shop: Settings, root: Path) -> None:
    publish(shop, root, MONDAY, {"for_customer": [place_row("c1", 1)]})
    load.run(shop, MONDAY)
    publish(shop, root, TUESDAY, {"for_customer": [place_row("c2", 1)]})
    path = shop.warehouse.replace("{store}", "shop")
    hold = f"import duckdb, sys; c = duckdb.connect({path!r}); print('open', flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", hold], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None and other.stdout.readline() == b"open\n"
        with pytest.raises(DaybreakError, match="open for writing in another program"):
            load.run(shop, TUESDAY)
        other.communicate()
    load.run(shop, TUESDAY)
    assert asked(shop, CURRENT) == [("c2", 1, "i1", 0.5)]


def test_what_a_program_writes_into_the_duckdb_file_during_a_load_stays(
    shop: Settings, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(shop, root, MONDAY, {"for_customer": [place_row("c1", 1)]})
    load.run(shop, MONDAY)
    publish(shop, root, TUESDAY, {"for_customer": [place_row("c2", 1)]})
    path, record = shop.warehouse.replace("{store}", "shop"), layout.record
    written = f"import duckdb; duckdb.connect({path!r}).execute('CREATE TABLE mine AS SELECT 42 AS answer')"

    def meanwhile(*arguments: Any, **named: Any) -> None:
        subprocess.run([sys.executable, "-c", written], check=True)
        record(*arguments, **named)

    with monkeypatch.context() as patch, pytest.raises(DaybreakError, match="was written by another program"):
        patch.setattr(layout, "record", meanwhile)
        load.run(shop, TUESDAY)
    assert asked(shop, CURRENT) == [("c1", 1, "i1", 0.5)]
    load.run(shop, TUESDAY)
    assert asked(shop, CURRENT) == [("c2", 1, "i1", 0.5)]
    assert asked(shop, "SELECT answer FROM mine") == [(42,)]


def test_files_are_fetched_before_the_warehouse_is_held(
    shop: Settings, root: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = dataclasses.replace(shop, warehouse=postgres_url)
    publish(settings, root, MONDAY, {"for_customer": [place_row("c1", 1)]})
    checked, held = files._checked, []

    def meanwhile(*arguments: Any) -> str:
        held.extend(asked(settings, "SELECT pid FROM pg_locks WHERE locktype = 'advisory'"))
        held.extend(asked(settings, "SELECT pid FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'"))
        return checked(*arguments)

    monkeypatch.setattr(files, "_checked", meanwhile)
    load.run(settings, MONDAY)
    assert not held and asked(settings, CURRENT) == [("c1", 1, "i1", 0.5)]


def test_a_load_that_never_ends_is_waited_for_with_a_word_and_an_end(
    shop: Settings, root: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = dataclasses.replace(shop, warehouse=postgres_url)
    publish(settings, root, MONDAY, {"for_customer": [place_row("c1", 1)]})
    monkeypatch.setattr(connections, "LOAD_SECONDS", 0.2)
    with psycopg.connect(postgres_url) as hanging:
        hanging.execute("SELECT pg_advisory_xact_lock(hashtext('daybreak'))")
        with pytest.raises(connections.Busy, match=r":\*\*\*@.* is being written by another load: wait for it to end"):
            load.bring(settings, "shop", PRODUCT)
        assert "waiting, postgresql://daybreak:***@" in capsys.readouterr().out
    load.bring(settings, "shop", PRODUCT)
    assert "waiting" not in capsys.readouterr().out and len(asked(settings, CURRENT)) == 1


def test_a_load_spills_to_a_folder_that_goes_with_it(settings: Settings, root: Path) -> None:
    publish(settings, root, MONDAY, {"for_customer": [place_row("c1", 1)]})
    select = "SELECT current_setting('memory_limit'), current_setting('temp_directory')"
    with connections.opened(settings, "shop") as warehouse:
        limit, spill = warehouse.engine.execute(select).fetchall()[0]
        assert limit == "1.8 GiB" and Path(spill).is_absolute()
    assert not Path(spill).exists()
