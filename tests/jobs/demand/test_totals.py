"""Totals: quantiles from paths that hang together, corrected to cover what they say."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import poisson

from jobs.demand.forecasts import LEVELS, MEDIAN
from jobs.demand.totals import corrected, correction, total_quantiles

NORMAL = np.array([-1.645, -1.2816, -0.6745, 0, 0.6745, 1.2816, 1.645])


def test_a_total_is_narrower_than_summed_quantiles_and_wider_than_independent_days():
    days = np.tile(100 + 20 * NORMAL, (3, 28, 1))
    found = total_quantiles(days, np.full((3, 28), 100.0), [7, 28], np.arange(3, dtype=np.uint64))
    assert found.shape == (3, 2, len(LEVELS)) and (np.diff(found, axis=2) >= 0).all()
    width = found[0, 1, -1] - found[0, 1, 0]
    assert 2 * 1.645 * 20 * np.sqrt(28) * 1.5 < width < 0.8 * (days[0, :, -1] - days[0, :, 0]).sum()
    assert abs(found[0, 1, MEDIAN] - 2800) < 100


@pytest.mark.parametrize(("rate", "expected"), [(0.045, [0, 0, 0, 1, 2, 3, 3]), (0.01, [0, 0, 0, 0, 0, 1, 1])])
def test_what_sells_once_a_month_has_a_total_though_every_day_is_zero(rate, expected):
    # Nothing in 28 days has a chance of .755 at the lower rate: the middle of many items tells it from .75.
    days = np.tile(poisson.ppf(LEVELS, rate), (400, 28, 1))
    assert not days.any()
    found = total_quantiles(days, np.full((400, 28), rate), [28], np.arange(400, dtype=np.uint64))[:, 0]
    assert np.median(found, axis=0).tolist() == expected


def test_quantiles_that_were_too_wide_or_too_narrow_are_corrected():
    random = np.random.default_rng(1)
    true = 100 + 10 * random.standard_normal(4000)
    for told in (20.0, 6.0):
        said = np.tile(100 + told * NORMAL, (4000, 1))
        fixed = corrected(said, correction(said, true))
        assert abs(((true >= fixed[:, 1]) & (true <= fixed[:, 5])).mean() - 0.8) < 0.02
    assert (correction(said[:10], true[:10]) == 1).all()


def test_a_correction_keeps_order_and_zero():
    said = np.array([[0, 0, 1, 2, 5, 9, 12.0]])
    fixed = corrected(said, np.array([2, 2, 2, 1, 0.5, 0.5, 0.5]))
    assert (np.diff(fixed) >= 0).all() and fixed.min() == 0 and fixed[0, MEDIAN] == 2
