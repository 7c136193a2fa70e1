"""The night of a small shop whose tables are written as its stages write them: the report's tests read it."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from jobs.lib import contracts, lineage, registry
from jobs.lib.stages import Night
from jobs.lib.stores import Known, Source, Store
from jobs.lib.tables import Tables
from jobs.published import stage as published
from jobs.report.findings import Findings, findings
from tests.conftest import settings_of

DAY = date(2011, 10, 31)
MODEL = {
    "all": {"model": {"ndcg@10": 0.31, "map@12": 0.2}, "popularity": {"ndcg@10": 0.12, "map@12": 0.1}},
    "cost": {
        "chosen": "lean",
        "configurations": {
            "lean": {"ndcg": 0.29, "candidates": 90.0, "seconds": 1.8},
            "wide": {"ndcg": 0.31, "candidates": 480.0, "seconds": 9.0},
        },
    },
}
LISTS = """
row: a place in a customer's list
key: [customer_id, placement, rank]
history: daily
columns:
  customer_id: {type: id, meaning: whose list it is, privacy: pseudonym}
  placement: {type: string, meaning: where in the shop, privacy: none}
  rank: {type: int, meaning: place from 1, privacy: none}
  item_id: {type: id, meaning: what stands there, privacy: none}
  reason: {type: string, meaning: what a shop can print, privacy: none}
  model_version: {type: string, meaning: what made the row, privacy: none}
"""


@pytest.fixture(scope="module")
def night(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Night]:
    """A finished night: a file landed, a row refused, rules counted, a champion, lists, a release."""
    root = tmp_path_factory.mktemp("report")
    shutil.copytree(contracts.ROOT, root / "expectations")
    shutil.rmtree(root / "expectations" / "recommendations", ignore_errors=True)
    (root / "expectations" / "recommendations").mkdir()
    (root / "expectations" / "recommendations" / "for_customer.yml").write_text(LISTS)
    settings = settings_of(root / "home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(contracts, "ROOT", root / "expectations")
        made = Night(spark, settings, _store(root), Tables(spark, settings.lake, "shop"), DAY, "report")
        _land_and_validate(made)
        _recommend(made, root)
        published.run(dataclasses.replace(made, stage="published"))
        yield made


@pytest.fixture(scope="module")
def found(night: Night) -> Findings:
    return findings(night)


def _store(root: Path) -> Store:
    sources = {"sales": Source("sales", "*.csv", "csv", Known("name", pattern=r"(\d{4}-\d{2}-\d{2})"))}
    closed: frozenset[int] = frozenset()
    return Store("shop", "GBP", "Europe/London", "GB", "day", closed, None, str(root), root, sources, {})


def _land_and_validate(night: Night) -> None:
    at = datetime(2011, 11, 1, 2, tzinfo=UTC)
    own = [(f"2011-10-{day}.csv", 1, f"sha{day}" * 8, 0, 100 + day, date(2011, 10, day), at) for day in (29, 30, 31)]
    shape = "_file string, _file_version int, _sha256 string, _row long, _rows long, _known_day date"
    shape += ", _received_at timestamp"
    landing = night.tables.pinned({})
    landed = landing.append_landed("sales", night.spark.createDataFrame(own, shape), 3)
    lineage.complete(landing, "landed", DAY, landing.written, 1.5, 3 * 2**29, at, None)
    validation = night.tables.pinned({landed.table: landed.version})
    line = {
        "order_id": "1",
        "line_number": 1,
        "ordered_at": at,
        "order_date": DAY,
        "customer_id": "c<1>",
        "item_id": "a",
    }
    line |= {"units": 3, "price": 1.5, "currency": "GBP", "_file": "2011-10-31.csv", "_file_version": 1, "_row": 1}
    line |= {"is_cancellation": False, "is_product": True, "is_test": False}
    _write(validation, "validated.order_lines", [line])
    rule = {"table": "validated.order_lines", "column": "", "rows": 131, "is_broken": False}
    bots = {**rule, "table": "validated.events", "rule": "bots", "severity": "count", "broken": 17}
    negative = {
        **rule,
        "rule": "expect_column_values_to_be_between",
        "column": "units",
        "severity": "critical",
        "broken": 4,
    }
    _write(validation, "quality.results", [bots, negative])
    refused = {"source": "sales", "file": "broken.csv.gz", "sha256": "0" * 64, "row": 0, "column": "", "rule": "gzip"}
    _write(validation, "quarantine.files", [{**refused, "detail": "ends at byte 7: deliver it again"}])
    lineage.complete(validation, "validated", DAY, validation.written[:1], 2.5, None, at, None)


def _recommend(night: Night, root: Path) -> None:
    at = datetime(2011, 11, 1, 3, tzinfo=UTC)
    (root / "model").mkdir()
    (root / "model" / "ranker.json").write_text("trees")
    crowned = registry.crown(night.settings, "shop", "recommendations", DAY, root / "model", MODEL, {"all": "model"})
    done = lineage.completion(night.tables, "validated", DAY)
    assert done is not None
    tables = night.tables.pinned(done.versions)
    place = {"customer_id": "c<1>", "placement": "home", "item_id": "a", "reason": "bought <3> times"}
    rows = [{**place, "rank": rank, "model_version": crowned.version} for rank in (1, 2)]
    _write(tables, "recommendations.for_customer", rows)
    lineage.complete(tables, "recommendations", DAY, tables.written, 3.5, 2**30, at, crowned.version)


def _write(tables: Tables, name: str, rows: list[dict[str, Any]]) -> None:
    """Writes rows with only some columns given; the others are null."""
    contract = contracts.load(name)
    schema = contract.schema()
    dated = [{**row, contract.day_column: DAY} for row in rows]
    values = [tuple(row.get(column) for column in schema.fieldNames()) for row in dated]
    frame = tables.spark.createDataFrame(values, schema).coalesce(1)
    tables.replace_where(name, frame, f"{contract.day_column} = DATE'{DAY}'", rows=len(rows))
