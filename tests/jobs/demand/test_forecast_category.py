"""Categories and the store: sums of their items at every step of a path, however rows lie; a check sees to it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import functions as F

from jobs.demand.forecast_category import forecast_category
from jobs.demand.forecast_total import HORIZONS
from jobs.demand.forecasts import LEVELS, NAMES
from jobs.demand.model import Model
from jobs.demand.together import CATEGORY, STORE
from jobs.lib import contracts
from jobs.lib.errors import RuleBroken
from jobs.lib.registry import Champion

AS_OF = date(2026, 3, 31)
LISTED = {"pen": "Office > Pens", "ink": "Office > > Ink>", "clip": "Office", "mug": "Kitchen", "thing": None}
RATE = {"pen": 9.1, "ink": 0.3, "clip": 2.7, "mug": 4.0, "thing": 1.1, "unlisted": 0.6}


@pytest.fixture(scope="module")
def totals(spark):
    rows = [
        {"item_id": item, "location_id": "all", "horizon_days": days, "mean": rate * days, "method": "ewq",
         "model_version": "abc", "as_of": AS_OF,
         **{name: rate * days * (0.2 + 1.6 * level) for name, level in zip(NAMES, LEVELS, strict=True)}}
        for item, rate in RATE.items() for days in (*HORIZONS, 9)
    ]  # fmt: skip
    schema = contracts.load("demand.forecast_total").schema()
    return spark.createDataFrame([[row.get(field.name) for field in schema] for row in rows], schema).cache()


@pytest.fixture(scope="module")
def item(spark):
    return spark.createDataFrame(list(LISTED.items()), "item_id string, category string")


def champion_of(folder, correlations: dict[str, float]) -> Champion:
    replace(Model.without("too short", str(AS_OF)), correlations=correlations).save(folder)
    return Champion("demand", AS_OF, "abc", folder, {}, None)


@pytest.fixture(scope="module")
def champion(tmp_path_factory):
    return champion_of(tmp_path_factory.mktemp("champion"), {STORE: 0.1, CATEGORY: 0.4})


@pytest.fixture(scope="module")
def made(totals, item, champion):
    return forecast_category(totals, item, champion).cache()


def test_the_table_keeps_its_contract(made, tables):
    assert tables.replace_day("demand.forecast_category", made, AS_OF).rows == made.count()


def test_categories_and_the_store_agree_with_their_parts(made):
    found = made.toPandas()
    groups = found[found["horizon_days"] == 28].set_index(["level", "category"])
    assert len(found) == 3 * len(groups) and set(found["horizon_days"]) == set(HORIZONS)
    assert (found["gap_to_parts"] < 1e-9).all()
    parts = {
        ("store", "all"): list(RATE),
        ("category", "Office"): ["pen", "ink", "clip"],
        ("category", "Office > Pens"): ["pen"],
        ("category", "Office > > Ink>"): ["ink"],
        ("category", "Kitchen"): ["mug"],
        ("unsorted", "none"): ["thing", "unlisted"],
    }
    assert set(groups.index) == set(parts)
    for group, items in parts.items():
        assert groups.loc[group, "mean"] == pytest.approx(28 * sum(RATE[one] for one in items)), group
        assert groups.loc[group, "items"] == len(items)


def test_the_store_is_surer_than_its_items_and_less_so_the_more_they_go_together(totals, item, made, tmp_path):
    together = forecast_category(totals, item, champion_of(tmp_path, {STORE: 0.9, CATEGORY: 0.9}))
    loose, tied = (
        frame.where("level = 'store' AND horizon_days = 28").toPandas().iloc[0] for frame in (made, together)
    )
    of_items = totals.where("horizon_days = 28").toPandas().eval("q90 - q10").sum()
    assert loose["q10"] < loose["mean"] < loose["q90"]
    assert loose["q90"] - loose["q10"] < tied["q90"] - tied["q10"] < of_items
    assert np.isclose(loose["mean"], tied["mean"])


def test_a_category_that_disagrees_with_its_parts_stops_the_night(made, tables):
    wrong = made.withColumn(
        "gap_to_parts", F.when(F.col("level") == "store", F.lit(0.01)).otherwise(F.col("gap_to_parts"))
    )
    with pytest.raises(RuleBroken, match="gap_to_parts"):
        tables.replace_day("demand.forecast_category", wrong, AS_OF)


def test_the_number_of_partitions_changes_nothing(totals, item, champion, made):
    order = ["level", "category", "horizon_days"]
    spread = forecast_category(totals.repartition(7, "mean"), item, champion)
    first, again = (frame.toPandas().sort_values(order, ignore_index=True) for frame in (made, spread))
    pd.testing.assert_frame_equal(first, again, check_exact=True)
