"""S3 is killed while a release is on its way there: the stage says so, and the same command again publishes it."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from datetime import date
from pathlib import Path

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from jobs.lib.airflow import free_port
from tests.e2e.nights import finish, release_of, said, stage, start, whole_night
from tests.faults.strikes import delivered
from tests.waiting import until

DAY = date(2026, 3, 5)
SEED = 20261128
BUCKET = "shop"
LIMIT_SECONDS = 300


class Moto:
    """moto's server as a process of its own. What it holds dies with it."""

    def __init__(self, log: Path) -> None:
        self.port = free_port({})
        self.log = log
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self.client = boto3.client("s3", endpoint_url=self.endpoint, region_name="us-east-1")

    def start(self) -> None:
        """Starts it and makes the bucket, once it answers."""
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
        until(self._has_bucket, LIMIT_SECONDS, lambda: self.process.poll() is None, self.log.read_text, every=0.2)

    def _has_bucket(self) -> bool:
        try:
            self.client.create_bucket(Bucket=BUCKET)
        except (BotoCoreError, ClientError):
            return False
        return True

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def keys(self) -> list[str]:
        return [found["Key"] for found in self.client.list_objects_v2(Bucket=BUCKET).get("Contents", [])]

    def fetch(self, folder: Path) -> None:
        """Copies all objects into a folder."""
        for key in self.keys():
            (folder / key).parent.mkdir(parents=True, exist_ok=True)
            self.client.download_file(BUCKET, key, str(folder / key))


def test_a_publication_comes_through_the_loss_of_s3(tmp_path: Path) -> None:
    shop = delivered(tmp_path, DAY)
    home = tmp_path / "night"
    home.mkdir()
    finish(home, shop.folder, whole_night(DAY))
    expected = release_of(home)
    moto = Moto(tmp_path / "moto.log")
    moto.start()
    there = {"DAYBREAK_PUBLISH": f"s3://{BUCKET}/published", "DAYBREAK_S3_ENDPOINT": moto.endpoint}
    # After so many objects: the files of four tables come before the manifest, and that before the pointer.
    enough = random.Random(SEED).randint(1, 4)
    night = start(home, shop.folder, stage(["published"], DAY), **there)
    try:
        until(
            lambda: len(moto.keys()) >= enough,
            LIMIT_SECONDS,
            lambda: night.poll() is None,
            lambda: said(home)[-3000:],
            every=0.01,
        )
        moto.kill()
        assert night.wait(LIMIT_SECONDS) == 1, said(home)[-3000:]
    finally:
        if night.poll() is None:
            os.killpg(night.pid, signal.SIGKILL)
        moto.kill()
    assert f"s3://{BUCKET}/published" in said(home) and "Traceback" not in said(home), said(home)[-3000:]
    moto.start()
    try:
        finish(home, shop.folder, stage(["published"], DAY), **there)
        moto.fetch(tmp_path / "fetched")
    finally:
        moto.kill()
    assert release_of(tmp_path / "fetched") == expected
