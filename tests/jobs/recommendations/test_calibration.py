"""Probabilities: what a known distortion is undone to, and errors by hand."""

import numpy as np
import pytest

from jobs.recommendations import calibration


def drawn(pairs: int = 200_000) -> tuple[np.ndarray, np.ndarray]:
    """Log-odds and purchases that follow them."""
    generator = np.random.default_rng(1)
    margin = generator.normal(-2, 1.5, pairs)
    return margin, generator.random(pairs) < calibration.probability(margin)


def test_slope_and_offset_of_a_distortion_are_found_again():
    margin, is_bought = drawn()
    slope, offset = calibration.scaling(2 * margin + 3, is_bought)
    assert slope == pytest.approx(0.5, abs=0.02) and offset == pytest.approx(-1.5, abs=0.05)
    assert calibration.scaling(margin, np.zeros(len(margin), bool)) == (1.0, 0.0)


def test_the_error_is_small_for_true_probabilities_and_that_of_the_shift_for_others():
    margin, is_bought = drawn()
    told = calibration.probability(margin)
    assert calibration.error(calibration.reliability(told, is_bought)) < 0.005
    off = calibration.error(calibration.reliability(np.minimum(told + 0.1, 1), is_bought))
    assert off == pytest.approx(0.1, abs=0.01)


def test_bins_by_hand():
    told = np.repeat([0.2, 0.6], 10)
    is_bought = np.array([True] * 1 + [False] * 9 + [True] * 9 + [False])
    bins = calibration.reliability(told, is_bought)
    assert list(bins["pairs"]) == [2] * 10 and bins["told"].tolist() == pytest.approx([0.2] * 5 + [0.6] * 5)
    assert bins["bought"].tolist() == [0.5, 0, 0, 0, 0, 1, 1, 1, 1, 0.5]
    assert calibration.error(bins) == pytest.approx((0.3 + 4 * 0.2 + 4 * 0.4 + 0.1) / 10)
