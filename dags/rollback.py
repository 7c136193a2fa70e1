"""The way back, from Airflow's UI or API: pointer, warehouse and champion of a product go to a release together.

The same as `make rollback`: `to` is a release's id, a day, `previous`, `latest` (forward again, which lifts the hold)
or `lift` (the hold alone). Who asked, when and why is recorded beside the release. A run that failed is finished by
running it again.
"""

import sys
from datetime import datetime, timedelta

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG, Param
from common import DEFAULTS, PARAMS, PRODUCTS, ROOT

with DAG(
    dag_id="rollback",
    schedule=None,
    start_date=datetime(2000, 1, 1),
    catchup=False,
    max_active_runs=1,
    is_paused_upon_creation=False,  # nothing starts it but a person
    dagrun_timeout=timedelta(hours=2),
    default_args=DEFAULTS,
    params={
        "store": PARAMS["store"],
        "product": Param(type="string", enum=list(PRODUCTS), description="Whose readers go back"),
        "to": Param("previous", type="string", minLength=1, description="A release, a day, previous, latest or lift"),
        "why": Param("", type="string", description="For the record"),
    },
    doc_md=__doc__,
    tags=["daybreak", "rollback"],
) as rollback:
    BashOperator(
        task_id="rollback",
        # What a person types travels as environment: the shell never reads it as a command.
        bash_command=f'"{sys.executable}" -m jobs rollback --store="$STORE" --product="$PRODUCT" --to="$TO" '
        '--by="$BY" --why="$WHY"',
        env={
            "STORE": "{{ params.store }}",
            "PRODUCT": "{{ params.product }}",
            "TO": "{{ params.to }}",
            "WHY": "{{ params.why }}",
            "BY": "{{ dag_run.triggering_user_name or 'airflow' }}",
        },
        append_env=True,
        cwd=str(ROOT),
        execution_timeout=timedelta(hours=1),
        doc_md="Pointer, then warehouse, then champion: each step is safe to repeat.",
    )
