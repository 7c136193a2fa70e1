"""The choice of candidates by hand, and what is measured of each configuration."""

from datetime import date

import pytest

from jobs.recommendations import catalogue, cost, gates
from jobs.recommendations.cost import Cost
from jobs.recommendations.model import Model
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


@pytest.mark.parametrize("name", cost.CONFIGURATIONS)
def test_a_night_can_make_lists_of_each_configurations_candidates(name):
    day = date(2025, 9, 1)
    cut = small_shop.cut(small_shop.orders(), day)
    model = Model({}, gates.without_model("short"), {}, str(day), cost.CONFIGURATIONS[name])
    lists = Scorer(catalogue.fit(cut.items, cut.sample), model).lists(cut.pairs)
    assert (lists[lists["placement"] == "home"].groupby("customer_id").size() == 20).all()
    assert (lists["reason"].str.len() > 5).all()
