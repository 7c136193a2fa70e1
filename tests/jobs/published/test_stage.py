"""A release is whole or not there, whatever happens to the run that makes it."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs.lib import contracts, lineage, objects, registry
from jobs.lib.errors import DaybreakError
from jobs.lib.objects import ObjectStore
from jobs.lib.settings import Settings
from jobs.lib.stages import Night
from jobs.lib.stores import Store
from jobs.lib.tables import Tables, Written
from jobs.published import parts, releases, stage

OCTOBER, NOVEMBER = date(2011, 10, 31), date(2011, 11, 1)

FOR_CUSTOMER = """
row: a place in a customer's list
key: [customer_id, rank]
history: daily
columns:
  customer_id: {type: id, meaning: whose list it is, privacy: pseudonym}
  rank: {type: int, meaning: place from 1, privacy: none}
  item_id: {type: id, meaning: what stands there, privacy: none}
  score: {type: double, meaning: how likely it is bought, privacy: none, nullable: true}
  tags: {type: array<string>, meaning: why, privacy: none, nullable: true}
  model_version: {type: string, meaning: what made the row, privacy: none}
"""
FOR_NEWCOMER = """
row: a place in the list of a segment
key: [segment, rank]
history: daily
columns:
  segment: {type: string, meaning: which newcomers see it, privacy: none}
  rank: {type: int, meaning: place from 1, privacy: none}
  made_at: {type: timestamp, meaning: when it was thought of, privacy: none}
  model_version: {type: string, meaning: what made the row, privacy: none}
"""


class Killed(BaseException):
    """The process ends here; nothing of ours catches it."""


@pytest.fixture(scope="module")
def lakes(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Two lakes with finished nights: ``first``, and ``again`` with October made anew and November repaired.

    Made once, as making them is not what is tried here.
    """
    root = tmp_path_factory.mktemp("publication")
    folder = root / "expectations" / "recommendations"
    folder.mkdir(parents=True)
    (folder / "for_customer.yml").write_text(FOR_CUSTOMER)
    (folder / "for_newcomer.yml").write_text(FOR_NEWCOMER)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(contracts, "ROOT", root / "expectations")
        for name, nights in {"first": ((OCTOBER, 1), (NOVEMBER, 2)), "again": ((OCTOBER, 1), (NOVEMBER, 3))}.items():
            for day, seed in nights:
                tables = Tables(spark, str(root / name), "shop")
                lists = _lists(spark, seed)
                frames = {"for_customer": lists.repartition(3) if name == "again" else lists}
                for table, frame in {**frames, "for_newcomer": _newcomers(spark)}.items():
                    columns = contracts.load(f"recommendations.{table}").schema().fieldNames()
                    dated = frame.withColumn("as_of", F.lit(day)).select(*columns)
                    tables.replace_where(f"recommendations.{table}", dated, f"as_of = DATE'{day}'", rows=120)
                lineage.complete(
                    tables, "recommendations", day, tables.written, 1.0, None, datetime.now(UTC), f"model{seed}"
                )
        yield {name: str(root / name) for name in ("first", "again")}


BOTH = pytest.mark.parametrize("settings", ["folder", "s3"], indirect=True)


@pytest.fixture
def settings(request: pytest.FixtureRequest, home: Settings, lakes: dict[str, str]) -> Settings:
    home = dataclasses.replace(home, lake=lakes["first"])
    if getattr(request, "param", "folder") == "folder":
        return home
    bucket, endpoint = request.getfixturevalue("bucket"), request.getfixturevalue("s3_server")
    return dataclasses.replace(home, publish=f"s3://{bucket}/published", s3_endpoint=endpoint)


@pytest.fixture
def a_store(tmp_path: Path) -> Store:
    return Store(
        name="shop", currency="GBP", timezone="Europe/London", country="GB", period="day", closed_weekdays=frozenset(),
        holidays_country=None, landing=str(tmp_path), folder=tmp_path, sources={}, mappings={},
    )  # fmt: skip


@pytest.fixture
def night_of(spark: SparkSession, settings: Settings, lakes: dict[str, str], a_store: Store) -> Callable[..., Night]:
    """The night of a day in one of the lakes."""

    def look(day: date, lake: str = "first") -> Night:
        return Night(spark, settings, a_store, Tables(spark, lakes[lake], "shop"), day, "published")

    return look


@pytest.fixture
def own_night(night_of: Callable[..., Night], tmp_path: Path) -> Night:
    """October's night in a lake of the test's own, for one that writes to it or to the registry."""
    night = night_of(OCTOBER)
    shutil.copytree(night.settings.lake, tmp_path / "lake")
    settings = dataclasses.replace(night.settings, lake=str(tmp_path / "lake"))
    return dataclasses.replace(night, settings=settings, tables=Tables(night.spark, settings.lake, "shop"))


