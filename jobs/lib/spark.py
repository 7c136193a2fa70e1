"""The one factory of Spark sessions: local, a cluster's master or a Spark Connect endpoint, by setting alone."""

from __future__ import annotations

import os
import sys
import uuid
import zipfile
from pathlib import Path

from pyspark.sql import SparkSession

from jobs.lib.errors import DaybreakError
from jobs.lib.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
# A Spark of this machine alone is not to be reached from outside; its workers find the jobs wherever it was started.
LOCAL = {
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    # Planning a query again after each of its shuffles costs more here than better plans give.
    "spark.sql.adaptive.enabled": "false",
    "spark.executorEnv.PYTHONPATH": str(ROOT),
}
SHIPPED = ("jobs",)


def options(settings: Settings) -> dict[str, str]:
    """Every Spark option that Daybreak relies on, then DAYBREAK_SPARK_OPTIONS; spark-submit is given the same."""
    return {
        "spark.jars": ",".join(jars()),
        "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
        "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
        "spark.sql.session.timeZone": "UTC",
        "spark.driver.memory": settings.driver_memory,
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        # Kept for a page that nobody opens: by the twentieth night of one process a quarter of its memory.
        "spark.sql.ui.retainedExecutions": "20",
        "spark.ui.retainedJobs": "100",
        "spark.ui.retainedStages": "100",
        "spark.ui.retainedTasks": "1000",
        # Small tables are many, large ones few. (On a cluster adaptive execution splits what grows.)
        "spark.sql.shuffle.partitions": str(settings.shuffle_partitions),
        "spark.sql.sources.parallelPartitionDiscovery.parallelism": "4",
        "spark.databricks.delta.snapshotPartitions": "2",
        # A night has more distinct queries than Spark keeps the code of by default, and nights resemble each other.
        "spark.sql.codegen.cache.maxEntries": "1000",
        "spark.sql.execution.arrow.pyspark.enabled": "true",
        "spark.sql.execution.arrow.maxRecordsPerBatch": "50000",
        # Rows alone bound a batch for Python. To know its bytes Spark asks every column after each row, and a list goes
        # over all rows since its last value: 300,000 rows of nulls in one took 8.7 seconds, without this .4.
        "spark.sql.execution.arrow.maxBytesPerBatch": str(2**31 - 1),
        # Python workers leave their memory to the machine between stages instead of holding it for the night.
        "spark.python.worker.reuse": "true",
        "spark.sql.warehouse.dir": str(settings.home / "spark-warehouse"),
        "spark.log.level": "ERROR",
        **({} if settings.is_cluster else {**LOCAL, "spark.driver.extraJavaOptions": " ".join(java_options())}),
        **(s3a(settings) if settings.lake.startswith("s3://") else {}),
        **dict(settings.spark_options),
    }


def java_options() -> list[str]:
    """How the Java of a Spark of this machine alone is started."""
    # Spark's pages are large objects to Java's default collector, which marks the whole heap for each few of them.
    found = ["-XX:+UseParallelGC"]
    archive = Path(sys.prefix) / "spark.jsa"
    if archive.exists():
        # Set-up's. A Java that finds it to be another's reads the jars as usual, and need not say so.
        found += [f"-XX:SharedArchiveFile={archive}", "-Xlog:cds=off", "-Xlog:cds+dynamic=off"]
    return found


def s3a(settings: Settings) -> dict[str, str]:
    """Where the server of a lake on ``s3://`` is. Credentials are no options: driver and executors look for their own,
    in the environment (AWS_ACCESS_KEY_ID, …) or in their machine's role. Raises where the jars for it are missing."""
    if not any("hadoop-aws" in Path(jar).name for jar in jars()):
        raise DaybreakError(
            f"the lake is {settings.lake}, and the jars for that are missing: DAYBREAK_S3A=1 make setup"
        )
    found = {
        "spark.hadoop.fs.s3a.endpoint.region": settings.s3_region,
        # Several ranges asked for at once are not asked for again when a body ends early; a plain stream goes on.
        "spark.hadoop.parquet.hadoop.vectored.io.enabled": "false",
    }
    if settings.s3_endpoint:
        is_encrypted = settings.s3_endpoint.startswith("https://")
        found |= {
            "spark.hadoop.fs.s3a.endpoint": settings.s3_endpoint,
            "spark.hadoop.fs.s3a.path.style.access": "true",
            "spark.hadoop.fs.s3a.connection.ssl.enabled": str(is_encrypted).lower(),
        }
    if settings.s3_encryption:
        # In s3a's own words, where it is Hadoop and not jobs/lib/s3.py that writes.
        kms, _, key = settings.s3_encryption.partition("aws:kms")
        found["spark.hadoop.fs.s3a.encryption.algorithm"] = kms or "SSE-KMS"
        if key:
            found["spark.hadoop.fs.s3a.encryption.key"] = key.removeprefix(":")
    return found


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
        connected = SparkSession.builder.remote(settings.remote).appName(name).getOrCreate()
        if settings.is_cluster:
            connected.addArtifacts(str(shipped(settings)), pyfile=True)
        return connected
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
    started = builder.getOrCreate()
    if settings.is_cluster:
        started.sparkContext.addPyFile(str(shipped(settings)))
    return started


def shipped(settings: Settings) -> Path:
    """The code of this checkout as one archive, for the Python workers of a cluster that do not have it."""
    from jobs.lib.lineage import code_version

    archive = settings.home / "code" / f"daybreak-{code_version()}.zip"
    if not archive.exists():
        archive.parent.mkdir(parents=True, exist_ok=True)
        partial = archive.with_name(f"{uuid.uuid4().hex}.partial")
        with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as packed:
            for path in sorted(file for folder in SHIPPED for file in (ROOT / folder).rglob("*")):
                if path.is_file() and "__pycache__" not in path.parts:
                    packed.write(path, path.relative_to(ROOT))
        partial.replace(archive)
    return archive


def as_properties(settings: Settings) -> str:
    """The options as the lines of a properties file for spark-submit, where a driver's memory and jars count only
    before it starts."""
    return "".join(f"{key} {value}\n" for key, value in options(settings).items())
