"""Keeps the lake small without forgetting: session detail past its retention, old files, small files.

Weekly aggregates stay for ever; what goes are session-level events older than DAYBREAK_EVENTS_RETENTION_DAYS, and files
that no table version within retention needs. A run is one day's partition, as in `nightly`; it takes the same slot of
Spark, so that it never meets a night in the middle.
"""

from datetime import datetime, timedelta

from airflow.sdk import DAG, CronPartitionTimetable
from common import DEFAULTS, FILTERS, PARAMS, ends, spark

with DAG(
    dag_id="maintenance",
    schedule=CronPartitionTimetable("0 12 * * 0", timezone="UTC", key_format="%Y-%m-%d"),
    start_date=datetime(2000, 1, 1),
    end_date=ends(),
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=12),
    default_args=DEFAULTS,
    params=PARAMS,
    user_defined_filters=FILTERS,
    doc_md=__doc__,
    tags=["daybreak", "maintenance"],
) as maintenance:
    spark("maintenance", ["maintenance"], "Deletes expired detail, compacts small files, then VACUUM.")
