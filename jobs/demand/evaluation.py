"""The evaluation of the model in force: what each method reached on the newest origin, by segment.

One row is one figure. It was computed when the champion was trained and lies among its files.
"""

from __future__ import annotations

from pyspark.sql import DataFrame

from jobs.lib.evaluations import figures
from jobs.lib.registry import Champion

MISSED = "missed.csv"  # the items with the largest errors, also among the champion's files
COST = "inventory_cost"  # the measure under which policies are compared
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
    return figures(item, champion, COLUMNS)
