"""What all tests share: one Spark session for the run, and an empty home for each test that wants one."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from jobs.lib import settings as environment
from jobs.lib.settings import Settings
from jobs.lib.spark import session
from jobs.lib.tables import Tables
from tests.e2e.nights import INTERPRETED, many_short_jobs

# Registered before any JVM starts: Spark's workers inherit the credentials that it sets.
pytest_plugins = ["tests.s3", "tests.postgres"]


# Begun first, so that no core waits for them at the end.
LONG = ("tests/e2e/test_airflow.py", "tests/faults/test_stages.py", "tests/jobs/validated/test_stage.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that take minutes come before the others, which keep their order."""
    items.sort(key=lambda item: not item.nodeid.startswith(LONG))


def pytest_configure() -> None:
    """Tests are many short jobs, also in the stages that they start; but what `make slow` starts has a store's options
    for Spark (Makefile)."""
    many_short_jobs()


def settings_of(home: Path, **variables: str) -> Settings:
    """Settings as the environment would give them for a home, with small memory for a test's session."""
    env = {
        "DAYBREAK_HOME": str(home),
        "DAYBREAK_MASTER": "local[2]",
        "DAYBREAK_DRIVER_MEMORY": "1g",
        "DAYBREAK_SETTLE_SECONDS": "0",
        "PRODUCTS": "recommendations",  # tests of the machinery publish one product
    }
    return environment.load({**env, **variables})


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    """One local session for all tests: starting one costs more than most tests."""
    settings = settings_of(tmp_path_factory.mktemp("spark"), DAYBREAK_SPARK_OPTIONS=INTERPRETED)
    started = session(settings, "daybreak tests")
    yield started
    started.stop()


@pytest.fixture(scope="module", autouse=True)
def forgotten() -> Iterator[None]:
    """Frames that Python forgets late keep their plans and broadcasts in Spark's memory."""
    yield
    gc.collect()


@pytest.fixture
def home(tmp_path: Path) -> Settings:
    """Settings of an empty home."""
    return settings_of(tmp_path / "home")


@pytest.fixture
def tables(spark: SparkSession, home: Settings) -> Tables:
    """The door to the lake of an empty home, for a store named ``shop``."""
    return Tables(spark, home.lake, "shop")
