"""The table of an evaluation: the champion's figures as they were filed, and none where there are none."""

from __future__ import annotations

from datetime import date

import pandas as pd
import pytest

from jobs.lib.evaluations import EVALUATION
from jobs.lib.registry import Champion
from jobs.recommendations.evaluation import evaluation
from jobs.recommendations.judging import COLUMNS

DAY = date(2025, 9, 1)


@pytest.fixture
def champion(tmp_path) -> Champion:
    return Champion("recommendations", DAY, "0123456789ab", tmp_path, {}, None)


def test_figures_come_back_as_they_were_filed(spark, champion):
    filed = [
        ("all", "model", "ndcg@10", 0.25, 0.2, 0.3, 40, DAY),
        ("all", "BM25", "gini@10", 0.9, None, None, 40, DAY),
    ]
    pd.DataFrame(filed, columns=COLUMNS).to_csv(champion.path / EVALUATION, index=False)
    found = evaluation(spark.range(1), champion).orderBy("measure", ascending=False).collect()
    assert [tuple(row) for row in found] == [(*row, "0123456789ab") for row in filed]


def test_baselines_and_champions_of_before_have_no_figures(spark, champion):
    assert evaluation(spark.range(1), champion).count() == 0
    pd.DataFrame(columns=COLUMNS).to_csv(champion.path / EVALUATION, index=False)
    assert evaluation(spark.range(1), champion).count() == 0
