"""The Airflow of a home: its environment holds everything, one holder of a lock, an end that leaves nothing behind."""

import json
import os
import signal
import stat
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import psutil

from jobs.lib import airflow
from jobs.lib.airflow import Server
from jobs.lib.settings import Settings
from tests.waiting import until

SERVER = Server(port=45678, password="secret", token="f" * 64, pid=os.getpid(), purpose="a test")


def test_the_environment_keeps_everything_inside_the_home(home: Settings) -> None:
    made = airflow.environment(home, SERVER, {"PATH": "/bin", "AIRFLOW_HOME": "/elsewhere", "AIRFLOW__CORE__X": "1"})
    inside = str(home.home / "airflow")
    passwords = "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE"
    for name in ("AIRFLOW_HOME", "AIRFLOW__LOGGING__BASE_LOG_FOLDER", passwords):
        assert made[name].startswith(inside), name
    assert made["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] == f"sqlite:///{inside}/airflow.db?timeout=60"
    assert made["DAYBREAK_HOME"] == str(home.home)
    assert made["AIRFLOW__API__HOST"] == "127.0.0.1"
    assert "AIRFLOW__CORE__X" not in made
    assert made["PATH"].split(os.pathsep)[0] == str(Path(sys.prefix) / "bin")
    assert made["PYSPARK_PYTHON"] == sys.executable


def test_where_spark_runs_is_a_connection_and_the_callers_own_wins(home: Settings) -> None:
    ours = airflow.environment(home, SERVER, {})
    assert json.loads(ours["AIRFLOW_CONN_DAYBREAK_SPARK"])["host"] == home.master
    theirs = airflow.environment(home, SERVER, {"AIRFLOW_CONN_DAYBREAK_SPARK": "spark://cluster:7077"})
    assert theirs["AIRFLOW_CONN_DAYBREAK_SPARK"] == "spark://cluster:7077"


def test_this_machine_is_never_reached_through_a_proxy(home: Settings) -> None:
    made = airflow.environment(home, SERVER, {"NO_PROXY": "intranet"})
    assert made["NO_PROXY"] == made["no_proxy"] == "intranet,127.0.0.1,localhost"


def test_nights_start_by_themselves_only_where_that_is_asked_for(home: Settings) -> None:
    assert airflow.environment(home, SERVER, {})["DAYBREAK_SCHEDULE"] == "off"
    assert airflow.environment(home, SERVER, {"DAYBREAK_SCHEDULE": "on"})["DAYBREAK_SCHEDULE"] == "on"


def test_spark_submit_is_given_the_options_of_the_one_factory(home: Settings, tmp_path: Path) -> None:
    airflow.write_properties(home, tmp_path / "spark.properties")
    written = dict(line.split(" ", 1) for line in (tmp_path / "spark.properties").read_text().splitlines())
    assert written["spark.driver.memory"] == home.driver_memory
    assert "delta-spark" in written["spark.jars"]
    # DAYBREAK_SPARK_OPTIONS may hold what is nobody else's.
    assert stat.S_IMODE((tmp_path / "spark.properties").stat().st_mode) == 0o600


def test_the_password_is_made_once_and_its_owners_alone(tmp_path: Path) -> None:
    first = airflow.password(tmp_path)
    assert airflow.password(tmp_path) == first
    assert len(first) >= 12
    assert stat.S_IMODE((tmp_path / "passwords.json").stat().st_mode) == 0o600


def test_the_end_finds_what_left_the_process_group(home: Settings) -> None:
    """A task of Airflow has a process group of its own, and ignores what its parent's group is sent."""
    ignoring = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)"
    parent = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {ignoring!r}], start_new_session=True)"
    env = {**os.environ, airflow.TOKEN: SERVER.token}
    subprocess.run([sys.executable, "-c", parent], env=env, check=True)
    orphan = until(lambda: airflow.members(SERVER), 10)[0]
    airflow.END_SECONDS, before = 1, airflow.END_SECONDS
    try:
        airflow.end(home, SERVER)
    finally:
        airflow.END_SECONDS = before
    assert airflow.members(SERVER) == []
    assert not psutil.pid_exists(orphan.pid) or orphan.status() == psutil.STATUS_ZOMBIE


def test_a_server_whose_starter_died_is_not_running(home: Settings) -> None:
    with subprocess.Popen(["sleep", "60"]) as starter:
        folder = airflow.folder(home)
        folder.mkdir(parents=True)
        told = {"port": 1, "password": "", "token": "x", "pid": starter.pid, "purpose": "make up"}
        (folder / "server.json").write_text(json.dumps(told))
        assert airflow.running(home) == Server(**told)
        starter.send_signal(signal.SIGKILL)
        starter.wait()
        assert airflow.running(home) is None


def test_a_port_that_is_asked_for_is_taken() -> None:
    port = airflow.free_port({})
    assert airflow.free_port({"DAYBREAK_AIRFLOW_PORT": str(port)}) == port


def test_another_process_that_came_to_the_number_is_not_taken_for_the_server(home: Settings) -> None:
    folder = airflow.folder(home)
    folder.mkdir(parents=True)
    (folder / "server.json").write_text(json.dumps(asdict(SERVER)))
    assert airflow.running(home) == SERVER
    long_ago = psutil.Process(SERVER.pid).create_time() - 3600
    os.utime(folder / "server.json", (long_ago, long_ago))
    assert airflow.running(home) is None
