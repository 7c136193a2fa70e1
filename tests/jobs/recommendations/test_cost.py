"""The choice of candidates by hand, and what is measured of each configuration."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from jobs.recommendations import baselines, catalogue, cost, gates, score
from jobs.recommendations.cost import Cost
from jobs.recommendations.learning import window
from jobs.recommendations.model import Model
from jobs.recommendations.rerank import Reranker
from jobs.recommendations.score import Scorer

from . import small_shop

COSTS = {"lean": Cost(0.20, 90, 10.0), "standard": Cost(0.25, 220, 20.0), "wide": Cost(0.26, 400, 40.0)}


@pytest.mark.parametrize(
    ("budget", "name"), [(None, "standard"), (5.0, "lean"), (15.0, "lean"), (20.0, "standard"), (99.0, "wide")]
)
def test_the_best_within_the_budget_is_chosen(budget, name):
    assert cost.chosen(COSTS, budget) == name


def test_more_seconds_for_no_more_quality_are_not_spent():
    assert cost.chosen({**COSTS, "wide": Cost(0.25, 400, 40.0)}, 99.0) == "standard"


def test_some_customers_keep_all_their_pairs():
    cut = small_shop.cut(small_shop.orders(), date(2025, 9, 1))
    few = cost.some(cut, 10)
    who = few.pairs["customer_id"].unique()
    assert 5 <= len(who) <= 10 and set(few.truth["customer_id"]) <= set(who)
    assert len(few.pairs) == cut.pairs["customer_id"].isin(who).sum()
    assert cost.some(cut, 10_000).pairs.equals(cut.pairs)


class Frequency(Model):
    """A model whose score is the customer's own frequency."""

    def model_score(self, ranker: str, features: pd.DataFrame, row: np.ndarray) -> np.ndarray:
        return baselines.frequency(features)


def test_all_that_a_night_does_for_a_customer_is_timed(monkeypatch):
    """By a clock that only sentences advance, a second for those of a placement: the last that a night makes."""
    clock, sentences = [0.0], score.reasons.reasons_of

    def told(*told_of):
        clock[0] += 1
        return sentences(*told_of)

    monkeypatch.setattr(score.reasons, "reasons_of", told)
    monkeypatch.setattr(cost.time, "process_time", lambda: clock[0])
    later = window(small_shop.cut(small_shop.orders(), date(2025, 9, 1)))
    found = cost.measured(later, Frequency({}, {}, {}, "2025-09-01"), Reranker())
    assert set(found) == set(cost.CONFIGURATIONS)
    for one in found.values():
        assert one.seconds == pytest.approx(3 * 1000 / len(later.customer_ids)) and one.ndcg > 0.1
    assert found["lean"].candidates < found["standard"].candidates <= found["wide"].candidates


@pytest.mark.parametrize("name", cost.CONFIGURATIONS)
def test_a_night_can_make_lists_of_each_configurations_candidates(name):
    day = date(2025, 9, 1)
    cut = small_shop.cut(small_shop.orders(), day)
    model = Model({}, gates.without_model("short"), {}, str(day), cost.CONFIGURATIONS[name])
    lists = Scorer(catalogue.fit(cut.items, cut.sample), model).lists(cut.pairs)
    assert (lists[lists["placement"] == "home"].groupby("customer_id").size() == 20).all()
    assert (lists["reason"].str.len() > 5).all()
