"""Log units of one item over locations and weeks: a linear mixed model with neighbours' prices, fitted by EM.

Fixed: level, own log price, promotion, feature. Random: the neighbours' log prices, a level and a slope of the own
price for each location, and where asked a level for each week (Laird and Ware 1982, Biometrics 38). All cross products
are taken once, so that a round costs as much as one inverse of terms × terms.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Design:
    """Rows of one item: ``fixed`` and ``cross`` (rows × columns), ``own`` the log price, codes of location and week.

    A code of -1 is one that was not there in training: its effects are 0.
    """

    fixed: np.ndarray
    cross: np.ndarray
    own: np.ndarray
    location: np.ndarray
    week: np.ndarray


@dataclass(frozen=True)
class Regression:
    """Coefficients by group, as :func:`fit_regression` found them; ``noise`` is the variance left."""

    fixed: np.ndarray
    cross: np.ndarray
    level: np.ndarray
    slope: np.ndarray
    week: np.ndarray
    own_mean: float
    noise: float

    def predict(self, design: Design) -> np.ndarray:
        """Expected log units of each row."""
        own = design.own - self.own_mean
        place = _at(self.level, design.location) + _at(self.slope, design.location) * own
        return design.fixed @ self.fixed + design.cross @ self.cross + place + _at(self.week, design.week)


def fit_regression(
    units: np.ndarray, design: Design, locations: int, weeks: int, has_weeks: bool, rounds: int = 25
) -> Regression:
    """The mixed model of log ``units`` (rows); ``locations`` and ``weeks`` are how many codes there are."""
    own_mean = float(design.own.mean())
    place = _dummies(design.location, locations)
    parts = [design.fixed, design.cross, place, place * (design.own - own_mean)[:, None]]
    if has_weeks:
        parts.append(_dummies(design.week, weeks))
    columns = np.concatenate(parts, axis=1)
    group = np.repeat(np.arange(len(parts)), [part.shape[1] for part in parts])
    gram, right, total = columns.T @ columns, columns.T @ units, float(units @ units)
    variance, noise = np.r_[1e6, np.full(len(parts) - 1, 0.1)], float(units.var())
    for _ in range(rounds):
        inverse = np.linalg.inv(gram + np.diag(noise / variance[group]))
        beta = inverse @ right
        rest = total - 2 * beta @ right + beta @ gram @ beta
        spread = noise * np.diag(inverse)
        noise = max(float((rest + noise * np.trace(inverse @ gram)) / len(units)), 1e-6)
        for at in range(1, len(parts)):
            variance[at] = max(float((beta[group == at] ** 2 + spread[group == at]).mean()), 1e-8)
    fixed, cross, level, slope = (beta[group == at] for at in range(4))
    week = beta[group == 4] if has_weeks else np.zeros(weeks)
    return Regression(fixed, cross, level, slope, week, own_mean, noise)


def _dummies(code: np.ndarray, size: int) -> np.ndarray:
    out = np.zeros((len(code), size))
    known = np.flatnonzero(code >= 0)
    out[known, code[known]] = 1
    return out


def _at(values: np.ndarray, code: np.ndarray) -> np.ndarray:
    return np.where(code >= 0, values[code], 0.0)
