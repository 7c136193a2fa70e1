"""Means and paired ratios with intervals, against values known beforehand."""

import numpy as np
import pandas as pd
import pytest

from jobs.lib import intervals


@pytest.fixture
def each() -> pd.DataFrame:
    values = np.random.default_rng(1).normal(5, 1, 400)
    return pd.DataFrame(
        {"a": values, "double": 2 * values, "half told": np.where(np.arange(400) < 100, values, np.nan)}
    )


def test_the_interval_is_that_of_the_normal_distribution(each):
    found = intervals.resampled(each, seed=3).mean("a")
    error = each["a"].std() / 20
    assert found.value == pytest.approx(each["a"].mean()) and found.cases == 400
    assert (found.low, found.high) == pytest.approx((found.value - 1.96 * error, found.value + 1.96 * error), abs=0.02)


def test_a_measure_says_nothing_of_customers_without_a_value(each):
    drawn = intervals.resampled(each, seed=3)
    told = drawn.mean("half told")
    assert told.value == pytest.approx(each["a"][:100].mean()) and told.cases == 100
    wide, narrow = told.high - told.low, drawn.mean("a").high - drawn.mean("a").low
    assert wide == pytest.approx(2 * narrow, rel=0.2)


def test_ratios_are_paired_and_draws_repeat(each):
    found = intervals.resampled(each, seed=3).ratio("double", "a")
    assert (found.value, found.low, found.high) == pytest.approx((2, 2, 2))
    assert intervals.resampled(each, seed=3).mean("a") == intervals.resampled(each, seed=3).mean("a")


def test_the_chance_to_be_ahead_is_that_of_the_normal_distribution(each):
    """A lead of half a standard error, in either direction, and none at all."""
    noise = np.random.default_rng(2).normal(0, 1, 400)
    lead = noise - noise.mean() + noise.std(ddof=1) / 40
    told = each.assign(ahead=each["a"] + lead, behind=each["a"] - lead, same=each["a"])
    drawn = intervals.resampled(told, seed=3)
    assert drawn.chance_above("ahead", "a") == pytest.approx(0.691, abs=0.04)
    assert drawn.chance_above("behind", "a") == pytest.approx(0.309, abs=0.04)
    assert drawn.chance_above("same", "a") == 0.5
    nobody = intervals.resampled(each.assign(none=np.nan), seed=3)
    assert np.isnan(nobody.chance_above("none", "a"))


def test_nobody_has_no_figure():
    found = intervals.resampled(pd.DataFrame({"a": [np.nan, np.nan], "b": [1.0, 0.0]}), seed=1)
    assert np.isnan(found.mean("a").value) and found.mean("a").cases == 0
