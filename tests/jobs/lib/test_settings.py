"""Settings from the environment: defaults, and bounds said in words."""

from __future__ import annotations

from pathlib import Path

import pytest

from jobs.lib import settings
from jobs.lib.errors import DaybreakError


@pytest.mark.parametrize(("text", "share"), [(None, 0.05), ("0", 0.0), ("0.5", 0.5)])
def test_the_exploration_share_is_a_small_number(text, share):
    env = {} if text is None else {"DAYBREAK_EXPLORATION_SHARE": text}
    assert settings.load(env).exploration_share == share


@pytest.mark.parametrize("text", ["0.51", "-0.1", "often"])
def test_an_exploration_share_out_of_bounds_is_refused_by_name(text):
    with pytest.raises(DaybreakError, match=r"DAYBREAK_EXPLORATION_SHARE is '.*': expected a number from 0 to 0\.5"):
        settings.load({"DAYBREAK_EXPLORATION_SHARE": text})


def test_what_may_hold_a_password_or_a_token_is_not_shown(tmp_path: Path) -> None:
    secrets = {
        "SPARK_REMOTE": "sc://workspace:443/;token=hidden",
        "MLFLOW_TRACKING_URI": "https://ada:hidden@mlflow",
        "DAYBREAK_WAREHOUSE": "postgresql://ada:hidden@warehouse/shop",
        "DAYBREAK_SPARK_OPTIONS": "spark.hadoop.fs.s3a.secret.key=hidden",
    }
    shown = repr(settings.load({"DAYBREAK_HOME": str(tmp_path), **secrets}))
    assert "hidden" not in shown and str(tmp_path) in shown


def test_weights_beside_relevance_are_told_by_name_and_for_customers_with_few_orders(tmp_path: Path) -> None:
    found = settings.load({"DAYBREAK_RERANK_WEIGHTS": "margin=0.1 freshness=0.05/0.2"}).rerank_weights
    assert found == {"margin": (0.1, 0.1), "freshness": (0.05, 0.2)} and settings.load({}).rerank_weights == {}
    for text in ("profit=0.1", "margin", "margin=2", "stock=0.1/often"):
        with pytest.raises(DaybreakError, match=f"DAYBREAK_RERANK_WEIGHTS has '{text}': expected name=weight"):
            settings.load({"DAYBREAK_RERANK_WEIGHTS": text})
