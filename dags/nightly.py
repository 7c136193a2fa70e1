"""Every night, a store's raw files become validated tables, features, models and published outputs.

A run is one day's partition: its key is the day D (`2026-11-20`) by whose end everything was known. The night of D
opens at midnight UTC after D, waits for D's files until a deadline, and goes through the stages from left to right; a
folder of jobs/ is a stage, and a stage is a task. Training is part of the night, skipped while the champion is fresh.

    landed → validated → features → models, when due → a product's tables → published → warehouse, report

By hand: `make run STORE=… DAY=…`, or the API with `{"logical_date": null, "partition_key": "2026-11-20"}`.
Past nights, in order: `airflow backfill create --dag-id nightly --from-date 2026-11-01 --to-date 2026-11-14
--max-active-runs 1 --reprocess-behavior completed`. A night that ran may run again: it gives the same content.
"""

from datetime import datetime, timedelta

from airflow.sdk import DAG, CronPartitionTimetable, TaskGroup
from common import DEFAULTS, FILTERS, PARAMS, PRODUCTS, due, ends, files, spark, stage, train, warehouse

with DAG(
    dag_id="nightly",
    schedule=CronPartitionTimetable("0 0 * * *", timezone="UTC", run_offset=-1, key_format="%Y-%m-%d"),
    start_date=datetime(2000, 1, 1),
    end_date=ends(),
    catchup=False,
    max_active_runs=1,  # nights run one after the other: D+1 builds on what D validated
    dagrun_timeout=timedelta(hours=36),
    default_args=DEFAULTS,
    params=PARAMS,
    user_defined_filters=FILTERS,
    doc_md=__doc__,
    tags=["daybreak", "night"],
) as nightly:
    come = files("Waits until the day's files are there or the deadline has passed; a day long past is not waited for.")
    landed = stage("landed", "Takes in every new raw file known by the end of the day, each exactly once, as received.")
    validated = stage(
        "validated",
        "Casts rows by contract, puts broken ones into quarantine, and stops the night when a table breaks a rule.",
        reads=["landed"],
    )
    features = stage("features", "What is known of customers, items and categories as of the day.", reads=["validated"])
    published = stage("published", "Files, checksums, manifest, and last of all the pointer.", reads=PRODUCTS)

    loaded = warehouse("Loads the releases into the store's warehouse: DuckDB in the home, or DAYBREAK_WAREHOUSE.")
    drawn = spark(
        "report", ["report"], "The report of the night, one HTML file in the home: reports/<store>/<day>.html."
    )

    come >> landed >> validated >> features
    published >> [loaded, drawn]

    for product in PRODUCTS:
        with TaskGroup(f"{product}_models", prefix_group_id=False, tooltip="Skipped while it is fresh") as models:
            due(product) >> train(product)
        scored = stage(product, f"The tables of {product} for the day.", reads=["features"], product=product)
        features >> models >> scored >> published
        features >> scored
