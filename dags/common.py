"""What the DAGs share: how a stage becomes a task, what its failure says, and the tables as Airflow's assets.

A job is named, never imported: reading a DAG file starts neither Spark nor any of Daybreak's own code. The environment
is read here as far as Airflow needs it; the jobs read theirs (jobs/lib/settings.py).
"""

import json
import logging
import os
import shlex
import sys
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from airflow.providers.apache.spark.operators.spark_submit import SparkSubmitOperator
from airflow.providers.standard.operators.bash import BashOperator
from airflow.providers.standard.sensors.bash import BashSensor
from airflow.sdk import Asset, BaseOperator, Context, Param, RetryDecision, RetryPolicy
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

ROOT = Path(__file__).resolve().parents[1]
HOME = Path(os.environ.get("DAYBREAK_HOME") or ROOT / ".daybreak")
JOBS = str(ROOT / "jobs" / "__main__.py")

# What is made for shoppers and buyers: one folder of jobs/ each. The next product is one more name here.
PRODUCTS = ("recommendations", "demand", "pricing")

# One Spark at a time on one machine: its slots are a setting of the deployment, not of a DAG.
SPARK_POOL = "spark"
SPARK_CONNECTION = "daybreak_spark"

DAY = "{{ dag_run.partition_key }}"
STORE = "{{ params.store }}"
# What a person types into a run becomes one word of a shell's command, whatever stands in it; each DAG has the filter.
FILTERS = {"quoted": lambda value: shlex.quote(str(value))}
DAY_WORD = "{{ dag_run.partition_key | quoted }}"
STORE_WORD = "{{ params.store | quoted }}"

PARAMS: dict[str, Any] = {
    "store": Param(
        os.environ.get("DAYBREAK_STORE", ""),
        type="string",
        description="A store's name under sql/sources/, or a folder; empty: the one that the jobs take by default",
    ),
    "products": Param(
        os.environ.get("PRODUCTS", ""),
        type="string",
        description=f"Some of {', '.join(PRODUCTS)}, with commas; empty: all",
    ),
}

log = logging.getLogger("daybreak")


def failure_note(context: Context) -> dict[str, Any] | None:
    """What the stage said of its failure in this try: ``{stage, table, rule, message}``; None when it died wordless."""
    instance = context["task_instance"]
    stage = instance.task_id.split("_")[0]
    notes = (HOME / "runs").glob(f"*/{context['dag_run'].partition_key}/{stage}.failure.json")
    fresh = [note for note in notes if note.stat().st_mtime >= instance.start_date.timestamp()]
    return json.loads(max(fresh, key=lambda note: note.stat().st_mtime).read_text()) if fresh else None


def tell_failure(context: Context) -> None:
    """The failure callback: which night, which table, which rule. What alerts people (mail, chat) hooks in here."""
    note = failure_note(context) or {}
    log.error(
        "night %s: %s failed: table %s, rule %s: %s",
        context["dag_run"].partition_key,
        context["task_instance"].task_id,
        note.get("table") or "none named",
        note.get("rule") or "none named",
        note.get("message") or context.get("exception") or "see the task's log",
    )


class RetryUnlessRuleBroken(RetryPolicy):
    """Data that broke a rule breaks it again: only what may pass by itself (a lost machine, a full disk) is retried."""

    def evaluate(
        self, exception: BaseException, try_number: int, max_tries: int, context: Context | None = None
    ) -> RetryDecision:
        note = failure_note(context) if context is not None else None
        if note and note.get("rule"):
            return RetryDecision.fail(f"{note['table']} broke {note['rule']}: {note['message']}")
        return RetryDecision.default()


DEFAULTS: dict[str, Any] = {
    "owner": "daybreak",
    "retries": 1,
    "retry_delay": timedelta(minutes=1),
    "retry_policy": RetryUnlessRuleBroken(),
    "execution_timeout": timedelta(hours=3),
    "on_failure_callback": tell_failure,
}


def tables(*layers: str) -> list[Asset]:
    """The tables of some layers, found by their contracts, as assets: the lineage that Airflow's UI draws."""
    contracts = [path for layer in layers for path in sorted((ROOT / "expectations" / layer).glob("*.yml"))]
    names = [(path.parent.name, path.stem) for path in contracts]
    return [Asset(name=f"{layer}.{table}", uri=f"daybreak://{layer}/{table}", group=layer) for layer, table in names]


def unless_unwanted(product: str) -> Any:
    """A task's first act: skip where this run's ``products`` leave the product out."""

    def skip(context: Context) -> None:
        wanted = [name.strip() for name in context["params"]["products"].split(",") if name.strip()]
        if wanted and product not in wanted:
            raise AirflowSkipException(f"{product} is not among {', '.join(wanted)}")

    return skip


