"""The Airflow of a home: its environment, its server on this machine, and its end with all that it started.

SQLite and `airflow standalone` on 127.0.0.1: enough for one machine, where one Spark runs at a time anyway. A
deployment brings its own Airflow; the DAGs are the same.
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
import sqlite3
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from jobs.lib import background, engine, warm
from jobs.lib.airflow_api import Api, ApiError
from jobs.lib.errors import DaybreakError
from jobs.lib.locks import Held, held
from jobs.lib.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
TOKEN = "DAYBREAK_SERVER"  # in the environment of every process that a server starts, and of no other
START_SECONDS = 300  # some 20 s on a machine at rest, minutes on one with other work
END_SECONDS = 30
CLOCK_SECONDS = 60  # by which the beginning of a process, counted from the machine's, may be told late
SPARK_SLOTS = 1
BY_SCHEDULE = ("nightly", "maintenance")  # the DAGs that DAYBREAK_SCHEDULE=on lets start by themselves


@dataclass(frozen=True)
class Server:
    """A running Airflow: where it listens, how to get in, the mark on its processes, and who started it."""

    port: int
    password: str
    token: str
    pid: int
    purpose: str

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


def folder(settings: Settings) -> Path:
    """Airflow's home inside the home."""
    return settings.home / "airflow"


def environment(settings: Settings, server: Server, env: Mapping[str, str]) -> dict[str, str]:
    """The environment of Airflow and of its tasks: the caller's, paths made absolute, nothing read from ~/airflow."""
    home = folder(settings)
    venv = Path(sys.prefix)
    ours = {name: value for name, value in env.items() if not name.startswith(("AIRFLOW", "_AIRFLOW"))}
    kept = {name: value for name, value in env.items() if name.startswith("AIRFLOW_CONN_")}
    spark = {"conn_type": "spark", "host": settings.master, "extra": {"spark-binary": "spark-submit"}}
    local = ",".join(filter(None, [env.get("NO_PROXY") or env.get("no_proxy"), "127.0.0.1", "localhost"]))
    return {
        **ours,
        "AIRFLOW_CONN_DAYBREAK_SPARK": json.dumps(spark),
        **kept,
        TOKEN: server.token,
        # Airflow's processes rename themselves; without this the name is written over their environment, and the mark.
        "SPT_NOENV": "1",
        "DAYBREAK_HOME": str(settings.home),
        "DAYBREAK_STORE": settings.store,
        "DAYBREAK_LAKE": settings.lake,
        "DAYBREAK_PUBLISH": settings.publish,
        "DAYBREAK_WAREHOUSE": settings.warehouse,
        "DAYBREAK_SPARK_PROPERTIES": str(home / "spark.properties"),
        "DAYBREAK_SCHEDULE": env.get("DAYBREAK_SCHEDULE", "off"),
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "True",
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__PARALLELISM": "2",
        # Two cores are for Spark: DAG files that hardly ever change need not be parsed each half minute.
        "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "120",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "daybreak:admin",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(home / "passwords.json"),
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{server.url}/execution/",
        # One writer at a time: beside a busy Spark a write can wait longer than SQLite's own five seconds. (Readers
        # do not wait, see write_ahead.)
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db?timeout=60",
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": str(server.port),
        "AIRFLOW__API__BASE_URL": server.url,
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__API__SECRET_KEY": server.token,
        "AIRFLOW__API_AUTH__JWT_SECRET": server.token,
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(home / "logs"),
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        "NO_PROXY": local,
        "no_proxy": local,
        "JAVA_HOME": java_home(venv, env),
        "PYSPARK_PYTHON": sys.executable,
        "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), env.get("PYTHONPATH")])),
        "PATH": os.pathsep.join([str(venv / "bin"), env.get("PATH", "")]),
    }


def java_home(venv: Path, env: Mapping[str, str]) -> str:
    """The Java that set-up found or brought; the caller's own where set-up made none."""
    return str(venv / "java") if (venv / "java").exists() else env.get("JAVA_HOME", "")


@contextmanager
def serving(settings: Settings, purpose: str, env: Mapping[str, str]) -> Iterator[Server]:
    """A healthy server of this home while the block runs: the one that is up, else one of our own, ended with it."""
    try:
        with held(settings.home / "airflow.lock", purpose):
            server = start(settings, purpose, env)
            try:
                wait_until_healthy(settings, server)
                yield server
            finally:
                end(settings, server)
    except Held as holder:
        there = running(settings)
        if there is None:
            raise DaybreakError(f"{settings.home} is held by {holder}, which is starting or ending: wait") from None
        wait_until_healthy(settings, there)
        yield there


