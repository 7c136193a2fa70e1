"""What `make demo` ends with: a question to the warehouse, and its answer."""

from __future__ import annotations

import dataclasses
from datetime import date
from pathlib import Path

import duckdb
import pytest

from jobs.lib import contracts, demo
from jobs.lib.settings import PRODUCTS, Settings
from jobs.warehouse import files, load, shapes
from tests.releases import PRODUCT, expectations, publish

FOR_NEWCOMER = """
row: a place in the list of a segment
key: [segment, rank]
history: daily
columns:
  segment: {type: string, meaning: which newcomers see it, privacy: none}
  rank: {type: int, meaning: place from 1, privacy: none}
  item_id: {type: id, meaning: what is shown there, privacy: none}
  reason: {type: string, meaning: a sentence to print, privacy: none}
"""


def test_the_demo_asks_its_warehouse(tmp_path: Path, home: Settings) -> None:
    assert demo.queried(home) == []
    rows = [{"segment": "all", "rank": n, "item_id": f"i{n}", "reason": "liked"} for n in range(1, 9)]
    root = expectations(tmp_path, for_newcomer=FOR_NEWCOMER)
    publish(home, root, date(2026, 3, 4), {"for_newcomer": rows}, store=demo.STORE)
    load.bring(home, demo.STORE, PRODUCT)
    told = demo.queried(home)
    assert f"The warehouse is {home.home / 'warehouse' / 'simulated.duckdb'}" in told[1]
    assert [line.split() for line in told[3:]] == [[str(n), f"i{n}", "liked"] for n in range(1, 6)]
    assert demo.queried(dataclasses.replace(home, warehouse="postgresql://elsewhere/x")) == []


@pytest.mark.parametrize("product", PRODUCTS)
def test_a_demo_of_any_product_has_a_question_that_its_tables_answer(home: Settings, product: str) -> None:
    path = Path(home.warehouse.replace("{store}", demo.STORE))
    path.parent.mkdir(parents=True)
    with duckdb.connect(str(path)) as warehouse:
        warehouse.execute(f"CREATE SCHEMA {product}")
        published = [one for one in map(contracts.load, contracts.names(product)) if one.history == "daily"]
        for shape in map(shapes.of_contract, published):
            warehouse.execute(shapes.create(dataclasses.replace(shape, table=f"{shape.table}_current"), files.TYPES))
    told = demo.queried(dataclasses.replace(home, products=(product,)))
    assert f"FROM {product}." in told[2] and len(told) == 3