def crowned(settings: Settings, tmp_path: Path) -> registry.Champion:
    """October's champion."""
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "ranker.json").write_text("trees")
    return registry.crown(
        settings, "shop", "recommendations", OCTOBER, tmp_path / "model", {}, "beats the best baseline"
    )


def _lists(spark: SparkSession, seed: int) -> DataFrame:
    number = F.col("id")
    return spark.range(120).select(
        F.format_string("c%05d", (number / 4).cast("int")).alias("customer_id"),
        (number % 4 + 1).cast("int").alias("rank"),
        F.concat(F.lit("item é "), number.cast("string")).alias("item_id"),
        F.when(number % 7 > 0, number * 0.25 + seed).alias("score"),
        F.array(F.lit("trend"), F.lit("own")).alias("tags"),
        F.lit(f"model{seed}").alias("model_version"),
    )


def _newcomers(spark: SparkSession) -> DataFrame:
    at = datetime(2011, 10, 31, 1, 2, 3, tzinfo=UTC)
    shape = "segment string, rank int, made_at timestamp, model_version string"
    return spark.createDataFrame([("all", 1, at, "popular"), ("country=France", 1, at, "popular")], shape)


def scored(night: Night, champion: registry.Champion) -> None:
    """What the product's stage leaves when it has scored the night again, here to the same rows, with a champion."""
    done = lineage.completion(night.tables, "recommendations", night.as_of)
    assert done is not None
    written = [Written(table, version, 120) for table, version in done.versions.items()]
    lineage.complete(
        night.tables, "recommendations", night.as_of, written, 1.0, None, datetime.now(UTC), champion.version
    )


def published(settings: Settings) -> ObjectStore:
    return releases.open_product(settings, "shop", "recommendations")


def read_current(store: ObjectStore) -> tuple[str, dict[str, pd.DataFrame]]:
    """What a reader sees who starts at the pointer and checks what he gets."""
    seen = releases.current(store)
    assert seen is not None
    manifest = releases.manifest(store, seen["release"])
    assert manifest is not None and manifest["as_of"] == seen["as_of"]
    frames = {}
    for name, table in manifest["tables"].items():
        pieces = []
        for file in table["files"]:
            content = store.read(file["key"])
            assert (len(content), hashlib.sha256(content).hexdigest()) == (file["bytes"], file["sha256"])
            assert file["uri"] == store.uri(file["key"])
            pieces.append(pd.read_parquet(io.BytesIO(content)))
            assert len(pieces[-1]) == file["rows"]
        frames[name] = pd.concat(pieces, ignore_index=True)
        assert len(frames[name]) == table["rows"]
    return seen["release"], frames


def everything(store: ObjectStore) -> dict[str, str]:
    return {found.key: hashlib.sha256(store.read(found.key)).hexdigest() for found in store.list()}


@BOTH
def test_a_night_is_published_whole(own_night: Night, settings: Settings, tmp_path: Path) -> None:
    scored(own_night, crowned(own_night.settings, tmp_path))
    stage.run(own_night)
    release, frames = read_current(published(settings))
    pointer = json.loads(published(settings).read("current.json"))
    assert pointer == {"release": release, "as_of": "2011-10-31"}
    assert release.startswith("20111031-") and len(release) == 21
    lists = frames["for_customer"]
    assert lists.columns.tolist() == ["customer_id", "rank", "item_id", "score", "tags", "model_version", "as_of"]
    assert lists["as_of"].astype(str).unique().tolist() == ["2011-10-31"]
    keys = list(zip(lists["customer_id"], lists["rank"], strict=True))
    assert keys == sorted(keys) and len(keys) == 120
    assert lists["score"].isna().sum() == 18 and list(lists["tags"][0]) == ["trend", "own"]
    assert frames["for_newcomer"]["made_at"][0] == pd.Timestamp("2011-10-31T01:02:03Z")
    manifest = releases.manifest(published(settings), release)
    assert manifest is not None
    assert manifest["verdict"] == "beats the best baseline" and manifest["champion_from"] == "2011-10-31"
    assert manifest["model_versions"] == ["model1", "popular"] and manifest["code_version"] == lineage.code_version()
    assert manifest["tables"]["for_customer"]["key"] == ["customer_id", "rank"]
    listed = releases.list_releases(settings, "shop")
    assert [(one.release, one.rows, one.is_current) for one in listed] == [(release, 122, True)]
    assert f"-> {release}" in releases.shown(listed) and "beats the best baseline" in releases.shown(listed)


