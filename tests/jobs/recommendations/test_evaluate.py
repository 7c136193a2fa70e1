"""Metrics against values computed by hand."""

import math
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy import sparse, stats

from jobs.recommendations import content, evaluate


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
    assert found.loc["bob"].drop("tau@20").eq(0).all() and np.isnan(found.loc["bob", "tau@20"])
    assert found.loc["ann", "ndcg@10"] == 1.0


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


def catalogue_of(titles: dict[str, str]) -> SimpleNamespace:
    """Of a catalogue, ids and texts: a word is a dimension."""
    words = sorted({word for title in titles.values() for word in title.split()})
    rows = [[float(word in title.split()) for word in words] for title in titles.values()]
    text = content.unit_rows(sparse.csr_matrix(np.array(rows)))
    return SimpleNamespace(item_ids=list(titles), text=text, index_of=pd.Index(list(titles)).get_indexer)


def test_novelty_and_diversity_of_a_list_by_hand():
    """Ann's two mugs are alike, Bob's things share nothing, Eve has but one place with a word."""
    catalogue = catalogue_of({"a": "mug", "b": "mug", "c": "lamp", "d": ""})
    surprise = evaluate.surprise(np.array([8, 4, 2, 0]), customers=8)
    assert list(surprise) == [0, 1, 2, 3]
    lists = lists_of(ann="ab", bob="ac", eve="ad")
    assert evaluate.novelty(lists, catalogue, surprise).to_dict() == {"ann": 0.5, "bob": 1.0, "eve": 1.5}
    assert evaluate.diversity(lists, catalogue).tolist() == pytest.approx([0, 1, np.nan], nan_ok=True)
    assert evaluate.diversity(lists_of(ann="abc"), catalogue)["ann"] == pytest.approx(1 - 1 / 3)


def test_tau_is_scipys_tau_b_between_places_and_hits():
    generator = np.random.default_rng(2)
    for places in [20] * 20 + [5] * 20:
        is_hit = generator.random(places) < 0.3
        rank = np.arange(1, places + 1)
        ours = evaluate.tau(np.array([is_hit.sum()]), np.array([rank[is_hit].sum()]), np.array([places]))[0]
        assert ours == pytest.approx(stats.kendalltau(-rank, is_hit).statistic, nan_ok=True)


def test_tau_compares_the_places_that_a_list_has():
    """Ann's five are all bought; Bob's two come last of five, Cyd's of 25 the two that count on top, Dan's of none."""
    lists = lists_of(ann="abcde", bob="abcde", cyd="abcdefghijklmnopqrstuvwxy")
    found = evaluate.per_customer(lists, truth_of(ann="abcde", bob="de", cyd="aby", dan="a"))["tau@20"]
    assert np.isnan(found["ann"]) and np.isnan(found["dan"])
    assert found["bob"] == pytest.approx(stats.kendalltau([5, 4, 3, 2, 1], [0, 0, 0, 1, 1]).statistic)
    assert found["cyd"] == pytest.approx(stats.kendalltau(-np.arange(20), [1, 1] + [0] * 18).statistic)


def test_serendipity_counts_hits_in_kinds_never_bought_before():
    """Ann's hits: a lamp (new to her), a mug (she had one), a thing of no kind; Bob has no hit; Eve never bought."""
    kinds = pd.Series({"l": "lamp", "m": "mug", "n": "mug", "x": None}, dtype=object)
    hits = evaluate.hits(lists_of(ann="lmx", bob="l", eve="m"), truth_of(ann="lmx", bob="m", eve="m"))
    found = evaluate.serendipity(hits, kinds, truth_of(ann="n", bob="l"))
    assert list(found.index) == ["ann"] and found["ann"] == pytest.approx(1 / 3)
