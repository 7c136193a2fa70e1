"""The evaluation of the model in force, beside the night's lists: what it and everything it was compared with reached.

One row is one figure. It was computed when the champion was trained, lies among its files and so never changes under a
version; the verdict in a release's manifest are the gates' sentences about the same figures.
"""

from __future__ import annotations

from pyspark.sql import DataFrame

from jobs.lib.evaluations import figures
from jobs.lib.registry import Champion

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
    return figures(item, champion, COLUMNS)
