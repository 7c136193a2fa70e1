"""The small shop as Spark tables that keep the contracts of the features."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs.lib import contracts
from jobs.lib.registry import Champion
from jobs.recommendations import frames, gates
from jobs.recommendations import train as training
from jobs.recommendations.fitting import SPLITS, TrainParams
from jobs.recommendations.model import MODEL, Gate, Model
from jobs.recommendations.ranker import RankerParams

from . import small_shop

AS_OF = small_shop.FIRST_DAY + timedelta(days=160)
STORE = SimpleNamespace(country="GB", period="day", mappings={"order_lines": None, "items": None})


def day_of(age: str):
    """The day that lies so many days before the as-of day."""
    return F.date_sub(F.lit(AS_OF), F.col(age).cast("int"))


@pytest.fixture(scope="package")
def tables(spark: SparkSession) -> dict[str, DataFrame]:
    """The feature tables as their contracts have them, made from the small shop's frames."""
    lines = small_shop.orders()
    pairs, items = small_shop.pair_frame(lines, AS_OF), small_shop.item_frame(lines, AS_OF)
    rows = spark.createDataFrame(pairs.drop(columns=["viewed_age", "carted_age"]))
    item = spark.createDataFrame(items[[c for c in items if items[c].notna().all()]])
    item = item.withColumns({"first_ordered_on": day_of("first_age"), "last_ordered_on": day_of("last_age")})
    customer = rows.select(
        "customer_id",
        *frames.GROUPS,
        *[F.col(alias).alias(name) for name, alias in frames.CUSTOMER.items()],
        day_of("customer_age").alias("first_ordered_on"),
        day_of("customer_recency").alias("last_ordered_on"),
    ).distinct()
    known = lines[lines["day"] <= AS_OF]
    order_lines = spark.createDataFrame(known.rename(columns={"day": "order_date"}))
    return {
        "customer_item": fitted(
            rows.select(
                *[c for c in rows.columns if not c.startswith("customer_") or c == "customer_id"],
                day_of("first_age").alias("first_ordered_on"),
                day_of("last_age").alias("last_ordered_on"),
            ),
            "features.customer_item",
        ),
        "item": fitted(item, "features.item"),
        "customer": fitted(customer.withColumn("is_personal_allowed", F.lit(True)), "features.customer"),
        "order_lines": fitted(order_lines.withColumn("is_product", F.lit(True)), "validated.order_lines"),
    }


def fitted(frame: DataFrame, name: str) -> DataFrame:
    """The contract's columns, those that the frame lacks as nulls, zeros or false."""
    empty = {"boolean": False, "string": None, "date": None, "timestamp": None}
    columns = []
    for field in contracts.load(name).schema().fields:
        kind = field.dataType.simpleString()
        value = (
            F.col(field.name) if field.name in frame.columns else F.lit(empty.get(kind, None if field.nullable else 0))
        )
        columns.append(value.cast(field.dataType).alias(field.name))
    return frame.select(*columns).cache()


@pytest.fixture(scope="package")
def champion(tmp_path_factory: pytest.TempPathFactory) -> Champion:
    """Baselines as a champion, for what does not depend on the model."""
    folder: Path = tmp_path_factory.mktemp("champion")
    Model({}, gates.without_model("short"), {}, str(AS_OF)).save(folder)
    return Champion("recommendations", AS_OF, "0123456789ab", folder, {}, None)


@pytest.fixture(scope="package")
def trained_champion(tmp_path_factory: pytest.TempPathFactory) -> Champion:
    """A small model that every gate lets out."""
    params = TrainParams(
        fit_cuts=2,
        min_buyers=10,
        rankers=dict.fromkeys(SPLITS, RankerParams(rounds=15, trees={"max_depth": 3, "min_child_weight": 5})),
    )
    lines = small_shop.orders()
    model = training.train(lambda day: small_shop.cut(lines, day), AS_OF, small_shop.FIRST_DAY, params, threads=1).model
    folder: Path = tmp_path_factory.mktemp("trained")
    replace(model, gates={split: Gate(split, MODEL, "won") for split in gates.SPLITS}).save(folder)
    return Champion("recommendations", AS_OF, "ba9876543210", folder, {}, None)


def collected(frame: DataFrame, name: str) -> pd.DataFrame:
    key = [column for column in contracts.load(name).key if column != "as_of"]
    return frame.toPandas().sort_values(key).reset_index(drop=True)


def kept(rows: pd.DataFrame, name: str) -> pd.DataFrame:
    """The rows, after the contract's columns, key and value sets were seen to hold."""
    contract = contracts.load(name)
    names = [field.name for field in contract.schema().fields if field.name != "as_of"]
    assert set(rows.columns) == set(names) and rows[names].notna().all().all()
    assert not rows.duplicated([column for column in contract.key if column != "as_of"]).any()
    for column in contract.columns.values():
        for check in column.checks:
            if "value_set" in check.kwargs:
                assert set(rows[column.name]) <= set(check.kwargs["value_set"])
    return rows
