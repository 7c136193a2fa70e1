"""The one factory of Spark sessions: local, a cluster's master or a Spark Connect endpoint, by setting alone."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from pyspark.sql import SparkSession

from jobs.lib.errors import DaybreakError
from jobs.lib.settings import Settings


def options(settings: Settings) -> dict[str, str]:
    """Every Spark option that Daybreak relies on; spark-submit is given the same ones."""
    return {
        "spark.jars": ",".join(jars()),
        "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
        "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
        "spark.sql.session.timeZone": "UTC",
        "spark.driver.memory": settings.driver_memory,
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        # Small tables are many here, large ones few: adaptive execution splits what grows, these keep the rest cheap.
        "spark.sql.shuffle.partitions": str(settings.shuffle_partitions),
        "spark.sql.sources.parallelPartitionDiscovery.parallelism": "4",
        "spark.databricks.delta.snapshotPartitions": "2",
        "spark.sql.execution.arrow.pyspark.enabled": "true",
        "spark.sql.execution.arrow.maxRecordsPerBatch": "50000",
        # Workers find the jobs wherever the command was started.
        "spark.executorEnv.PYTHONPATH": str(Path(__file__).resolve().parents[2]),
        # Python workers leave their memory to the machine between stages instead of holding it for the night.
        "spark.python.worker.reuse": "true",
        "spark.sql.warehouse.dir": str(settings.home / "spark-warehouse"),
        "spark.log.level": "ERROR",
    }


def jars() -> list[str]:
    """The jars that set-up fetched once beside the Python packages; raises when there are none."""
    folder = Path(sys.prefix) / "jars"
    found = sorted(str(path) for path in folder.glob("*.jar"))
    if not found:
        raise DaybreakError(f"Delta's jars are not in {folder}: run `make setup`")
    return found


def session(settings: Settings, name: str) -> SparkSession:
    """The session of this process: a Connect endpoint where one is set, else ``settings.master``."""
    if settings.remote:
        return SparkSession.builder.remote(settings.remote).appName(name).getOrCreate()
    # Workers run this Python, whatever the PATH says; a cluster whose Python lies elsewhere says where.
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    java = Path(sys.prefix) / "java"
    if java.exists():
        os.environ.setdefault("JAVA_HOME", str(java))
    builder = SparkSession.builder.appName(name)
    for key, value in options(settings).items():
        builder = builder.config(key, value)
    # Under spark-submit the master is spark-submit's, so that where a stage runs is the connection's to say.
    if "PYSPARK_GATEWAY_PORT" not in os.environ:
        builder = builder.master(settings.master)
    return builder.getOrCreate()
