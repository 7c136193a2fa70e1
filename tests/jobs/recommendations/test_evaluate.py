"""Metrics against values computed by hand."""

import math

import numpy as np
import pandas as pd
import pytest

from jobs.recommendations import evaluate


def lists_of(**items: str) -> pd.DataFrame:
    """One list a customer: lists_of(ann="abc") puts a, b, c on Ann's places 1, 2, 3."""
    rows = [(customer, item, rank) for customer, word in items.items() for rank, item in enumerate(word, start=1)]
    return pd.DataFrame(rows, columns=["customer_id", "item_id", "rank"])


def truth_of(**items: str) -> pd.DataFrame:
    return pd.DataFrame([(c, i) for c, word in items.items() for i in word], columns=["customer_id", "item_id"])


def test_one_customer_by_hand():
    """Hits on places 1 and 3, three items wanted."""
    found = evaluate.per_customer(lists_of(ann="axcy"), truth_of(ann="acz")).loc["ann"]
    ideal = 1 + 1 / math.log2(3) + 1 / 2
    assert found["ndcg@5"] == pytest.approx((1 + 1 / 2) / ideal)
    assert found["ndcg@20"] == pytest.approx((1 + 1 / 2) / ideal)
    assert found["recall@5"] == pytest.approx(2 / 3)
    assert found["precision@5"] == pytest.approx(2 / 5)
    assert found["map@12"] == pytest.approx((1 + 2 / 3) / 3)


def test_recall_is_capped_by_the_cutoff():
    found = evaluate.per_customer(lists_of(ann="abcde"), truth_of(ann="abcdefghij")).loc["ann"]
    assert found["recall@5"] == 1.0 and found["ndcg@5"] == pytest.approx(1.0)
    assert found["recall@10"] == pytest.approx(0.5)


def test_a_customer_without_a_list_counts_as_zero_and_one_without_truth_not_at_all():
    found = evaluate.per_customer(lists_of(ann="a", eve="a"), truth_of(ann="a", bob="b"))
    assert list(found.index) == ["ann", "bob"]
    assert found.loc["bob"].eq(0).all() and found.loc["ann", "ndcg@10"] == 1.0


def test_row_order_does_not_matter():
    lists, truth = lists_of(ann="abcdef", bob="fedcba"), truth_of(ann="cf", bob="ab")
    mixed = evaluate.per_customer(lists.sample(frac=1, random_state=1), truth.sample(frac=1, random_state=2))
    pd.testing.assert_frame_equal(mixed, evaluate.per_customer(lists, truth))


def test_figures_of_the_set_by_hand():
    lists = lists_of(ann="ab", bob="ac")
    assert evaluate.coverage(lists, 6) == pytest.approx(0.5)
    assert evaluate.coverage(lists, 6, k=1) == pytest.approx(1 / 6)
    assert evaluate.gini(lists_of(ann="a", bob="b"), 2) == pytest.approx(0.0)
    assert evaluate.gini(lists_of(ann="a", bob="a"), 2) == pytest.approx(0.5)
    surprise = evaluate.novelty(lists, pd.Series({"a": 8, "b": 4, "c": 2}), customers=8)
    assert surprise == pytest.approx((0 + 1 + 0 + 2) / 4)


def test_comparison_is_paired_and_repeatable():
    noise = np.random.default_rng(3).random(400)
    baseline = pd.Series(noise)
    found = evaluate.compare(baseline * 1.1, baseline, seed=5)
    assert found == evaluate.compare(baseline * 1.1, baseline, seed=5)
    assert found.ratio == pytest.approx(1.1) and found.low == pytest.approx(1.1) and found.high == pytest.approx(1.1)
    assert found.is_better and not evaluate.compare(baseline, baseline, seed=5).is_better
    with pytest.raises(ValueError, match="same customers"):
        evaluate.compare(baseline, baseline.iloc[::-1], seed=5)


def test_without_customers_nothing_is_better():
    nobody = pd.Series([], dtype=float)
    assert not evaluate.compare(nobody, nobody, seed=1).is_better
