"""What past promotions did to sales, beside the night's prices: measured when the champion was trained.

The figures lie among the champion's files and so never change under a version; see jobs/pricing/promotions.py.
"""

from __future__ import annotations

from datetime import date

import pandas as pd
from pyspark.sql import DataFrame

from jobs.lib import contracts
from jobs.lib.registry import Champion
from jobs.pricing import rows_of
from jobs.pricing.train import EFFECTS


def promotion_effects(item: DataFrame, as_of: date, champion: Champion) -> DataFrame:
    """The champion's figures; none in a store without promotions. ``item`` lends its session."""
    told = pd.read_csv(champion.path / EFFECTS, dtype={"name": str})
    told = told.assign(model_version=champion.version, as_of=as_of)
    return rows_of.spark_rows(item.sparkSession, told, contracts.load("pricing.promotion_effects"))
