"""The DAG files: quick to read, free of Spark and jobs, and each task says who, how long, how often and what."""

import json
import re
import shlex
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

DAGS = Path(__file__).parents[2] / "dags"
FILES = sorted(path.stem for path in DAGS.glob("*.py") if path.stem != "common")

# Reads one DAG file as Airflow does, after Airflow's own import, and prints what it found.
READ = """
import importlib, json, sys, time
sys.path.insert(0, sys.argv[1])
import airflow.sdk
from airflow.providers.apache.spark.operators.spark_submit import SparkSubmitOperator
from airflow.providers.standard.operators.bash import BashOperator
from airflow.providers.standard.sensors.bash import BashSensor
started = time.perf_counter()
module = importlib.import_module(sys.argv[2])
seconds = time.perf_counter() - started
from airflow.sdk import DAG
dag = next(value for value in vars(module).values() if isinstance(value, DAG)) if sys.argv[2] != "common" else None
tasks = {} if dag is None else {task.task_id: {
    "owner": task.owner, "retries": task.retries, "timeout": task.execution_timeout.total_seconds(), "doc": task.doc_md,
    "upstream": sorted(task.upstream_task_ids), "pool": task.pool, "callback": bool(task.on_failure_callback),
    "trigger_rule": task.trigger_rule, "inlets": [asset.name for asset in task.inlets],
    "outlets": [asset.name for asset in task.outlets], "type": type(task).__name__,
    "arguments": getattr(task, "application_args", None), "command": getattr(task, "bash_command", None),
} for task in dag.tasks}
print(json.dumps({
    "seconds": seconds, "tasks": tasks, "loaded": sorted({name.split(".")[0] for name in sys.modules}),
    "jobs": sorted(name for name in sys.modules if name.split(".")[0] == "jobs"),
    "dag": dag and {"id": dag.dag_id, "doc": dag.doc_md, "tags": sorted(dag.tags), "catchup": dag.catchup,
                    "active": dag.max_active_runs, "ends": str(dag.end_date), "params": sorted(dag.params),
                    "quoted": (dag.user_defined_filters or {"quoted": str})["quoted"]("$(id); a 'b'"),
                    "asked": sorted(name for name in dag.params if not dag.params.get_param(name).has_value)},
}, default=str))
"""


def read(name: str, **environment: str) -> dict:
    env = {"PATH": "/usr/bin:/bin", "AIRFLOW_HOME": environment.pop("AIRFLOW_HOME"), **environment}
    done = subprocess.run([sys.executable, "-c", READ, str(DAGS), name], capture_output=True, text=True, env=env)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict]:
    home = str(tmp_path_factory.mktemp("airflow"))
    return {name: read(name, AIRFLOW_HOME=home) for name in FILES}


def test_files_are_read_within_two_seconds_beyond_airflow(found: dict[str, dict]) -> None:
    assert {name: dag["seconds"] for name, dag in found.items() if dag["seconds"] > 2} == {}


def test_files_bring_neither_spark_nor_jobs(found: dict[str, dict]) -> None:
    for name, dag in found.items():
        assert dag["jobs"] == [], name
        assert {"pyspark", "delta", "great_expectations", "xgboost"} & set(dag["loaded"]) == set(), name


def test_every_task_says_who_how_long_how_often_and_what(found: dict[str, dict]) -> None:
    for dag in found.values():
        assert dag["dag"]["doc"] and "daybreak" in dag["dag"]["tags"]
        for task_id, task in dag["tasks"].items():
            assert task["owner"] == "daybreak", task_id
            assert task["retries"] >= 1, task_id
            assert 0 < task["timeout"] <= timedelta(hours=3).total_seconds(), task_id
            assert len(task["doc"]) > 20, task_id
            assert task["callback"], task_id


def test_nights_run_one_after_the_other_and_spark_alone(found: dict[str, dict]) -> None:
    for name, dag in found.items():
        assert dag["dag"]["active"] == 1
        assert not dag["dag"]["catchup"]
        spark = [task for task in dag["tasks"].values() if task["type"] == "SparkSubmitOperator"]
        assert spark or name == "rollback"
        assert {task["pool"] for task in spark} <= {"spark"}


