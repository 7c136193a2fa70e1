"""The count regression's parts: what they are against plain linear algebra and known data."""

from __future__ import annotations

import numpy as np
import pytest

from jobs.pricing.counts import Priors, fit_counts, tridiagonal_inverse


def test_the_inverse_of_a_tridiagonal_matrix() -> None:
    diagonal = np.random.default_rng(0).uniform(2.5, 9, (3, 7))
    for at, inverse in enumerate(tridiagonal_inverse(diagonal, -1.2)):
        whole = np.diag(diagonal[at]) - 1.2 * (np.eye(7, k=1) + np.eye(7, k=-1))
        assert inverse == pytest.approx(np.linalg.inv(whole))


def test_a_common_slope_a_term_and_slow_shocks_are_found() -> None:
    rng = np.random.default_rng(5)
    size = (30, 90)
    x, feature = rng.normal(0, 0.15, size), (rng.random(size) < 0.1).astype(float)
    shock = np.zeros(size)
    for week in range(1, size[1]):
        shock[:, week] = 0.8 * shock[:, week - 1] + rng.normal(0, 0.3 * 0.6, size[0])
    slope = -2.5 + rng.normal(0, 0.7, (30, 1))
    units = rng.poisson(np.exp(3 + slope * x + 0.4 * feature + shock))
    nothing = np.zeros(size, dtype=bool)
    found = fit_counts(units, ~nothing, nothing, x, feature[..., None])
    assert found.common == pytest.approx([-2.5, 0.4], abs=0.35)
    assert found.variances.drift == pytest.approx(0.09, abs=0.05)
    assert found.variances.memory == pytest.approx(0.8, abs=0.15)
    assert np.corrcoef(found.slope, slope[:, 0])[0, 1] > 0.6


def test_a_firm_prior_is_kept_where_data_say_little() -> None:
    size = (2, 6)
    zeros, nothing = np.zeros(size), np.zeros(size, dtype=bool)
    firm = Priors(np.array([-3.0, 0.0]), np.array([0.01, 1.0]))
    found = fit_counts(zeros + 5, ~nothing, nothing, zeros, zeros[..., None], priors=firm)
    assert found.common[0] == pytest.approx(-3.0)
    assert found.slope == pytest.approx([-3.0, -3.0])
