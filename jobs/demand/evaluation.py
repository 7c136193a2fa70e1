"""The evaluation of the model in force: what each method reached on the newest origin, by segment.

One row is one figure. It was computed when the champion was trained and lies among its files.
"""

from __future__ import annotations

import csv

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.lib.registry import Champion

EVALUATION = "evaluation.csv"
COLUMNS = {
    "segment": "string",
    "method": "string",
    "measure": "string",
    "value": "double",
    "low": "double",
    "high": "double",
    "cases": "long",
    "is_served": "boolean",
    "cut_date": "date",
}


def evaluation(item: DataFrame, champion: Champion) -> DataFrame:
    """The champion's figures; none after a short history. ``item`` lends its session."""
    schema = ", ".join(f"`{name}` string" for name in COLUMNS)
    rows = item.sparkSession.createDataFrame(_rows(champion), schema)
    typed = [F.col(name).try_cast(kind).alias(name) for name, kind in COLUMNS.items()]
    return rows.select(*typed, F.lit(champion.version).alias("model_version"))


def _rows(champion: Champion) -> list[tuple[str | None, ...]]:
    path = champion.path / EVALUATION
    if not path.is_file():
        return []
    with path.open(newline="") as lines:
        return [tuple(row[name] or None for name in COLUMNS) for row in csv.DictReader(lines)]
