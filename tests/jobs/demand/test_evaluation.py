"""A champion's figures as a table: typed, with its version, none where training judged nothing."""

from __future__ import annotations

from datetime import date

from jobs.demand.evaluation import COLUMNS, evaluation
from jobs.lib.evaluations import EVALUATION
from jobs.lib.registry import Champion


def test_filed_figures_are_read_with_their_types_and_empty_cells_are_null(spark, tmp_path):
    lines = [",".join(COLUMNS), "dense,ewq,wape,0.86,,0.9,500,True,2026-02-28"]
    (tmp_path / EVALUATION).write_text("\n".join(lines) + "\n")
    row = evaluation(spark.range(1), Champion("demand", date(2026, 3, 31), "abc", tmp_path, {}, None)).first()
    assert row is not None and row.asDict() == {
        "segment": "dense", "method": "ewq", "measure": "wape", "value": 0.86, "low": None, "high": 0.9, "cases": 500,
        "is_served": True, "cut_date": date(2026, 2, 28), "model_version": "abc",
    }  # fmt: skip


def test_a_champion_that_was_not_judged_has_no_figures(spark, tmp_path):
    champion = Champion("demand", date(2026, 3, 31), "abc", tmp_path, {}, None)
    assert evaluation(spark.range(1), champion).count() == 0
