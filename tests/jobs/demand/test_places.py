"""Places of an item: what they are forecast adds up to the item as a whole, and each keeps its own rhythm."""

from __future__ import annotations

import numpy as np
import pytest

from jobs.demand.forecasts import LEVELS, Forecast
from jobs.demand.history import WHOLE
from jobs.demand.places import reconciled

IDS = np.array(["pen", "pen", "pen", "ink", "ink", "cup"], object)
PLACES = np.array([WHOLE, "north", "south", WHOLE, "north", WHOLE], object)


def told(mean: list[list[float]], quantile: float = 1.5) -> Forecast:
    means = np.array(mean, float)
    return Forecast(means[:, :, None] * np.linspace(0.2, quantile, len(LEVELS)), means)


def test_places_add_up_to_the_whole_and_split_it_as_they_were_forecast():
    mean = [[12.0, 0.0, 6.0], [4.0, 2.0, 0.0], [4.0, 1.0, 0.0], [5.0, 5.0, 5.0], [2.0, 1.0, 4.0], [9.0, 9.0, 9.0]]
    before = told(mean)
    found = reconciled(before, IDS, PLACES)
    assert found.mean[:, 0] == pytest.approx([12, 6, 6, 5, 5, 9])
    # Nobody buys on the second day, whatever its places were forecast.
    assert found.mean[:, 1] == pytest.approx([0, 0, 0, 5, 5, 9]) and not found.quantiles[1:3, 1].any()
    # On the third no place expects anything: it is split as all days together are.
    assert found.mean[:3, 2] == pytest.approx([6, 6 * 6 / 11, 6 * 5 / 11])
    np.testing.assert_allclose(found.quantiles[1, 0], before.quantiles[1, 0] * 1.5)
    for whole in np.flatnonzero(PLACES == WHOLE):
        np.testing.assert_array_equal(found.quantiles[whole], before.quantiles[whole])


def test_whole_pieces_stay_whole():
    mean = np.array([[0.5], [0.3], [0.1]])
    quantiles = np.zeros((3, 1, len(LEVELS)))
    quantiles[1, 0, -2:] = 1.0, 2.0
    found = reconciled(Forecast(quantiles, mean), IDS[:3], PLACES[:3])
    assert found.quantiles[1, 0].tolist() == [0, 0, 0, 0, 0, 1, 2]
    assert found.mean[1:, 0] == pytest.approx([0.375, 0.125])


def test_a_place_without_any_forecast_gets_an_even_share_and_one_without_a_whole_keeps_its_own():
    nowhere = reconciled(told([[4.0], [0.0], [0.0]]), IDS[:3], PLACES[:3])
    assert nowhere.mean[:, 0].tolist() == [4.0, 2.0, 2.0]
    alone = reconciled(told([[4.0]]), np.array(["pen"], object), np.array(["north"], object))
    assert alone.mean[0, 0] == 4.0


def test_a_store_without_places_is_left_as_it_is():
    made = told([[4.0], [1.0]])
    assert reconciled(made, np.array(["pen", "ink"], object), np.array([WHOLE] * 2, object)) is made
