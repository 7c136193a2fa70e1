"""The simulated store's own SQL makes good rows of its files of terms, deliveries and returns."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pandas as pd
import pytest
from pyspark.sql import SparkSession

from jobs.lib import contracts, mappings, stores
from jobs.store.delivery import deliver
from jobs.validated.judgement import judged
from tests.conftest import settings_of
from tests.jobs.store.conftest import SMALL, START, said_nothing

LAST = START + timedelta(days=14)  # a Monday
LINEAGE = "_file string, _file_version int, _row long, _known_day date"
FILES = {"suppliers": ("terms", ";"), "inbound": ("purchases", ","), "returns": ("retours", ";")}


@pytest.fixture(scope="module")
def landing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The raw files of two weeks."""
    folder = tmp_path_factory.mktemp("mapped")
    deliver(folder, None, SMALL, START, LAST, said_nothing)
    return folder / "landing"


@pytest.mark.parametrize("table", FILES)
def test_the_day_s_file_becomes_rows_that_keep_the_contract(
    spark: SparkSession, landing: Path, table: str, tmp_path: Path
) -> None:
    store = stores.load(settings_of(tmp_path, DAYBREAK_STORE="simulated"))
    source, separator = FILES[table]
    name = f"{table}-{LAST}.csv"
    raw = pd.read_csv(landing / name, sep=separator, dtype=str)
    assert tuple(raw.columns) == store.sources[source].columns and len(raw)
    rows = [(*(None if pd.isna(cell) else cell for cell in row), name, 1, at, LAST)
            for at, row in enumerate(raw.itertuples(index=False), 1)]  # fmt: skip
    schema = ", ".join([*(f"`{column}` string" for column in raw.columns), LINEAGE])
    views = {source: spark.createDataFrame(rows, schema)}
    mapped = mappings.run(spark, store.mappings[table], views, mappings.parameters(store, LAST))
    contract = contracts.load(f"validated.{table}")
    made = judged(mappings.cast(mapped, contract, store), contract, store.currency).toPandas()
    assert len(made) == len(raw) and not made["_is_broken"].any()
    assert not made.duplicated([*contract.key]).any()
    if table == "inbound":
        assert (made["ordered_on"] <= LAST).all() and (made["units"] > 0).all()
    if table == "returns":
        assert {type(one) for one in made["returned_on"]} == {date} and made["is_sellable"].mean() > 0.5
    if table == "suppliers":
        assert made["lead_time_days"].notna().all() and (made["pack_size"] >= 1).all()