def if_any_made(context: Context) -> None:
    """The first act of what takes the products one by one: fail, at once and without a retry, where none was made."""
    run, instance = context["dag_run"], context["ti"]
    states = instance.get_task_states(dag_id=run.dag_id, task_ids=list(PRODUCTS), run_ids=[run.run_id])
    if "success" in states.get(run.run_id, {}).values():
        return
    message = "none of the products was made this night, as the tasks before this one say"
    note = HOME / "runs" / Path(context["params"]["store"]).name / str(run.partition_key)
    note.mkdir(parents=True, exist_ok=True)
    told = {"stage": instance.task_id, "table": None, "rule": None, "message": message}
    (note / f"{instance.task_id}.failure.json").write_text(json.dumps(told))
    raise AirflowFailException(message)


def spark(task_id: str, command: Sequence[str], doc: str, **options: Any) -> BaseOperator:
    """A task that runs ``jobs/__main__.py``: on the Spark Connect server of ``SPARK_REMOTE`` where that is set (a night
    of one machine has its own), else by spark-submit, and where that runs is the connection's to say."""
    if os.environ.get("SPARK_REMOTE"):
        arguments = " ".join([*map(shlex.quote, command), "--as-of", DAY_WORD, "--store", STORE_WORD])
        return BashOperator(
            task_id=task_id,
            bash_command=f'exec "{sys.executable}" "{JOBS}" {arguments}',
            cwd=str(ROOT),
            env={"PRODUCTS": "{{ params.products }}"},
            append_env=True,
            pool=SPARK_POOL,
            doc_md=doc,
            **options,
        )
    return SparkSubmitOperator(
        task_id=task_id,
        conn_id=SPARK_CONNECTION,
        application=JOBS,
        application_args=[*command, "--as-of", DAY, "--store", STORE],
        env_vars={"PRODUCTS": "{{ params.products }}"},
        properties_file=os.environ.get("DAYBREAK_SPARK_PROPERTIES"),
        name=f"daybreak {task_id} {DAY}",
        pool=SPARK_POOL,
        doc_md=doc,
        **options,
    )


def stage(name: str, doc: str, reads: Sequence[str] = (), product: str | None = None) -> BaseOperator:
    """The task of a stage, which is a folder of jobs/: it writes the tables of that layer from those of ``reads``.

    One that reads the products takes those that were made: one that failed does not hold up the others."""
    takes_any = bool(reads) and set(reads) <= set(PRODUCTS)
    return spark(
        name,
        [name],
        doc,
        inlets=tables(*reads),
        outlets=tables(name),
        trigger_rule="all_done" if takes_any else "none_failed",
        pre_execute=unless_unwanted(product) if product else if_any_made if takes_any else None,
    )


def files(doc: str) -> BaseOperator:
    """The task that waits for the day's files: looks every five minutes, and holds no slot in between."""
    return BashSensor(
        task_id="files",
        bash_command=f'cd "{ROOT}" && exec "{sys.executable}" -m jobs.landed.waiting '
        f"--as-of {DAY_WORD} --store {STORE_WORD}",
        retry_exit_code=99,
        mode="reschedule",
        poke_interval=300,
        timeout=timedelta(hours=30).total_seconds(),
        doc_md=doc,
    )


def ends() -> datetime | None:
    """When nights stop starting by themselves: long ago with DAYBREAK_SCHEDULE=off, as `make run` sets it, else never.

    Pausing would do the same, but a paused DAG runs no night that was asked for either.
    """
    return datetime(2000, 1, 2) if os.environ.get("DAYBREAK_SCHEDULE") == "off" else None


def due(product: str) -> BaseOperator:
    """The task that asks, without Spark, whether the product's champion must be trained; skipped when it need not."""
    return BashOperator(
        task_id=f"due_{product}",
        bash_command=f'"{sys.executable}" -m jobs due --product {product} --as-of {DAY_WORD} --store {STORE_WORD}',
        cwd=str(ROOT),
        skip_on_exit_code=99,
        execution_timeout=timedelta(minutes=10),
        pre_execute=unless_unwanted(product),
        doc_md="Is the champion in force missing, older than its cadence as of the day, or drifted? "
        "If not, this task and the training after it are skipped.",
    )


def warehouse(doc: str) -> BaseOperator:
    """The task, without Spark, that loads what was published, also where publication left a product out; it then fails
    as publication did, so that the night counts as failed."""
    return BashOperator(
        task_id="warehouse",
        bash_command=f'"{sys.executable}" -m jobs warehouse --as-of {DAY_WORD} --store {STORE_WORD}',
        cwd=str(ROOT),
        env={"PRODUCTS": "{{ params.products }}"},
        append_env=True,
        trigger_rule="all_done",
        pre_execute=if_any_made,
        doc_md=doc,
    )


def train(product: str) -> BaseOperator:
    """The task that trains a product's model for the day and crowns it if it earns its place."""
    doc = "Trains on earlier days, evaluates on later ones; a model that passes the gate becomes the dated champion."
    return spark(f"train_{product}", ["train", "--product", product], doc, inlets=tables("features"))
