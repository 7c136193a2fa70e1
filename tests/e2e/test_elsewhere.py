"""The same night elsewhere: on a Spark cluster that loses executors, and with a lake on S3 behind a bad line."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import boto3
import psutil
import pyspark
import pytest

from jobs.lib.airflow import free_port
from tests.e2e.nights import assert_same_outputs, finish, release_of, said, start, until_said, whole_night
from tests.faults.strikes import delivered
from tests.s3 import Line
from tests.shop import Shop
from tests.waiting import until

DAY = date(2026, 3, 5)
SEED = 20261121
LIMIT_SECONDS = 600
EXECUTOR = "org.apache.spark.executor.CoarseGrainedExecutorBackend"
HAS_S3A = any((Path(sys.prefix) / "jars").glob("*hadoop-aws*"))


@dataclass(frozen=True)
class Undisturbed:
    """A shop, and the home of its night on this machine alone."""

    shop: Shop
    home: Path


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    folder = tmp_path_factory.mktemp("here")
    made = Undisturbed(delivered(folder, DAY), folder / "here")
    made.home.mkdir()
    finish(made.home, made.shop.folder, whole_night(DAY))
    return made


class Cluster:
    """A standalone Spark of a master and two workers, each a process of this machine without Daybreak's code."""

    def __init__(self, folder: Path) -> None:
        port = free_port({})
        self.folder = folder
        self.master = f"spark://127.0.0.1:{port}"
        self.processes = [self._start("master.Master", "--port", str(port))]
        for number in range(2):
            work = ["--cores", "1", "--memory", "1g", "--work-dir", str(folder / f"work-{number}")]
            self.processes.append(self._start("worker.Worker", *work, self.master))
        until(
            lambda: self._log().count("Registering worker") >= 2,
            LIMIT_SECONDS,
            lambda: all(one.poll() is None for one in self.processes),
            lambda: self._log()[-3000:],
        )

    def _start(self, name: str, *arguments: str) -> subprocess.Popen:
        env = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "SPARK_REMOTE")}
        env |= {
            "JAVA_HOME": str(Path(sys.prefix) / "java"),
            "SPARK_HOME": str(Path(pyspark.__file__).parent),
            "SPARK_LOCAL_IP": "127.0.0.1",
            "SPARK_DAEMON_MEMORY": "256m",
        }
        binary = str(Path(sys.prefix) / "bin" / "spark-class")
        command = [binary, f"org.apache.spark.deploy.{name}", "--host", "127.0.0.1", "--webui-port", "0", *arguments]
        with (self.folder / "cluster.log").open("ab") as log:
            return subprocess.Popen(
                command, cwd=self.folder, env=env, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
            )

    def _log(self) -> str:
        return (self.folder / "cluster.log").read_text(errors="replace")

    def executors(self) -> list[psutil.Process]:
        """The executors at work, whichever worker they belong to."""
        found = [child for one in self.processes[1:] for child in _children(one.pid)]
        return [process for process in found if EXECUTOR in " ".join(_words(process))]

    def end(self) -> None:
        for one in self.processes:
            for process in [*_children(one.pid), one]:
                if process.pid and _lives(process.pid):
                    os.kill(process.pid, signal.SIGKILL)
            one.wait()


def _children(pid: int) -> list[psutil.Process]:
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.Error:
        return []


def _words(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def _lives(pid: int) -> bool:
    return psutil.pid_exists(pid)


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    started = Cluster(tmp_path)
    yield started
    started.end()


def test_a_night_on_a_cluster_that_loses_executors_gives_the_same(
    cluster: Cluster, undisturbed: Undisturbed, tmp_path: Path
) -> None:
    """An executor dies in the middle of validation and another of the features; nobody runs anything again."""
    home = tmp_path / "cluster"
    home.mkdir()
    draw = random.Random(SEED)
    variables = {"DAYBREAK_MASTER": cluster.master, "SPARK_LOCAL_IP": "127.0.0.1"}
    night = start(home, undisturbed.shop.folder, whole_night(DAY), **variables)
    try:
        killed = []
        for sign, pause in (("[validated ", draw.uniform(1, 6)), ("[features ", draw.uniform(0, 2))):
            until_said(home, night, sign)
            time.sleep(pause)
            victim = cluster.executors()[draw.randrange(len(cluster.executors()))]
            victim.send_signal(signal.SIGKILL)
            killed.append(victim.pid)
        assert len(set(killed)) == 2
        assert night.wait(LIMIT_SECONDS) == 0, said(home)[-4000:]
    finally:
        if night.poll() is None:
            os.killpg(night.pid, signal.SIGKILL)
    assert_same_outputs(home, undisturbed.home)


@pytest.mark.skipif(not HAS_S3A, reason="the jars for a lake on s3:// are not set up: DAYBREAK_S3A=1 make setup")
def test_a_night_with_its_lake_on_s3_behind_a_bad_line_gives_the_same(
    s3_server: str, bucket: str, line: Line, undisturbed: Undisturbed, tmp_path: Path
) -> None:
    """Answers are lost, cut and refused now and then; no word of the credentials is written anywhere."""
    home = tmp_path / "on_s3"
    home.mkdir()
    kinds = ["", "reset", "503 SlowDown", "lost", "500 InternalError", "half"]
    draw = random.Random(SEED)
    line.only = "GET"
    line.faults = [kinds[draw.randrange(len(kinds))] if draw.random() < 0.2 else "" for _ in range(400)]
    secret = "a-secret-that-is-looked-for"
    finish(
        home,
        undisturbed.shop.folder,
        whole_night(DAY),
        DAYBREAK_LAKE=f"s3://{bucket}/lake",
        DAYBREAK_S3_ENDPOINT=line.endpoint,
        AWS_SECRET_ACCESS_KEY=secret,
    )
    assert not line.faults, "the night asked too little for the line to be bad"
    assert release_of(home) == release_of(undisturbed.home)
    listed = boto3.client("s3", endpoint_url=s3_server, region_name="us-east-1").get_paginator("list_objects_v2")
    stored = [item["Key"] for page in listed.paginate(Bucket=bucket) for item in page.get("Contents", [])]
    assert any(key.startswith("lake/shop/validated/order_lines/_delta_log/") for key in stored)
    assert not (home / "lake").exists()
    written = [path for path in home.rglob("*") if path.is_file()] + [home.parent / "on_s3.log"]
    assert not [path for path in written if secret.encode() in path.read_bytes()]
