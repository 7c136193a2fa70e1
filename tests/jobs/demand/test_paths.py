"""Sample paths keep the days' distributions, hang together as told, and belong to the item alone."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import poisson

from jobs.demand.forecasts import mean_of
from jobs.demand.paths import keys_of, paths

LEVELS = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
POISSON = np.array([0, 0, 1, 2, 4, 6, 7.0])


def made(items: int = 3, days: int = 28) -> np.ndarray:
    return np.stack([np.tile(POISSON * (n + 1), (days, 1)) for n in range(items)])


def of_law(quantiles: np.ndarray, mean: float, draws: int = 4000) -> np.ndarray:
    """Paths of seven days of an item alone."""
    return paths(np.tile(quantiles, (1, 7, 1)), np.full((1, 7), mean), LEVELS, draws, 0.0, 1)[0]


@pytest.mark.parametrize("rate", [0.045, 0.06, 0.3, 1.0, 3.0, 10.0])
@pytest.mark.parametrize("line", [1, 6])
def test_where_quantiles_are_whole_pieces_the_paths_have_the_mean_that_was_told(rate, line):
    quantiles = line * poisson.ppf(LEVELS, rate)
    drawn = of_law(quantiles, line * rate)
    assert drawn.mean() == pytest.approx(line * rate, rel=0.04)
    # Ever so little past each level lies the next piece.
    below = [(drawn <= q + 1e-9).mean() for q in quantiles]
    assert all(share >= level - 0.015 for share, level in zip(below, LEVELS, strict=True))
    assert all((drawn < q).mean() <= level + 0.015 for q, level in zip(quantiles, LEVELS, strict=True) if q)


def test_a_mean_beyond_the_quantiles_is_made_up_by_rare_large_sales():
    drawn = of_law(np.array([0, 0, 0, 0, 0, 1, 1.0]), 2.0)
    assert drawn.mean() == pytest.approx(2.0, rel=0.05) and (drawn > 1).mean() < 0.05 + 0.01


def test_where_quantiles_are_no_whole_pieces_the_mean_leaves_them_alone():
    quantiles = np.array([0.5, 1, 2, 4, 8, 16, 25])
    assert (of_law(quantiles, 3.0) == of_law(quantiles, 9.0)).all()


def test_a_day_keeps_its_quantiles_and_its_chance_of_no_sale():
    drawn = paths(made(1), mean_of(made(1)), LEVELS, draws=4000, rho=0.2, seed=1)[0]
    # The days of a draw hang together: even 112,000 values are worth far fewer.
    assert np.abs(np.quantile(drawn, LEVELS) - POISSON).max() < 0.35
    assert 0.08 < (drawn == 0).mean() < 0.12
    assert drawn.min() >= 0 and drawn.max() < 30


def test_a_higher_correlation_widens_the_sum():
    spread = [paths(made(1), mean_of(made(1)), LEVELS, 2000, rho, 1)[0].sum(axis=1).std() for rho in (0.0, 0.2, 0.8)]
    assert spread[0] * 1.8 < spread[1] and spread[1] * 1.5 < spread[2]


def test_an_item_has_the_same_paths_whoever_stands_beside_it():
    ids = np.array(["85123A", "22086", "POST"])
    quantiles, keys = made(), keys_of(ids)
    quantiles[2] = 0  # rare sales are the item's own too
    mean = mean_of(quantiles) + 0.1
    whole = paths(quantiles, mean, LEVELS, 50, 0.2, 7, keys)
    turned = paths(quantiles[::-1], mean[::-1], LEVELS, 50, 0.2, 7, keys[::-1])[::-1]
    alone = paths(quantiles[1:2], mean[1:2], LEVELS, 50, 0.2, 7, keys[1:2])
    assert (whole == turned).all() and (whole[1] == alone[0]).all()
    assert (whole != paths(quantiles, mean, LEVELS, 50, 0.2, 8, keys)).any()
    assert len(set(keys_of(ids, ["a", "a", "a"]))) == 3


def test_crossing_negative_and_missing_quantiles_do_no_harm():
    rough = np.array([[[np.nan, -3, 2, 1, 4, 4, 3.0]]])
    for mean in (2.0, 0.0, np.nan):
        drawn = paths(rough, np.array([[mean]]), LEVELS, 500, 0.2, 1)
        assert np.isfinite(drawn).all() and drawn.min() >= 0 and drawn.max() <= 4
    assert (paths(np.zeros((1, 5, 7)), np.zeros((1, 5)), LEVELS, 10, 0.2, 1) == 0).all()


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="quantiles must be"):
        paths(np.zeros((2, 7)), np.zeros(2), LEVELS)
    with pytest.raises(ValueError, match="means must be"):
        paths(np.zeros((1, 2, 7)), np.zeros((1, 3)), LEVELS)
    with pytest.raises(ValueError, match="rise strictly"):
        paths(np.zeros((1, 2, 2)), np.zeros((1, 2)), (0.9, 0.1))