def test_a_night_scored_with_another_champion_than_the_one_in_force_is_refused_until_it_is_scored_again(
    own_night: Night, settings: Settings, tmp_path: Path
) -> None:
    champion = crowned(own_night.settings, tmp_path)  # as by a rollback, after the night was scored
    with pytest.raises(DaybreakError, match="not the champion of 2011-10-31: run `python -m jobs recommendations --as"):
        stage.run(own_night)
    assert list(published(settings).list()) == []
    scored(own_night, champion)
    stage.run(own_night)
    assert read_current(published(settings))[0].startswith("20111031-")


def test_the_same_night_again_rewrites_nothing(
    night_of: Callable[..., Night], settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    stage.run(night_of(OCTOBER))
    before = everything(published(settings))
    times = {found.key: found.modified_at for found in published(settings).list()}
    stage.run(night_of(OCTOBER, "again"))  # its tables made anew, in other partitions
    assert everything(published(settings)) == before
    assert {found.key: found.modified_at for found in published(settings).list()} == times
    assert "nothing rewritten" in capsys.readouterr().out


def test_a_backfilled_night_leaves_readers_on_the_later_one(
    night_of: Callable[..., Night], settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    stage.run(night_of(NOVEMBER))
    later = read_current(published(settings))[0]
    stage.run(night_of(OCTOBER))
    assert read_current(published(settings))[0] == later
    assert [one.as_of for one in releases.list_releases(settings, "shop")] == ["2011-10-31", "2011-11-01"]
    assert f"current stays on the later night's {later}" in capsys.readouterr().out
    stage.run(night_of(NOVEMBER, "again"))  # repaired: other content, another release, and readers see it
    repaired, frames = read_current(published(settings))
    assert repaired != later and set(frames["for_customer"]["model_version"]) == {"model3"}


STEPS: dict[str, Callable[[pytest.MonkeyPatch], None]] = {}


def strike(name: str, module: object, function: str, call: int, after: bool) -> None:
    """Registers a crash at the ``call``-th use of a function, before or after it did its work."""

    def arm(patch: pytest.MonkeyPatch) -> None:
        whole, calls = getattr(module, function), []

        def struck(*arguments: object, **named: object) -> object:
            calls.append(1)
            if len(calls) < call:
                return whole(*arguments, **named)
            if after:
                whole(*arguments, **named)
            raise Killed

        patch.setattr(module, function, struck)

    STEPS[name] = arm


strike("before any part", parts, "write_parts", 1, after=False)
strike("one table written", parts, "write_parts", 1, after=True)
strike("all parts written", parts, "write_parts", 2, after=True)
strike("manifest made, not put", stage, "_manifest", 1, after=True)
strike("manifest put, nothing swept", stage, "_sweep", 1, after=False)
strike("manifest put, pointer old", releases, "advance", 1, after=False)


@BOTH
def test_a_crash_leaves_the_old_release_and_the_next_run_mends(
    night_of: Callable[..., Night], settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = published(settings)
    stage.run(night_of(OCTOBER))
    old, old_frames = read_current(store)
    night = night_of(NOVEMBER)
    new = stage.release_id(night, stage.night_outputs(night, "recommendations", None))
    for arm in STEPS.values():  # each run begins on what the one before it left
        with monkeypatch.context() as patch, pytest.raises(Killed):
            arm(patch)
            stage.run(night)
        seen, frames = read_current(store)
        assert seen == old
        for name, frame in frames.items():
            pd.testing.assert_frame_equal(frame, old_frames[name])
        if releases.manifest(store, new) is None:  # bytes that the next run will not write itself
            store.put(f"for_customer/as_of=2011-11-01/release={new}/part-00009-000-abc.parquet", b"half")
    stage.run(night)
    assert read_current(store)[0] == new
    files = {found.key for found in store.list() if found.key.endswith(".parquet")}
    manifests = [releases.manifest(store, one.release) for one in releases.list_releases(settings, "shop")]
    assert files == {key for manifest in manifests if manifest for key in releases.parts_of(manifest)}


@BOTH
@pytest.mark.parametrize("table", ["for_customer", "for_newcomer"])
def test_of_two_publishers_with_different_bytes_one_release_stays_whole(
    night_of: Callable[..., Night], settings: Settings, monkeypatch: pytest.MonkeyPatch, table: str
) -> None:
    night, store, write = night_of(OCTOBER), published(settings), parts.write_parts

    def beaten(*arguments: Any) -> list[parts.Part]:
        written = write(*arguments)
        if arguments[1].table != table:
            return written
        with monkeypatch.context() as other:  # another machine, from first to last, while this one writes
            other.setattr(parts, "write_parts", write)
            other.setattr(parts, "ROWS_PER_PART", 20)
            stage.run(night_of(OCTOBER))
        monkeypatch.setattr(parts, "write_parts", write)
        if table == "for_newcomer":  # and this one, having written all of its own, finds the other's not whole
            store.delete([found.key for found in store.list(f"{table}/")])
        return written

    monkeypatch.setattr(parts, "write_parts", beaten)
    stage.run(night)
    release, frames = read_current(store)
    assert len(frames["for_customer"]) == 120 and len(frames["for_newcomer"]) == 2
    manifest = releases.manifest(store, release)
    assert manifest is not None and len(manifest["tables"]["for_customer"]["files"]) > 1, "the other was first"
    assert {found.key for found in store.list() if found.key.endswith(".parquet")} == set(releases.parts_of(manifest))


def test_large_tables_become_many_parts_in_order_of_the_key(
    night_of: Callable[..., Night], settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "ROWS_PER_PART", 20)
    stage.run(night_of(OCTOBER))
    _, frames = read_current(published(settings))
    manifest = releases.manifest(published(settings), releases.list_releases(settings, "shop")[0].release)
    assert manifest is not None and len(manifest["tables"]["for_customer"]["files"]) >= 5
    assert frames["for_customer"]["customer_id"].is_monotonic_increasing
    assert not frames["for_customer"].duplicated(["customer_id", "rank"]).any()


def test_lost_and_damaged_files_come_back(night_of: Callable[..., Night], settings: Settings) -> None:
    store = published(settings)
    stage.run(night_of(OCTOBER))
    before = everything(store)
    store.delete([key for key in before if key.endswith(".parquet")])
    stage.run(night_of(OCTOBER))
    assert everything(store) == before
    damaged = next(key for key in before if key.endswith(".parquet"))
    store.put(damaged, store.read(damaged)[:-1] + b"?")  # of the right size
    stage.run(night_of(OCTOBER))
    assert everything(store) == before


def test_an_unready_product_is_refused_in_words(settings: Settings, night_of: Callable[..., Night]) -> None:
    with pytest.raises(DaybreakError, match=r"not complete for 2011-11-02: run `python -m jobs recommendations"):
        stage.run(night_of(date(2011, 11, 2)))
    assert list(published(settings).list()) == []


def test_a_storage_that_changes_bytes_is_found(tmp_path: Path) -> None:
    class Forgetful(objects.FolderStore):
        def put(self, key: str, data: bytes | Path, if_match: str | None = None, if_absent: bool = False) -> str:
            content = data if isinstance(data, bytes) else data.read_bytes()
            return super().put(key, content[:-1] + b"?", if_match, if_absent)

    (tmp_path / "part").write_bytes(b"PAR1 and so on")
    with pytest.raises(DaybreakError, match="not to be trusted"):
        parts._upload(tmp_path / "part", Forgetful(str(tmp_path / "root")), "t", "part-0", 1)


def test_pandas_and_duckdb_read_the_files_alike(night_of: Callable[..., Night], settings: Settings) -> None:
    stage.run(night_of(OCTOBER))
    stage.run(night_of(NOVEMBER))
    root = Path(settings.publish) / "shop" / "recommendations"
    files = sorted(str(path) for path in root.glob("for_customer/as_of=*/release=*/part-*.parquet"))
    one, many = pd.read_parquet(files[0]), pd.read_parquet(files)
    tree = pd.read_parquet(root / "for_customer")
    by_duckdb = duckdb.sql(f"SELECT * FROM read_parquet('{root}/for_customer/**/*.parquet')").df()
    assert len(one) == 120 and len(many) == len(tree) == len(by_duckdb) == 240
    assert by_duckdb["as_of"].astype(str).unique().tolist() == ["2011-10-31", "2011-11-01"]
    assert sorted(many["as_of"].astype(str).unique()) == ["2011-10-31", "2011-11-01"]
    assert many["score"].sum() == tree["score"].sum() == by_duckdb["score"].sum()


def test_a_product_that_a_night_run_again_did_not_make_is_not_published_as_it_was(
    night_of: Callable[..., Night], monkeypatch: pytest.MonkeyPatch
) -> None:
    night, made = night_of(OCTOBER), lineage.completions
    for hours, is_older in ((-1, False), (1, True)):
        at = datetime.now() + timedelta(hours=hours)
        features = lineage.Completion("features", OCTOBER, "run", {}, None, at)
        monkeypatch.setattr(lineage, "completions", lambda *asked, it=features: {**made(*asked), "features": it})
        if is_older:
            with pytest.raises(DaybreakError, match="was last made before the features"):
                stage.night_outputs(night, "recommendations", None)
        else:
            assert stage.night_outputs(night, "recommendations", None)
