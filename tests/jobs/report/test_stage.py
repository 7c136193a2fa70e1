"""The report and the lineage of one night of a small shop, whose tables are written as its stages write them."""

from __future__ import annotations

import dataclasses
import re
import shutil
from collections.abc import Iterator
from datetime import UTC, date, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from jobs import lineage as lineage_command
from jobs.lib import contracts, lineage, registry
from jobs.lib.errors import DaybreakError
from jobs.lib.stages import Night
from jobs.lib.stores import Known, Source, Store
from jobs.lib.tables import Tables
from jobs.published import stage as published
from jobs.report import stage
from jobs.report.findings import Findings, findings, quality
from tests.conftest import settings_of

DAY = date(2011, 10, 31)
MODEL = {"all": {"model": {"ndcg@10": 0.31, "map@12": 0.2}, "popularity": {"ndcg@10": 0.12, "map@12": 0.1}}}
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
    lineage.complete(landing, "landed", DAY, landing.written, 1.5, at, None)
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
    lineage.complete(validation, "validated", DAY, validation.written[:1], 2.5, at, None)


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
    lineage.complete(tables, "recommendations", DAY, tables.written, 3.5, at, crowned.version)


def _write(tables: Tables, name: str, rows: list[dict[str, Any]]) -> None:
    """Writes rows with only some columns given; the others are null."""
    contract = contracts.load(name)
    schema = contract.schema()
    dated = [{**row, contract.day_column: DAY} for row in rows]
    values = [tuple(row.get(column) for column in schema.fieldNames()) for row in dated]
    frame = tables.spark.createDataFrame(values, schema).coalesce(1)
    tables.replace_where(name, frame, f"{contract.day_column} = DATE'{DAY}'", rows=len(rows))


def test_what_came_in_is_counted(found: Findings) -> None:
    assert found.sources == [
        {
            "source": "sales", "files": 1, "rows": 131, "first_file": "2011-10-31.csv",
            "files_so_far": 3, "rows_so_far": 390, "last_day": "2011-10-31",
        }
    ]  # fmt: skip
    assert found.volume[-3:] == [("2011-10-29", 129), ("2011-10-30", 130), ("2011-10-31", 131)]
    assert len(found.volume) == 56 and found.volume[0] == ("2011-09-06", 0)
    assert [row["rule"] for row in found.refused] == ["gzip"]
    assert [(row["rule"], row["tonight"], row["so_far"]) for row in found.counts] == [("bots", 17, 17)]
    assert [(row["column"], row["tonight"]) for row in found.rules] == [("units", 4)]


def test_quality_stands_beside_baselines(found: Findings) -> None:
    product = found.products[0]
    assert product["is_current"] and product["release"]["as_of"] == "2011-10-31"
    assert product["verdict"] == ["all: model"]
    assert product["quality"][0] == {
        "split": "all", "measure": "ndcg@10", "bars": [("model", 0.31), ("popularity", 0.12)], "largest": 0.31
    }  # fmt: skip


def test_a_product_may_name_what_is_drawn() -> None:
    measured = {"all": {"model": {"ndcg@10": 0.3, "tau@20": 0.1}}, "cold": {"model": {"ndcg@10": 0.1}}}
    assert len(quality(measured)) == 3
    (only,) = quality({**measured, "drawn": {"all": ["ndcg@10"]}})
    assert (only["split"], only["measure"], only["bars"]) == ("all", "ndcg@10", [("model", 0.3)])


def test_examples_show_history_and_lists(found: Findings) -> None:
    (example,) = found.examples
    assert [(line["item_id"], line["units"]) for line in example["history"]] == [("a", 3)]
    assert [row["rank"] for row in example["lists"]["home"]] == [1, 2]
    assert [stage["stage"] for stage in found.stages] == ["landed", "validated", "recommendations"]


def test_the_page_is_one_whole_file(found: Findings) -> None:
    page = stage.page(found)
    assert "c&lt;1&gt;" in page and "<1>" not in page and "bought &lt;3&gt; times" in page
    assert "prefers-color-scheme: dark" in page and 'name="viewport"' in page
    assert not re.findall(r"""(?:src|href)=|url\(|@import|https?://""", page)
    assert _unclosed(page) == []


def test_a_night_that_did_nothing_has_a_report_too(found: Findings) -> None:
    empty = dataclasses.replace(
        found, sources=[], volume=[(found.as_of, 0)], refused=[], rules=[], counts=[], stages=[], examples=[],
        products=[{**found.products[0], "champion": None, "release": None, "is_current": False, "current": None}],
    )  # fmt: skip
    page = stage.page(empty)
    assert "not published" in page and "No files have been landed" in page and _unclosed(page) == []


def test_the_report_is_written_and_its_path_printed(night: Night, capsys: pytest.CaptureFixture[str]) -> None:
    stage.run(night)
    path = night.settings.home / "reports" / "shop" / "2011-10-31.html"
    assert capsys.readouterr().out.strip() == str(path) and path.read_text().startswith("<!doctype html>")


def test_lineage_leads_from_lists_to_files(night: Night) -> None:
    lines = lineage_command.text(lineage_command.tree(night, "validated.order_lines")).splitlines()
    assert lines[0].startswith("validated.order_lines, version ") and "1 rows written for 2011-10-31" in lines[0]
    assert lines[1].startswith("└─ landed.sales, version ")
    assert lines[2] == "   ├─ 2011-10-31.csv: 131 rows, known from 2011-10-31, sha256 sha31sha31sh"
    assert [line[:6] for line in lines[2:]] == ["   ├─ ", "   ├─ ", "   └─ "]


def test_lineage_names_the_table_it_does_not_know(night: Night) -> None:
    with pytest.raises(DaybreakError, match=r"no completed stage wrote validated\.orders for 2011-10-31"):
        lineage_command.tree(night, "validated.orders")


class _Tags(HTMLParser):
    VOID = ("meta", "br", "hr", "img", "input", "link")

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.wrong: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)


def _unclosed(page: str) -> list[str]:
    """Tags that are left open or closed out of order."""
    tags = _Tags()
    tags.feed(page)
    return tags.wrong + tags.open
