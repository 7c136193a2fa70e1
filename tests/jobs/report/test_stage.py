"""The report and the lineage of one night of a small shop."""

from __future__ import annotations

import dataclasses
import os
import re
from html.parser import HTMLParser
from typing import Any

import pytest

from jobs import lineage as lineage_command
from jobs.lib.errors import DaybreakError
from jobs.lib.stages import Night
from jobs.report import stage
from jobs.report.findings import Findings, over_time, quality


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


def test_quality_over_time_stands_beside_the_best_baseline_of_each_night() -> None:
    def crowned(night: str, ours: float, **others: float) -> dict[str, Any]:
        lists = {name: {"ndcg@10": figure} for name, figure in {"model": ours, **others}.items()}
        return {"champion_from": night, "metrics": {"all": lists}}

    rows = [crowned("2011-10-03", 0.2, popularity=0.1, frequency=0.19), crowned("2011-10-10", 0.1, popularity=0.15)]
    rows[0]["metrics"]["all"]["model unweighted"] = {"ndcg@10": 0.21}
    assert over_time(rows[:1], "2011-10-31") == [] and over_time(rows, "2011-10-09") == []
    (told,) = over_time([*rows, {"champion_from": "2011-10-17", "metrics": {}}], "2011-10-31")
    assert told is not None and (told["measure"], told["split"], told["largest"]) == ("ndcg@10", "all", 0.2)
    assert [(day["night"], day["peer"], day["peer_name"]) for day in told["days"]] == [
        ("2011-10-03", 0.19, "frequency"),
        ("2011-10-10", 0.15, "popularity"),
    ]


def test_what_quality_costs_is_told_with_the_choice(found: Findings) -> None:
    wide, lean = found.products[0]["choice"]
    assert (wide["name"], wide["is_chosen"], lean["name"], lean["is_chosen"]) == ("wide", False, "lean", True)
    assert wide["price"] == pytest.approx(9 / 3600 * 0.05)
    page = stage.page(found)
    assert page.index(">wide") < page.index('>lean <span class="good">chosen')


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
    assert [stage["peak_bytes"] for stage in found.stages] == [3 * 2**29, None, 2**30]
    # Two rows of lists in 3.5 s, on all cores, at the default price of an hour of one.
    cost = 3.5 / 3600 * (os.cpu_count() or 1) * 0.05
    assert found.stages[-1]["cost"] == pytest.approx(cost)
    assert found.stages[-1]["cost_per_thousand"] == pytest.approx(cost * 500)


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
