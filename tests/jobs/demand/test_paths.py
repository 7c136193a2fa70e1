"""Sample paths keep the days' distributions, hang together as told, and belong to the item alone."""

from __future__ import annotations

import numpy as np
import pytest

from jobs.demand.paths import keys_of, paths

LEVELS = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
POISSON = np.array([0, 0, 1, 2, 4, 6, 7.0])


def made(items: int = 3, days: int = 28) -> np.ndarray:
    return np.stack([np.tile(POISSON * (n + 1), (days, 1)) for n in range(items)])


def test_a_day_keeps_its_quantiles_and_its_chance_of_no_sale():
    drawn = paths(made(1), LEVELS, draws=4000, rho=0.2, seed=1)[0]
    # The days of a draw hang together: even 112,000 values are worth far fewer.
    assert np.abs(np.quantile(drawn, LEVELS) - POISSON).max() < 0.35
    assert 0.08 < (drawn == 0).mean() < 0.12
    assert drawn.min() >= 0 and drawn.max() < 30


def test_a_higher_correlation_widens_the_sum():
    spread = [paths(made(1), LEVELS, 2000, rho, 1)[0].sum(axis=1).std() for rho in (0.0, 0.2, 0.8)]
    assert spread[0] * 1.8 < spread[1] and spread[1] * 1.5 < spread[2]


def test_an_item_has_the_same_paths_whoever_stands_beside_it():
    ids = np.array(["85123A", "22086", "POST"])
    quantiles, keys = made(), keys_of(ids)
    whole = paths(quantiles, LEVELS, 50, 0.2, 7, keys)
    turned = paths(quantiles[::-1], LEVELS, 50, 0.2, 7, keys[::-1])[::-1]
    alone = paths(quantiles[1:2], LEVELS, 50, 0.2, 7, keys[1:2])
    assert (whole == turned).all() and (whole[1] == alone[0]).all()
    assert (whole != paths(quantiles, LEVELS, 50, 0.2, 8, keys)).any()
    assert len(set(keys_of(ids, ["a", "a", "a"]))) == 3


def test_crossing_negative_and_missing_quantiles_do_no_harm():
    rough = np.array([[[np.nan, -3, 2, 1, 4, 4, 3.0]]])
    drawn = paths(rough, LEVELS, 500, 0.2, 1)
    assert np.isfinite(drawn).all() and drawn.min() >= 0 and drawn.max() <= 4
    assert (paths(np.zeros((1, 5, 7)), LEVELS, 10, 0.2, 1) == 0).all()


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="quantiles must be"):
        paths(np.zeros((2, 7)), LEVELS)
    with pytest.raises(ValueError, match="rise strictly"):
        paths(np.zeros((1, 2, 2)), (0.9, 0.1))
