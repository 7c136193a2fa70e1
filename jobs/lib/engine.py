"""The warm engine of a home's nights: one Spark Connect server for all stages, as long as Airflow runs.

A stage is a process of its own, but Spark's start, its classes and the machine code that Java makes of them are paid
once a night instead of once a stage: on two cores that was a third of a night. Only nights on this machine have one;
with a master or a connection of a cluster, stages go there by spark-submit, and with `SPARK_REMOTE` to that server.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import FrameType
from urllib.parse import urlsplit

from jobs.lib import background, memory
from jobs.lib.settings import Settings

SERVER = "org.apache.spark.sql.connect.service.SparkConnectServer"
PAUSE_SECONDS = 2.0
DEFAULT_PORT = 15002  # of Spark Connect

# What a stage killed in the midst of a query leaves running is given up after half a minute, not after the default
# five. On a busy machine a stage that lives may take more than ten seconds to come back for its results.
GIVEN_UP = {
    "spark.connect.execute.reattachable.senderMaxStreamDuration": "10s",
    "spark.connect.execute.manager.detachedTimeout": "30s",
    "spark.connect.execute.manager.maintenanceInterval": "5s",
}


def is_wanted(settings: Settings, env: Mapping[str, str]) -> bool:
    """Whether nights here get an engine of their own: not where a connection or a setting says where stages run."""
    return settings.remote is None and not settings.is_cluster and "AIRFLOW_CONN_DAYBREAK_SPARK" not in env


def address(port: int) -> str:
    """What stages set as SPARK_REMOTE; who may connect is said by the token in their environment."""
    return f"sc://localhost:{port}"


def processes(settings: Settings) -> list[int]:
    """The process of the Spark Connect server that stages use, where it is one of this machine's."""
    if settings.remote is None or settings.is_cluster:
        return []
    return memory.listening(urlsplit(settings.remote.split(";")[0].rstrip("/")).port or DEFAULT_PORT)


def start(settings: Settings, port: int, env: Mapping[str, str], log: Path) -> None:
    """Starts the server in the background; ``env`` is that of Airflow, whose end is the server's end too, and names the
    file with Spark's options: who looks at the machine's processes need not see what DAYBREAK_SPARK_OPTIONS holds.

    A client that comes before the server listens waits for it by itself.
    """
    binary = Path(sys.prefix) / "bin" / "spark-submit"
    confs = {
        **GIVEN_UP,
        "spark.connect.grpc.binding.address": "127.0.0.1",
        "spark.connect.grpc.binding.port": str(port),
    }
    command = [str(binary), "--master", settings.master, "--driver-memory", settings.driver_memory, "--class", SERVER]
    command += ["--properties-file", env["DAYBREAK_SPARK_PROPERTIES"]]
    command += [part for key, value in confs.items() for part in ("--conf", f"{key}={value}")] + ["spark-internal"]
    background.start("jobs.lib.engine", *command, env=env, log=log)


def keep(command: list[str]) -> int:
    """Runs the server and, when it dies unasked, runs it again: a night whose stage died with it goes on."""
    import importlib.util

    found = importlib.util.find_spec("pyspark")
    assert found is not None and found.origin is not None
    without = {name: value for name, value in os.environ.items() if name != "SPARK_REMOTE"}
    ended = False

    def end(number: int, frame: FrameType | None) -> None:
        nonlocal ended
        ended = True
        server.terminate()

    while True:
        server = subprocess.Popen(command, env={**without, "SPARK_HOME": str(Path(found.origin).parent)})
        signal.signal(signal.SIGTERM, end)
        code = server.wait()
        if ended:
            return 0
        print(f"Spark Connect ended with {code}; it is started again", flush=True)
        time.sleep(PAUSE_SECONDS)


if __name__ == "__main__":
    sys.exit(keep(sys.argv[1:]))
