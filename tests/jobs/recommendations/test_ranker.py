"""Sampling and blending: what the ranker sees, and how places become one score."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import xgboost

from jobs.recommendations import ranker
from jobs.recommendations.blend import Blend, best, blended, ranks
from jobs.recommendations.ranker import Examples, RankerParams, fit, sampled


def examples(customers: int = 40, items: int = 30, seed: int = 2) -> Examples:
    generator = np.random.default_rng(seed)
    signal = generator.random(customers * items)
    bought = generator.random(customers * items) < signal * 0.3
    bought[:items] = False
    features = pd.DataFrame({"signal": signal, "noise": generator.random(len(signal))}, dtype=np.float32)
    return Examples(features, bought, np.repeat(np.arange(customers), items))


def test_ranks_count_within_a_customer_and_ties_keep_their_order():
    row, score = np.array([0, 0, 0, 2, 2]), np.array([1.0, 3.0, 1.0, 5.0, 5.0])
    assert list(ranks(row, score)) == [2, 1, 3, 1, 2]
    assert list(ranks(np.array([], int), np.array([]))) == []


def test_all_bought_are_kept_and_the_rest_drawn_uniformly():
    whole = examples(customers=400)
    found = sampled(whole, RankerParams(negatives=10))
    buyers = np.bincount(whole.group, weights=whole.is_bought) > 0
    assert found.is_bought.sum() == whole.is_bought.sum()
    negatives = np.bincount(found.group, weights=~found.is_bought, minlength=400)
    assert (negatives[buyers] == 10).all() and (negatives[~buyers] == 0).all()
    drawn = found.features["signal"][~found.is_bought].mean()
    assert drawn == pytest.approx(whole.features["signal"][~whole.is_bought].mean(), abs=0.02)


def test_the_same_seed_draws_the_same():
    once, again = (sampled(examples(), RankerParams(negatives=5)) for _ in range(2))
    pd.testing.assert_frame_equal(once.features, again.features)


def test_it_learns_the_signal_and_stops_early():
    params = RankerParams(rounds=60, trees={"max_depth": 2, "eta": 0.3})
    found = fit(sampled(examples(), params), params, 1, later=sampled(examples(seed=3), params))
    assert all(0 < taken <= 60 for taken in found.rounds.values())
    for name, booster in found.boosters.items():
        assert booster.num_boosted_rounds() == found.rounds[ranker.objective_of(name)]
    low, high = pd.DataFrame({"signal": [0.1], "noise": [0.5]}), pd.DataFrame({"signal": [0.9], "noise": [0.5]})
    for name, margin in found.predicted(low).items():
        assert margin[0] < found.predicted(high)[name][0]


def test_a_models_margin_is_the_mean_of_its_members_which_have_seeds_of_their_own(tmp_path):
    params = RankerParams(rounds=20, members=3, trees={"max_depth": 2, "eta": 0.3, "subsample": 0.5})
    found = fit(sampled(examples(), params), params, 1, later=sampled(examples(seed=3), params))
    assert set(found.boosters) == {f"{name}{number}" for name in ("logistic", "ndcg") for number in ("", ".2", ".3")}
    features = examples(seed=4).features
    alone = [
        ranker.Ranker({"logistic": found.boosters[f"logistic{n}"]}, {}, found.feature_names) for n in ("", ".2", ".3")
    ]
    margins = [one.predicted(features)["logistic"] for one in alone]
    assert not (margins[0] == margins[1]).all()
    assert found.predicted(features)["logistic"] == pytest.approx(np.mean(margins, axis=0))
    found.save(tmp_path, "all")
    assert (ranker.Ranker.load(tmp_path, "all").predicted(features)["ndcg"] == found.predicted(features)["ndcg"]).all()
    (tmp_path / "all.ndcg.3.ubj").unlink()
    with pytest.raises(xgboost.core.XGBoostError):
        ranker.Ranker.load(tmp_path, "all")
    again = fit(sampled(examples(), params), params, 2, rounds=found.rounds)
    assert again.rounds == found.rounds and set(again.boosters) == set(found.boosters)


def test_an_objectives_members_stop_together_late_in_what_is_flat():
    """By the mean of their curves; the last of what is within a thousandth of the best."""
    curves = [[0.9, 0.2, 0.5997, 0.6], [0.9, 0.8, 0.4005, 0.41]]
    assert ranker._best("logistic", curves) == 3
    assert ranker._best("ndcg", [[0.3, 0.6, 0.5998, 0.599]]) == 3
    assert ranker._best("logistic", [[0.5, 0.3, 0.2]]) == 3


def test_a_shortlist_is_ordered_by_all_of_the_model_and_the_rest_stands_behind_it(monkeypatch):
    params = RankerParams(rounds=20, trees={"max_depth": 2, "eta": 0.3})
    found = fit(sampled(examples(), params), params, 1, later=sampled(examples(seed=3), params))
    features, row = examples(seed=4).features, np.repeat([3, 5, 6], [400, 10, 790])
    whole = found.predicted(features)
    monkeypatch.setattr(ranker, "FIRST_ROUNDS", 4)
    monkeypatch.setattr(ranker, "SHORTLIST", 50)
    first = found.boosters["logistic"][:4].inplace_predict(features.to_numpy(), predict_type="margin")
    place = ranks(row, first)
    for name, margin in found.shortlisted(features, row).items():
        assert (margin[place <= 50] == whole[name][place <= 50]).all()
        for who in (3, 6):
            mine = row == who
            behind = margin[mine & (place > 50)]
            assert behind.max() < margin[mine & (place <= 50)].min()
            assert list(np.argsort(-behind)) == list(np.argsort(place[mine & (place > 50)]))
    monkeypatch.setattr(ranker, "SHORTLIST", 790)
    assert all((margin == whole[name]).all() for name, margin in found.shortlisted(features, row).items())
    assert not len(found.shortlisted(features[:0], row[:0])["ndcg"])


def test_what_is_not_known_has_a_side_of_its_own_and_frames_stay_as_they_are():
    whole = examples()
    whole.features.loc[whole.is_bought, "signal"] = np.nan
    found = fit(whole, RankerParams(trees={"max_depth": 1, "eta": 0.3}), 1, rounds={"logistic": 5, "ndcg": 5})
    assert whole.features["signal"].isna().sum() == whole.is_bought.sum()
    known, unknown = (found.predicted(pd.DataFrame({"signal": [s], "noise": [0.5]})) for s in (0.5, np.nan))
    assert all(unknown[name][0] > known[name][0] for name in known)


def test_it_takes_later_examples_or_rounds_not_both():
    with pytest.raises(ValueError, match="either"):
        fit(examples(), RankerParams(), 1)


def test_own_frequency_moves_places_and_either_model_can_speak_alone():
    features = pd.DataFrame({"orders": [0.0, 0.0, 5.0]})
    predicted = {"logistic": np.array([0.2, 0.1, 0.0]), "ndcg": np.array([0.2, 0.1, 0.0])}
    row = np.zeros(3, int)
    assert list(np.argsort(-blended(predicted, features, row, Blend()))) == [0, 1, 2]
    assert np.argmax(blended(predicted, features, row, Blend(own=9.0))) == 2
    predicted["ndcg"] = np.array([0.0, 0.1, 0.2])
    assert list(np.argsort(-blended(predicted, features, row, Blend(ndcg=0.0)))) == [0, 1, 2]
    assert list(np.argsort(-blended(predicted, features, row, Blend(logistic=0.0)))) == [2, 1, 0]
    assert [Blend().is_of_one, Blend(ndcg=0.0).is_of_one, Blend(logistic=0.0).is_of_one] == [False, True, True]


def test_of_blends_that_are_about_as_good_the_one_with_most_of_own_frequency():
    values = {Blend(own=0.0): 0.400, Blend(own=1.0): 0.401, Blend(own=2.0): 0.3999, Blend(own=3.0): 0.39}
    assert best(values, 0.005).own == 2.0 and best(values, 0.0).own == 1.0 and best(values, 0.05).own == 3.0
    alike = {Blend(): 0.2, Blend(ndcg=0.5): 0.2005, Blend(ndcg=0.0): 0.1}
    assert best(alike, 0.005).ndcg == 0.5


def test_interest_teaches_lambdamart_alone():
    whole = examples(customers=200)
    liked = whole.features["noise"].to_numpy() > 0.7
    graded = replace(whole, grade=np.where(whole.is_bought, 3, np.where(liked, 2, 0)).astype(np.float32))
    params = RankerParams(trees={"max_depth": 2, "eta": 0.3})
    rounds = {"logistic": 20, "ndcg": 20}
    plain, taught = (fit(each, params, 1, rounds=rounds) for each in (whole, graded))
    pair = pd.DataFrame({"signal": [0.5, 0.5], "noise": [0.2, 0.9]})
    gain = {
        name: np.diff(margin)[0] - np.diff(plain.predicted(pair)[name])[0]
        for name, margin in taught.predicted(pair).items()
    }
    assert gain["logistic"] == 0 and gain["ndcg"] > 0.1


@pytest.mark.parametrize(
    ("is_built", "is_there", "expected"), [(False, True, "cpu"), (True, False, "cpu"), (True, True, "cuda")]
)
def test_a_gpu_is_used_where_there_is_one_and_xgboost_knows_how(monkeypatch, is_built, is_there, expected):
    monkeypatch.setattr(ranker.xgboost, "build_info", lambda: {"USE_CUDA": is_built})
    monkeypatch.setattr("torch.cuda.is_available", lambda: is_there)
    assert ranker.device() == expected
