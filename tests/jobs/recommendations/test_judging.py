"""The evaluation of a small shop: rows agree with figures computed one by one, and sentences with the rows."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from jobs.lib import contracts, intervals
from jobs.recommendations import contenders, evaluate, frames, gates, judging
from jobs.recommendations import train as training
from jobs.recommendations.cost import Cost
from jobs.recommendations.fairness import FairnessParams
from jobs.recommendations.fitting import SPLITS, Trained, TrainParams
from jobs.recommendations.learning import Window, window
from jobs.recommendations.model import MODEL
from jobs.recommendations.ranker import RankerParams

from . import small_shop

AS_OF = small_shop.FIRST_DAY + timedelta(days=299)
SMALL = TrainParams(
    fit_cuts=2,
    min_buyers=10,
    rankers=dict.fromkeys(SPLITS, RankerParams(rounds=15, trees={"max_depth": 3, "min_child_weight": 5})),
)


def trained_with(params: TrainParams) -> Trained:
    lines = small_shop.orders()
    return training.train(lambda day: small_shop.cut(lines, day), AS_OF, small_shop.FIRST_DAY, params, threads=1)


@pytest.fixture(scope="module")
def trained() -> Trained:
    return trained_with(SMALL)


@pytest.fixture(scope="module")
def judged() -> Window:
    return window(small_shop.cut(small_shop.orders(), AS_OF - timedelta(days=28)))


@pytest.fixture(scope="module")
def lists(trained, judged) -> contenders.Lists:
    """Of the model that is published: baselines have the same lists as when the candidate was judged."""
    return contenders.lists(judged, {MODEL: trained.model})


def figure(table: pd.DataFrame, split: str, name: str, measure: str) -> pd.Series:
    found = table[(table["split"] == split) & (table["list"] == name) & (table["measure"] == measure)]
    assert len(found) == 1, (split, name, measure)
    return found.iloc[0]


def test_rows_are_what_the_metrics_say(trained, judged, lists):
    table, truth = trained.evaluation, judged.cut.truth
    expected = evaluate.per_customer(lists["all"]["BM25"], truth)
    for measure in ("ndcg@5", "recall@20", "map@10", "tau@20"):
        assert figure(table, "all", "BM25", measure)["value"] == pytest.approx(expected[measure].mean(), abs=1e-6)
    orders = judged.cut.pairs.drop_duplicates("customer_id").set_index("customer_id")["customer_orders"]
    few = expected["ndcg@10"].reindex(orders.index[orders < 5])
    row = figure(table, "under 5 orders", "BM25", "ndcg@10")
    assert row["value"] == pytest.approx(few.mean(), abs=1e-6) and row["cases"] == len(few)
    new = evaluate.per_customer(lists["discovery"]["ALS"], judged.cut.bought("discovery"))["ndcg@10"]
    assert figure(table, "discovery", "ALS", "ndcg@10")["value"] == pytest.approx(new.mean(), abs=1e-6)
    again = evaluate.per_customer(lists["again"]["dueness"], judged.cut.bought("repeat"))["ndcg@10"]
    assert figure(table, "again", "dueness", "ndcg@10")["value"] == pytest.approx(again.mean(), abs=1e-6)
    shown = evaluate.coverage(lists["all"]["popularity"], small_shop.ITEMS, 20)
    assert figure(table, "all", "popularity", "coverage@20")["value"] == pytest.approx(shown, abs=1e-6)


def test_every_split_of_the_protocol_is_there_beside_every_list(trained):
    found = trained.evaluation[trained.evaluation["measure"] == "ndcg@10"].groupby("split")["list"].agg(set)
    for split in ("all", "repeat", "tail items", "under 5 orders", "country=Britain", "age_band=40-99"):
        assert {MODEL, "popularity", "frequency", "BM25", "ALS", "EASE", "content"} <= found[split]
    assert found["personal"] == found["all"] and found["again"] == {MODEL, "frequency", "dueness"}
    assert {MODEL, "popularity", "BM25", "ALS"} <= found["discovery"] and found["cold"] == {MODEL, "popularity"}


def test_every_customer_has_one_list_of_a_kind(lists):
    for kind in lists.values():
        for places in kind.values():
            assert len(places) and not places.duplicated(["customer_id", "rank"]).any()


def test_intervals_hold_their_figures_and_ratios_are_of_means(trained):
    table = trained.evaluation
    inside = table[table["low"].notna()]
    assert (inside["low"] <= inside["value"] + 1e-6).all() and (inside["value"] <= inside["high"] + 1e-6).all()
    ours, theirs = (figure(table, "all", name, "ndcg@10")["value"] for name in (MODEL, "ALS"))
    assert figure(table, "all", "ALS", "model_ratio")["value"] == pytest.approx(ours / theirs, rel=1e-4)
    group, known = (figure(table, split, MODEL, "ndcg@10")["value"] for split in ("age_band=40-99", "with history"))
    assert figure(table, "age_band=40-99", MODEL, "quality_ratio")["value"] == pytest.approx(group / known, rel=1e-4)


def test_what_groups_are_shown_stands_beside_how_it_suits_them(trained):
    table = trained.evaluation
    for group in ("age_band=40-99", "with history"):
        assert 0 <= figure(table, group, MODEL, "diversity@10")["value"] <= 1
        assert figure(table, group, MODEL, "novelty@10")["value"] > 0
    tail = figure(table, "tail items", MODEL, "exposure_ratio")
    assert figure(table, "tail items", MODEL, "alarm")["value"] == float(tail["value"] < 0.7 and tail["high"] < 1)


def test_exposure_of_all_items_and_hits_of_all_sources_are_whole(trained):
    for name in (MODEL, "bought"):
        parts = [
            figure(trained.evaluation, f"{kind} items", name, "exposure_share")["value"] for kind in ("head", "tail")
        ]
        assert sum(parts) == pytest.approx(1, abs=1e-5)
    assert figure(trained.evaluation, "source=any", MODEL, "hit_share")["value"] == 1
    recall = figure(trained.evaluation, "source=any", MODEL, "candidate_recall")["value"]
    assert figure(trained.evaluation, "source=own history", MODEL, "candidate_recall")["value"] < recall <= 1


def test_what_each_weight_of_re_ranking_costs_is_told(trained):
    told = trained.evaluation[trained.evaluation["split"].str.startswith("reranked=")]
    assert figure(told, "reranked=home, plain", MODEL, "ndcg_ratio")["value"] == 1
    assert figure(told, "reranked=discover, diversity", MODEL, "diversity@10")["value"] > 0
    assert set(told["measure"]) == {"ndcg@10", "coverage@10", "diversity@10", "ndcg_ratio"}


def test_what_a_report_draws_is_among_the_figures(trained):
    drawn = trained.figures["drawn"]
    assert drawn["all"][0] == "ndcg@10" and len([m for measures in drawn.values() for m in measures]) < 10
    # The small shop sold nothing new in the window.
    for split in set(drawn) - {"new items"}:
        assert set(drawn[split]) <= set(trained.figures[split][MODEL])


def test_the_table_keeps_its_contract(trained):
    contract = contracts.load("recommendations.evaluation")
    assert set(trained.evaluation.columns) | {"model_version"} == {column.name for column in contract.own_columns} - {
        "as_of"
    }
    assert not trained.evaluation.duplicated(list(contract.key)).any()
    allowed = contract.columns["list"].checks[0].kwargs["value_set"]
    assert set(trained.evaluation["list"]) <= set(allowed)


def test_seconds_stand_in_the_figures_and_never_in_the_table(trained):
    told = trained.figures["cost"]
    assert told["chosen"] == "standard" and all(one["seconds"] > 0 for one in told["configurations"].values())
    table = trained.evaluation[trained.evaluation["split"].str.startswith("configuration=")]
    assert set(table["measure"]) == {"ndcg@10", "candidates"} and len(table) == 6


def test_a_tight_budget_trains_on_lean_candidates_and_the_model_remembers(tmp_path, trained):
    found = trained_with(TrainParams(**{**vars(SMALL), "cost_budget": 1e-6}))
    costs = {name: Cost(**one) for name, one in found.figures["cost"]["configurations"].items()}
    assert found.figures["cost"]["chosen"] == min(costs, key=lambda name: costs[name].seconds)
    found.model.save(tmp_path)
    assert type(found.model).load(tmp_path).candidates == found.model.candidates


def test_weighting_shows_both_models(trained):
    fair = FairnessParams(column="age_band", power=1.0)
    found = trained_with(TrainParams(**{**vars(SMALL), "fairness": fair}))
    table = found.evaluation
    both = [figure(table, "age_band=18-39", name, "ndcg@10")["value"] for name in (MODEL, contenders.UNWEIGHTED)]
    assert both[0] != both[1]
    assert both[1] == figure(trained.evaluation, "age_band=18-39", MODEL, "ndcg@10")["value"]


def rows(*told: tuple) -> pd.DataFrame:
    return pd.DataFrame([(*row, 50, None) for row in told], columns=judging.COLUMNS)


def test_warnings_name_the_groups_served_worse_and_the_splits_not_won():
    table = rows(
        ("segment=a", MODEL, "quality_ratio", 0.5, 0.4, 0.6),
        ("segment=a", MODEL, "ndcg@10", 0.1, 0.0, 0.2),
        ("segment=a", "BM25", "ndcg@10", 0.2, 0.1, 0.3),
        ("tail items", MODEL, "ndcg@10", 0.3, 0.2, 0.4),
        ("tail items", MODEL, "exposure_ratio", 0.3, 0.2, 0.4),
        ("tail items", "popularity", "exposure_ratio", 0.1, 0.1, 0.1),
        ("head items", MODEL, "exposure_ratio", 1.4, 1.3, 1.5),
        ("tail items", "frequency", "ndcg@10", 0.2, 0.1, 0.3),
        ("all", MODEL, "ndcg@10", 0.1, 0.1, 0.1),
        ("all", "BM25", "ndcg@10", 0.2, 0.1, 0.3),
    )
    found = judging.warnings(table, FairnessParams())
    assert set(found) == {"segment=a", "tail items"}
    assert "0.30 of its share of what was bought" in found["tail items"]
    assert "0.50 of that of all customers" in found["segment=a"] and "BM25 has NDCG@10 0.2000" in found["segment=a"]


def test_a_release_warns_where_re_ranking_takes_what_the_gate_judged():
    told = [
        (f"reranked={placement}, {weight}", MODEL, "ndcg_ratio", kept, None, None)
        for placement, weight, kept in [
            ("home", "plain", 1.0),
            ("home", "margin", 0.9),
            ("home", "all", 0.961),
            ("discover", "all", 0.97),
        ]
    ]
    found = judging.warnings(rows(*told), FairnessParams())
    assert set(found) == {"reranked=home, all"} and "keeps 0.961 of the NDCG@10" in found["reranked=home, all"]


def test_the_gate_publishes_the_best_baseline_those_of_a_library_among_them():
    figures = {MODEL: [0.3, 0.5], "frequency": [0.4, 0.5], "popularity": [0.2, 0.4], "BM25": [1.0, 1.0]}
    each = pd.DataFrame({(split, name, "ndcg@10"): told for split in gates.SPLITS for name, told in figures.items()})
    each["cold", MODEL, "ndcg@10"] = each["cold", "popularity", "ndcg@10"] = np.nan
    found = gates.evaluated(intervals.resampled(each, seed=1), AS_OF)
    gate = found["personal"]
    assert gate.publishes == "BM25" and "does not beat that of BM25, 1.0000" in gate.reason
    assert "on 2 customers of the 28 days after" in gate.reason
    assert found["cold"].publishes == "frequency" and "nobody to measure on" in found["cold"].reason
    less = each.drop(columns=["BM25", "frequency"], level=1)
    gate = gates.evaluated(intervals.resampled(less, seed=1), AS_OF)["personal"]
    assert gate.publishes == MODEL and "beats that of popularity" in gate.reason


def test_a_lead_that_other_customers_would_undo_publishes_nothing_new():
    """Thirty buyers; 15 are served a little better, 14 a little worse, one as before."""
    told = np.repeat([0.01, -0.01, 0.0], [15, 14, 1])
    each = pd.DataFrame({(split, "popularity", "ndcg@10"): np.full(30, 0.2) for split in gates.SPLITS})
    for number, split in enumerate(gates.SPLITS):
        each[split, MODEL, "ndcg@10"] = 0.2 + (told, np.zeros(30), np.abs(told))[min(number, 2)]
    found = gates.evaluated(intervals.resampled(each, seed=1), AS_OF)
    little, equal, sure = (found[split] for split in gates.SPLITS[:3])
    assert little.ours > little.baseline and 0.5 < little.chance < gates.CHANCE
    assert little.publishes == "popularity" and "0.6 is asked" in little.reason
    assert (equal.publishes, equal.chance) == ("popularity", 0.5)
    assert (sure.publishes, sure.chance) == (MODEL, 1.0)


def test_the_gates_interval_is_that_of_the_table(trained):
    gate = trained.model.gates["discovery"]
    rival = gate.reason.split("that of ")[1].split(",")[0]
    row = figure(trained.evaluation, "discovery", rival, "model_ratio")
    assert (gate.low, gate.high) == pytest.approx((row["low"], row["high"]), abs=1e-6)
    assert gate.customers == row["cases"]


def test_no_feature_of_a_model_is_a_group_of_people(judged):
    groups = set(frames.GROUPS) - {"country"}
    assert groups <= set(judged.cut.pairs.columns)
    assert not [name for name in judged.found.features if any(group in name for group in groups)]
