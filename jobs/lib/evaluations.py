"""Figures of a champion's evaluation: filed beside its model when it was trained, read back as a table of the night."""

from __future__ import annotations

import csv
from collections.abc import Mapping

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.lib.registry import Champion

EVALUATION = "evaluation.csv"


def figures(lender: DataFrame, champion: Champion, columns: Mapping[str, str]) -> DataFrame:
    """The champion's figures, one row each: ``columns`` (name → type) and ``model_version``; none if none were filed.

    A cell that is empty or of another type is null. ``lender`` lends its session.
    """
    schema = ", ".join(f"`{name}` string" for name in columns)
    rows = lender.sparkSession.createDataFrame(_rows(champion, columns), schema)
    typed = [F.col(name).try_cast(kind).alias(name) for name, kind in columns.items()]
    return rows.select(*typed, F.lit(champion.version).alias("model_version"))


def _rows(champion: Champion, columns: Mapping[str, str]) -> list[tuple[str | None, ...]]:
    path = champion.path / EVALUATION
    if not path.is_file():
        return []
    with path.open(newline="") as lines:
        return [tuple(row[name] or None for name in columns) for row in csv.DictReader(lines)]
