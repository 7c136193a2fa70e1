"""Spreads of sums of items: what earlier origins showed, no more and no less."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from jobs.demand.forecasts import LEVELS, NAMES
from jobs.demand.together import CATEGORY, STORE, Errors, chain_of, correlations, deviations, group_quantiles

ITEMS, ORIGINS = 300, 40


def origins(common: float, of_category: float, seed: int = 1) -> list[Errors]:
    """Errors with standard deviations of their own that share the store's luck and their category's."""
    random = np.random.default_rng(seed)
    category = np.array([f"c{n % 10}" for n in range(ITEMS)], object)
    deviation = random.uniform(1, 9, ITEMS)
    own = 1 - common - of_category
    found = []
    for _ in range(ORIGINS):
        luck = random.standard_normal(10)[np.arange(ITEMS) % 10]
        parts = common**0.5 * random.standard_normal() + of_category**0.5 * luck
        found.append(Errors(deviation * (parts + own**0.5 * random.standard_normal(ITEMS)), deviation, category))
    return found


def test_the_correlation_is_the_one_that_errors_have():
    found = correlations(origins(0.2, 0.3))
    assert found[STORE] == pytest.approx(0.2 + 0.3 / 10, abs=0.1) and found[CATEGORY] == pytest.approx(0.5, abs=0.1)
    alone = correlations(origins(0.0, 0.0))
    assert alone[STORE] < 0.01 and alone[CATEGORY] < 0.02


def test_what_all_forecasts_missed_on_one_side_counts_as_one():
    late = [Errors(np.full(50, 3.0), np.full(50, 4.0), np.full(50, "", object))]
    assert correlations(late)[STORE] == pytest.approx(9 / 16, abs=1e-3)


def test_what_could_not_be_seen_and_what_has_no_category_say_nothing():
    error = np.array([np.nan, 2.0, np.nan])
    one = [Errors(error, np.ones(3), np.array(["", "a", "a"], object))]
    assert correlations(one) == {STORE: 0.0, CATEGORY: 0.0}
    assert correlations([]) == {STORE: 0.0, CATEGORY: 0.0}


@pytest.mark.parametrize("common", [0.0, 0.3])
def test_intervals_of_the_store_hold_as_often_as_they_say(common):
    learnt = correlations(origins(common, 0.0))[STORE]
    later = origins(common, 0.0, seed=2)
    mean = np.full(1, 40.0 * ITEMS)
    deviation = later[0].deviation
    found = group_quantiles(mean, deviation.sum()[None], (deviation**2).sum()[None], np.full(1, learnt))[0]
    came = np.array([mean[0] + one.error.sum() for one in later])
    low, high = found[NAMES.index("q10")], found[NAMES.index("q90")]
    assert 0.65 <= np.mean((came >= low) & (came <= high)) <= 0.95


def test_deviations_of_known_distributions():
    level = np.array(LEVELS)
    normal = stats.norm(100, 10).ppf(level)[None, :]
    assert deviations(normal, np.array([100.0]))[0] == pytest.approx(10, rel=0.15)
    skewed = stats.gamma(2, scale=50).ppf(level)[None, :]
    assert deviations(skewed, np.array([100.0]))[0] == pytest.approx(50 * 2**0.5, rel=0.15)
    # Every published quantile of a rare seller is 0; what it sells is chance even so.
    assert deviations(np.zeros((1, len(LEVELS))), np.array([0.04]))[0] == pytest.approx(0.2)


def test_nothing_expected_is_nothing_sold():
    zero, some = np.zeros(2), np.ones(2)
    assert not group_quantiles(zero, zero, zero, some * 0.5).any()
    rising = group_quantiles(some, some * 3, some * 9, some * 0.5)
    assert (np.diff(rising, axis=1) >= 0).all() and (rising >= 0).all()


def test_an_item_belongs_to_every_step_of_its_path():
    assert chain_of("A > B") == [("store", "all"), ("category", "A"), ("category", "A > B")]
    assert chain_of(None) == chain_of("") == [("store", "all"), ("unsorted", "none")]
