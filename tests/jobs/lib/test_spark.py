"""What Spark is told, by setting: here, on a cluster, with a lake on S3; no session is started."""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

import pytest

from jobs.lib import spark
from jobs.lib.errors import DaybreakError
from tests.conftest import settings_of


def test_only_a_spark_of_this_machine_is_bound_to_it(tmp_path: Path) -> None:
    here = spark.options(settings_of(tmp_path))
    there = spark.options(settings_of(tmp_path, DAYBREAK_MASTER="spark://master:7077"))
    assert here["spark.driver.host"] == "127.0.0.1" and "spark.executorEnv.PYTHONPATH" in here
    assert "spark.driver.extraJavaOptions" in here
    assert not {*spark.LOCAL, "spark.driver.extraJavaOptions"} & set(there)


def test_classes_come_from_set_ups_archive_where_there_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    assert spark.java_options() == ["-XX:+UseParallelGC"]
    (tmp_path / "spark.jsa").write_text("classes")
    assert f"-XX:SharedArchiveFile={tmp_path / 'spark.jsa'}" in spark.java_options()


@pytest.mark.parametrize(
    ("variables", "is_cluster"),
    [
        ({"DAYBREAK_MASTER": "local[4]"}, False),
        ({"DAYBREAK_MASTER": "yarn"}, True),
        ({"SPARK_REMOTE": "sc://localhost:15002"}, False),
        ({"SPARK_REMOTE": "sc://workspace:443/;token=x"}, True),
    ],
)
def test_where_tasks_run_is_seen_from_the_settings(tmp_path: Path, variables: dict, is_cluster: bool) -> None:
    assert settings_of(tmp_path, **variables).is_cluster == is_cluster


def test_a_deployment_adds_options_of_its_own_and_mistakes_are_named(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, DAYBREAK_SPARK_OPTIONS="spark.executor.memory=4g spark.sql.shuffle.partitions=64")
    assert "spark.executor.memory 4g\n" in spark.as_properties(settings)
    assert spark.options(settings)["spark.sql.shuffle.partitions"] == "64"
    with pytest.raises(DaybreakError, match="DAYBREAK_SPARK_OPTIONS has 'executor"):
        settings_of(tmp_path, DAYBREAK_SPARK_OPTIONS="executor.memory=4g")


def test_a_lake_on_s3_is_found_by_its_server_and_wants_its_jars(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    (tmp_path / "jars").mkdir()
    (tmp_path / "jars" / "delta-spark.jar").touch()
    with pytest.raises(DaybreakError, match="DAYBREAK_S3A=1 make setup"):
        spark.options(settings_of(tmp_path, **LAKE))
    (tmp_path / "jars" / "org.apache.hadoop_hadoop-aws-3.4.2.jar").touch()
    assert s3a_options(tmp_path) == {
        "endpoint": "http://s3:9000",
        "endpoint.region": "eu-1",
        "path.style.access": "true",
        "connection.ssl.enabled": "false",
    }


LAKE = {"DAYBREAK_LAKE": "s3://lake/prefix", "DAYBREAK_S3_ENDPOINT": "http://s3:9000", "DAYBREAK_S3_REGION": "eu-1"}


def s3a_options(home: Path, **variables: str) -> dict[str, str]:
    """What s3a is told of a lake on S3, without the names' common beginning."""
    found = spark.options(settings_of(home, **LAKE, **variables))
    return {name.removeprefix("spark.hadoop.fs.s3a."): value for name, value in found.items() if "fs.s3a" in name}


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("", {}),
        ("AES256", {"encryption.algorithm": "AES256"}),
        ("aws:kms", {"encryption.algorithm": "SSE-KMS"}),
        (
            "aws:kms:arn:aws:kms:eu-1:1:key/2",
            {"encryption.algorithm": "SSE-KMS", "encryption.key": "arn:aws:kms:eu-1:1:key/2"},
        ),
    ],
)
def test_the_lake_is_encrypted_as_the_setting_asks(tmp_path: Path, monkeypatch, asked: str, told: dict) -> None:
    monkeypatch.setattr(spark, "jars", lambda: ["hadoop-aws-3.4.2.jar"])
    found = s3a_options(tmp_path, DAYBREAK_S3_ENCRYPTION=asked)
    assert {name: value for name, value in found.items() if name.startswith("encryption")} == told


def test_the_code_of_this_checkout_travels_whole(tmp_path: Path) -> None:
    archive = spark.shipped(settings_of(tmp_path))
    with zipfile.ZipFile(archive) as packed:
        names = packed.namelist()
    assert {"jobs/__init__.py", "jobs/landed/landing.py"} <= set(names) and not [n for n in names if "__pycache__" in n]
    assert spark.shipped(settings_of(tmp_path)) == archive and len(list(archive.parent.iterdir())) == 1
