"""What a weight costs is measured with that weight alone, against the plain lists."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from jobs.recommendations import baselines
from jobs.recommendations.learning import window
from jobs.recommendations.rerank import RerankParams
from jobs.recommendations.rerank_costs import COLUMNS, costs

from . import small_shop


class Frequency:
    """A model whose score is the customer's own frequency."""

    def model_score(self, split: str, features: pd.DataFrame, row: np.ndarray) -> np.ndarray:
        return baselines.frequency(features)


@pytest.fixture(scope="module")
def seen():
    return window(small_shop.cut(small_shop.orders(), small_shop.FIRST_DAY + timedelta(days=250)))


def test_each_weight_has_a_row_a_placement_and_the_plain_list_is_one(seen):
    found = costs(seen, Frequency(), RerankParams(), share=0.05)
    assert list(found.columns) == list(COLUMNS)
    names = ["plain", "margin", "stock", "freshness", "discovery", "diversity", "exploration", "all"]
    for _, rows in found.groupby("placement"):
        assert list(rows["weight"]) == names
    table = found.set_index(["placement", "weight"])
    assert (table.xs("plain", level="weight")["ndcg_ratio"] == 1).all()
    assert table.loc[("home", "plain"), "ndcg@10"] > 0.1
    # Neither costs nor stock are known here: these weights move nothing.
    for name in ("margin", "stock"):
        assert table.loc[("home", name)].drop("value").equals(table.loc[("home", "plain")].drop("value"))
    assert found[["coverage@10", "diversity@10"]].min().min() > 0


def test_much_diversity_shows_in_diversity_and_costs(seen):
    much = costs(seen, Frequency(), RerankParams(diversity=0.8, early_diversity=0.8, alike_from=0.2), share=0.05)
    home = much[much["placement"] == "home"].set_index("weight")
    assert home.loc["diversity", "diversity@10"] > home.loc["plain", "diversity@10"]
    assert home.loc["diversity", "ndcg_ratio"] < 1


def test_chance_is_priced_at_the_stores_own_share(seen):
    """Without any, what is published is the re-ranked list itself; chance alone is tried nevertheless."""
    plain = RerankParams(diversity=0.0, early_diversity=0.0)
    none, often = (costs(seen, Frequency(), plain, share).set_index(["placement", "weight"]) for share in (0.0, 0.5))
    figures = ["ndcg@10", "coverage@10", "diversity@10"]
    for placement in ("home", "discover"):
        shown, listed = none.loc[(placement, "all"), figures], none.loc[(placement, "plain"), figures]
        assert shown.tolist() == listed.tolist()
        assert none.loc[(placement, "exploration"), "value"] == 0.05
        assert often.loc[(placement, "exploration"), "value"] == 0.5
        for weight in ("exploration", "all"):
            assert often.loc[(placement, weight), "coverage@10"] > none.loc[(placement, "plain"), "coverage@10"]
