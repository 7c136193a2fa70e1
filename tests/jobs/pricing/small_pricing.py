"""A few items with what is believed of them, as the tests of decisions want them."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pandas as pd
from pyspark.sql import DataFrame, SparkSession

from jobs.lib import contracts
from jobs.pricing.posterior import NONE, OWN, Posterior

NIGHT = date(2026, 3, 31)


def posterior(items: dict[str, float | None], sd: float = 0.2, price: float = 10.0, rate: float = 50.0) -> Posterior:
    """Item → elasticity, None where nothing is known; all in one category, sold ``rate`` times a week at ``price``."""
    names, mean = np.array(list(items), str), np.array([np.nan if e is None else e for e in items.values()])
    many = len(names)
    normal = np.random.default_rng(1).standard_normal((many, 200))
    return Posterior(
        item_id=names,
        category=np.full(many, "Kitchen"),
        nest=names.copy(),
        evidence=np.where(np.isnan(mean), NONE, OWN),
        mean=mean,
        low=mean - 1.28 * sd,
        high=mean + 1.28 * sd,
        draws=mean[:, None] + sd * normal,
        naive=mean,
        price=np.full(many, price),
        log_rate=np.full(many, np.log(rate)),
        log_rate_sd=np.full(many, 0.1),
        diversion_nest=np.zeros(many),
        diversion_category=np.zeros(many),
        category_id=np.array(["Kitchen"]),
        category_mean=np.array([-2.0]),
        category_low=np.array([-2.5]),
        category_high=np.array([-1.5]),
        cross_nest=np.full(many, np.nan),
        cross_nest_low=np.full(many, np.nan),
        cross_nest_high=np.full(many, np.nan),
        cross_rest=np.full(many, 0.4),
        cross_rest_low=np.full(many, 0.1),
        cross_rest_high=np.full(many, 0.7),
        category_cross_nest=np.full((1, 3), np.nan),
        category_cross_rest=np.array([[0.31, -0.12, 0.74]]),
    )


def rows(*items: dict[str, Any]) -> pd.DataFrame:
    """Items as :func:`jobs.pricing.tonight.tonight` gives them; what a test does not say is usual or missing."""
    usual = {
        "title": "thing", "category": "Kitchen", "price": 10.0, "cost": 5.0, "on_hand": 100.0, "units_28d": 200,
        "discontinued_on": pd.NaT, "map_price": np.nan, "msrp": np.nan, "price_line": None, "clear_by": pd.NaT,
        "changed_on": pd.NaT, "decided_on": pd.NaT, "on_promotion": False, "past_price": np.nan,
        "planned_on": pd.NaT, "planned_price": np.nan,
        "competitor_price": np.nan, "competitor_note": "",
    }  # fmt: skip
    found = pd.DataFrame([{**usual, **item} for item in items])
    for name in ("discontinued_on", "clear_by", "changed_on", "decided_on", "planned_on"):
        found[name] = pd.to_datetime(found[name])
    return found


def table(spark: SparkSession, name: str, rows: list[dict[str, Any]]) -> DataFrame:
    """Rows of a table with only some columns given: else the contract's default, null where allowed, zero or a mark."""
    contract = contracts.load(name)
    plain = {"long": 0, "double": 0.0, "boolean": False, "string": "?", "id": "?"}
    usual = {
        one.name: one.default if one.has_default else None if one.nullable else plain.get(one.type)
        for one in contract.columns.values()
    }
    columns = contract.schema().fieldNames()
    values = [tuple({**usual, **row}[column] for column in columns) for row in rows]
    return spark.createDataFrame(values, contract.schema()).coalesce(1)