def running(settings: Settings) -> Server | None:
    """The server whose starter is alive, or None."""
    try:
        note = folder(settings) / "server.json"
        server, written = Server(**json.loads(note.read_text())), note.stat().st_mtime
        # After a crash another process may have come to the number: one that began after the note was written.
        return server if psutil.Process(server.pid).create_time() <= written + CLOCK_SECONDS else None
    except (OSError, ValueError, TypeError, psutil.Error):
        return None


def start(settings: Settings, purpose: str, env: Mapping[str, str]) -> Server:
    """Starts `airflow standalone` in a session of its own; what a killed predecessor left behind is ended first."""
    home = folder(settings)
    (home / "logs").mkdir(parents=True, exist_ok=True)
    if (home / "server.json").exists():
        end(settings, Server(**json.loads((home / "server.json").read_text())))
    server = Server(free_port(env), password(home), secrets.token_hex(32), os.getpid(), purpose)
    write_private(home / "server.json", json.dumps(asdict(server)))
    write_properties(settings, home / "spark.properties")
    write_ahead(home / "airflow.db")
    ours = environment(settings, server, env)
    if engine.is_wanted(settings, env):
        port = free_port({})
        ours |= {"SPARK_REMOTE": engine.address(port), "SPARK_CONNECT_AUTHENTICATE_TOKEN": server.token}
        engine.start(settings, port, ours, home / "engine.log")
        ours[warm.SOCKET] = warm.start(server.token, ours, home / "warm.log")
    background.start("airflow", "standalone", env=ours, log=home / "server.log", folder=ROOT)
    return server


def free_port(env: Mapping[str, str]) -> int:
    """DAYBREAK_AIRFLOW_PORT, or any free port of this machine."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", int(env.get("DAYBREAK_AIRFLOW_PORT") or 0)))
        return sock.getsockname()[1]


def password(home: Path) -> str:
    """The password of this home's one user, made once and readable by its owner alone."""
    file = home / "passwords.json"
    if not file.exists():
        write_private(file, json.dumps({"daybreak": secrets.token_urlsafe(12)}) + "\n")
    return json.loads(file.read_text())["daybreak"]


def write_private(file: Path, text: str) -> None:
    """Writes a file that only its owner reads, whole or not at all."""
    partial = file.with_name(file.name + ".partial")
    partial.unlink(missing_ok=True)
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
        out.write(text)
    partial.replace(file)


def write_properties(settings: Settings, file: Path) -> None:
    """Spark's options as spark-submit's properties; a deployment's own may hold secrets."""
    from jobs.lib.spark import as_properties

    write_private(file, as_properties(settings))


def write_ahead(database: Path) -> None:
    """Lets Airflow's processes read their database while one of them writes to it; the file keeps the setting."""
    with closing(sqlite3.connect(database, timeout=60)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")


def wait_until_healthy(settings: Settings, server: Server) -> None:
    """Returns when scheduler and DAG processor live and have read their DAGs; raises with the log's end if not."""
    api = Api(server.url, server.password)
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        if not members(server):
            break
        try:
            health = api.get("/monitor/health")
            if all(health[part]["status"] == "healthy" for part in ("scheduler", "dag_processor")):
                errors = api.get("/importErrors")["import_errors"]
                if errors:
                    raise DaybreakError(f"{errors[0]['filename']} does not import:\n{errors[0]['stack_trace']}")
                for dag in BY_SCHEDULE:
                    api.get(f"/dags/{dag}")
                return
        except (OSError, KeyError, ApiError):
            pass
        time.sleep(0.5)
    log = folder(settings) / "server.log"
    last = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
    raise DaybreakError(f"Airflow was not healthy within {START_SECONDS} s; its log {log} ends with:\n{last}")


def members(server: Server) -> list[psutil.Process]:
    """Every living process that the server or one of its tasks started, by the mark in its environment.

    Not by process group: each of Airflow's tasks makes a group of its own, and Spark lives in it.
    """
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(TOKEN) == server.token and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return [process for process in found if process.pid != os.getpid()]


def end(settings: Settings, server: Server) -> None:
    """Ends the server and all that it started: asked first, then, after half a minute, made to."""
    for signal_number, seconds in ((signal.SIGTERM, END_SECONDS), (signal.SIGKILL, 5)):
        until = time.monotonic() + seconds
        for process in members(server):
            try:
                process.send_signal(signal_number)
            except psutil.Error:
                continue
        while members(server) and time.monotonic() < until:
            time.sleep(0.2)
    warm.forget(server.token)
    (folder(settings) / "server.json").unlink(missing_ok=True)
