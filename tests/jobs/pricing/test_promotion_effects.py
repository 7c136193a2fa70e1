"""The night's table of promotion effects: what the champion filed, typed and dated, and none where it filed none."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from pyspark.sql import SparkSession

from jobs.lib import contracts
from jobs.lib.registry import Champion
from jobs.pricing.promotion_effects import promotion_effects
from jobs.pricing.promotions import COLUMNS
from jobs.pricing.train import EFFECTS
from tests.jobs.pricing.small_pricing import NIGHT


def test_filed_effects_are_the_nights_rows(spark: SparkSession, tmp_path: Path) -> None:
    told = [
        ("promotion", "007", "lift", 1.8, 1.5, 2.1, 40.0, 6),
        ("all", "all", "cannibalisation", 0.9, None, None, -3.0, 2),
    ]
    pd.DataFrame(told, columns=list(COLUMNS)).to_csv(tmp_path / EFFECTS, index=False)
    champion = Champion("pricing", NIGHT, "abc", tmp_path, {}, None)
    made = promotion_effects(spark.range(1), NIGHT, champion)
    assert made.schema.simpleString() == contracts.load("pricing.promotion_effects").schema().simpleString()
    rows = {row["name"]: row for row in made.collect()}
    assert set(rows) == {"007", "all"} and rows["007"]["value"] == 1.8 and rows["all"]["low"] is None
    assert {(row["as_of"], row["model_version"]) for row in rows.values()} == {(NIGHT, "abc")}


def test_a_shop_without_promotions_has_none(spark: SparkSession, tmp_path: Path) -> None:
    pd.DataFrame(columns=list(COLUMNS)).to_csv(tmp_path / EFFECTS, index=False)
    assert promotion_effects(spark.range(1), NIGHT, Champion("pricing", NIGHT, "abc", tmp_path, {}, None)).count() == 0