def test_nightly_goes_from_left_to_right(found: dict[str, dict]) -> None:
    tasks = found["nightly"]["tasks"]
    assert {task_id: task["upstream"] for task_id, task in tasks.items()} == {
        "files": [],
        "landed": ["files"],
        "validated": ["landed"],
        "features": ["validated"],
        "due_recommendations": ["features"],
        "train_recommendations": ["due_recommendations"],
        "recommendations": ["features", "train_recommendations"],
        "warehouse": ["published"],
        "report": ["published"],
        "due_demand": ["features"],
        "train_demand": ["due_demand"],
        "demand": ["features", "train_demand"],
        "due_pricing": ["features"],
        "train_pricing": ["due_pricing"],
        "pricing": ["features", "train_pricing"],
        "published": ["demand", "pricing", "recommendations"],
    }
    # A skipped training (the champion is fresh) stops nothing, a failed one does.
    assert tasks["recommendations"]["trigger_rule"] == "none_failed"
    # A product that failed does not hold up the others on their way out.
    assert tasks["published"]["trigger_rule"] == tasks["warehouse"]["trigger_rule"] == "all_done"


def test_a_stage_is_told_the_partition_and_the_store(found: dict[str, dict]) -> None:
    assert found["nightly"]["tasks"]["features"]["arguments"] == [
        "features",
        "--as-of",
        "{{ dag_run.partition_key }}",
        "--store",
        "{{ params.store }}",
    ]


MADE = """
import sys
from types import SimpleNamespace as Fact
sys.path.insert(0, sys.argv[1])
import common
from airflow.sdk.exceptions import AirflowFailException
def passes(states):
    asked = lambda dag_id, task_ids, run_ids: {run_ids[0]: states} if states else {}
    run, instance = Fact(dag_id="nightly", run_id="r", partition_key="day"), Fact(get_task_states=asked, task_id="t")
    try:
        common.if_any_made({"dag_run": run, "ti": instance, "params": {"store": "/a/shop"}})
    except AirflowFailException:
        return False
    return True
print(passes({"a": "failed", "b": "success"}), passes({"a": "upstream_failed", "b": "skipped"}), passes({}))
"""


def test_publication_goes_on_without_a_product_that_failed_but_not_without_all(tmp_path: Path) -> None:
    env = {"PATH": "/usr/bin:/bin", "AIRFLOW_HOME": str(tmp_path), "DAYBREAK_HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", MADE, str(DAGS)], capture_output=True, text=True, env=env)
    assert done.stdout.splitlines()[-1] == "True False False", done.stderr
    assert "none of the products" in (tmp_path / "runs" / "shop" / "day" / "t.failure.json").read_text()


def test_a_rollback_is_told_by_parameters_that_no_shell_reads(found: dict[str, dict]) -> None:
    task = found["rollback"]["tasks"]["rollback"]
    assert "{{" not in task["command"] and '--to="$TO"' in task["command"]
    assert found["rollback"]["dag"]["params"] == ["product", "store", "to", "why"]
    assert found["rollback"]["dag"]["asked"] == ["product"], "whose readers go back is never a default"


@pytest.mark.parametrize("name", ["nightly", "maintenance"])
@pytest.mark.parametrize("remote", [{}, {"SPARK_REMOTE": "sc://127.0.0.1:1"}])
def test_what_a_run_is_given_is_one_word_to_a_shell(name: str, remote: dict[str, str], tmp_path: Path) -> None:
    told = read(name, AIRFLOW_HOME=str(tmp_path), **remote)
    commands = [task["command"] for task in told["tasks"].values() if task["command"]]
    given = [part for command in commands for part in re.findall(r"{{.*?}}", command)]
    assert (given or not remote) and all(part.endswith("| quoted }}") for part in given)
    (word,) = shlex.split(told["dag"]["quoted"])
    echoed = subprocess.run(["bash", "-c", f"printf %s {told['dag']['quoted']}"], capture_output=True, text=True)
    assert echoed.stdout == word == "$(id); a 'b'"


def test_assets_are_the_tables_with_a_contract(found: dict[str, dict]) -> None:
    expectations = DAGS.parent / "expectations"
    for layer in ("validated", "features", "recommendations", "demand", "pricing"):
        contracts = sorted(f"{layer}.{path.stem}" for path in (expectations / layer).glob("*.yml"))
        assert found["nightly"]["tasks"][layer]["outlets"] == contracts
    assert found["nightly"]["tasks"]["features"]["inlets"] == found["nightly"]["tasks"]["validated"]["outlets"]


def test_nights_start_by_themselves_unless_told_not_to(found: dict[str, dict], tmp_path: Path) -> None:
    assert found["nightly"]["dag"]["ends"] == "None"
    off = read("nightly", AIRFLOW_HOME=str(tmp_path), DAYBREAK_SCHEDULE="off")
    assert off["dag"]["ends"].startswith("2000-01-02")
