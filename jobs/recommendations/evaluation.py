"""The evaluation of the model in force, beside the night's lists: what it and everything it was compared with reached.

One row is one figure. It was computed when the champion was trained, lies among its files and so never changes under a
version; the verdict in a release's manifest are the gates' sentences about the same figures.
"""

from __future__ import annotations

import csv

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.lib.registry import Champion

EVALUATION = "evaluation.csv"
COLUMNS = {
    "split": "string",
    "list": "string",
    "measure": "string",
    "value": "double",
    "low": "double",
    "high": "double",
    "cases": "long",
    "cut_date": "date",
}


def evaluation(item: DataFrame, champion: Champion) -> DataFrame:
    """The champion's figures; none for baselines after a short history. ``item`` lends its session."""
    schema = ", ".join(f"`{name}` string" for name in COLUMNS)
    rows = item.sparkSession.createDataFrame(_rows(champion), schema)
    typed = [F.col(name).try_cast(kind).alias(name) for name, kind in COLUMNS.items()]
    return rows.select(*typed, F.lit(champion.version).alias("model_version"))


def _rows(champion: Champion) -> list[tuple[str | None, ...]]:
    """The file's cells as text; a champion trained before evaluations were kept has none."""
    path = champion.path / EVALUATION
    if not path.is_file():
        return []
    with path.open(newline="") as lines:
        return [tuple(row[name] or None for name in COLUMNS) for row in csv.DictReader(lines)]
