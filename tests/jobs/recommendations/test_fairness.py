"""Alarms, exposure and weights by hand."""

from datetime import date
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from jobs.lib.intervals import Interval
from jobs.recommendations import fairness, ranker
from jobs.recommendations.fairness import FairnessParams
from jobs.recommendations.ranker import Examples, RankerParams

DAY = date(2025, 9, 1)


def test_a_group_alarms_below_the_threshold_and_beyond_chance():
    ratios = {
        ("age_band=18-39", fairness.QUALITY): Interval(0.6, 0.5, 0.8, 120),
        ("by chance", fairness.QUALITY): Interval(0.6, 0.3, 1.1, 31),
        ("above the threshold", fairness.QUALITY): Interval(0.8, 0.7, 0.9, 500),
    }
    found = fairness.alarms(ratios, FairnessParams())
    assert list(found) == ["age_band=18-39"]
    assert len(fairness.alarms(ratios, FairnessParams(threshold=0.85))) == 2
    assert not fairness.alarms(ratios, FairnessParams(threshold=0.0))
    assert "0.60 of that of all" in found["age_band=18-39"] and "120 customers" in found["age_band=18-39"]


def test_items_alarm_by_their_share_of_the_places():
    ratios = {("tail items", fairness.EXPOSURE): Interval(0.31, 0.28, 0.35, 900)}
    found = fairness.alarms(ratios, FairnessParams())
    assert "0.31 of its share of what was bought" in found["tail items"]


def test_exposure_is_a_share_of_each_list():
    rows = [("ann", "a", 1), ("ann", "b", 2), ("ann", "a2", 11), ("bob", "b", 1)]
    lists = pd.DataFrame(rows, columns=["customer_id", "item_id", "rank"])
    found = fairness.exposure(lists, pd.Index(["a", "a2"]), pd.Index(["ann", "bob", "eve"]))
    assert found["ann"] == 0.5 and found["bob"] == 0.0 and np.isnan(found["eve"])


def test_weights_are_inverse_to_a_groups_size():
    window = SimpleNamespace(customers=pd.DataFrame({"country": ["GB", "GB", "GB", "FR", None]}))
    assert fairness.weights(window, FairnessParams(power=0.0)).tolist() == [1.0] * 5
    full = fairness.weights(window, FairnessParams(power=1.0))
    assert full.mean() == pytest.approx(1) and full.tolist() == pytest.approx([5 / 9] * 3 + [5 / 3] * 2)


def test_a_heavier_group_is_fitted_better():
    """Half the customers buy what the other half does not: whose weight is larger is believed."""
    generator = np.random.default_rng(1)
    group = np.repeat(np.arange(200), 20)
    feature = generator.random(len(group))
    is_first = group < 100
    is_bought = generator.random(len(group)) < np.where(is_first, feature, 1 - feature)
    features = pd.DataFrame({"x": feature.astype(np.float32)})
    params = RankerParams(rounds=10, trees={"max_depth": 2, "eta": 0.3})
    rounds = {"logistic": 10, "ndcg": 10}
    for weight, sign in ((np.where(is_first, 1.8, 0.2), 1), (np.where(is_first, 0.2, 1.8), -1)):
        fitted = ranker.fit(Examples(features, is_bought, group, weight), params, 1, rounds=rounds)
        for told in fitted.predicted(pd.DataFrame({"x": np.float32([0.1, 0.9])})).values():
            assert sign * (told[1] - told[0]) > 0
