"""Empirical-Bayes negative binomial regression of one category: item levels, random slopes, random weeks, common terms.

Iteratively reweighted least squares on the working response, variances by EM on the linearised model (penalised
quasi-likelihood: Breslow and Clayton 1993, JASA 88; EM as in Laird and Ware 1982, Biometrics 38). Each item's level
and slope are eliminated first (a 2 × 2 block an item), so that time grows with items × weeks × common terms.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import log_ndtr

LEVEL_PRECISION = 0.05  # of an item's log level about 0: keeps an item that never sold finite
SLOPE_MEAN, SLOPE_VARIANCE = -2.0, 25.0
LARGEST_STEP = 3.0  # of a log rate in one round
CHUNK = 500  # items whose weeks × weeks matrices are held at a time
RANGE = (-12.0, 12.0)  # of log expected units


@dataclass(frozen=True)
class Variances:
    """Of item slopes about the common one, of weeks, and the overdispersion: variance = mean + dispersion·mean².

    ``drift`` is the variance of an item's own slow shocks, ``memory`` what is left of them a week later.
    """

    slope: float = 0.5
    week: float = 0.02
    dispersion: float = 0.2
    drift: float = 0.0
    memory: float = 0.0


@dataclass(frozen=True)
class Priors:
    """Means and variances of the common terms: of the common slope first, then of the columns of ``terms``."""

    mean: np.ndarray
    variance: np.ndarray


@dataclass(frozen=True)
class Fit:
    """``slope`` items' own slopes (common + own part) with ``slope_var``; ``own_var`` that of the own part alone.

    ``common`` and ``common_var`` are the common slope and the coefficients of ``terms``; ``level`` items' log levels;
    ``week`` the weeks' effects; ``eta`` log expected units; ``variances`` as estimated.
    """

    slope: np.ndarray
    slope_var: np.ndarray
    own_var: np.ndarray
    common: np.ndarray
    common_var: np.ndarray
    level: np.ndarray
    level_var: np.ndarray
    week: np.ndarray
    eta: np.ndarray
    variances: Variances


def flat_priors(terms: int) -> Priors:
    """Priors that hardly say anything of the slope, and of each other term that it is rarely beyond 2 either way."""
    return Priors(np.r_[SLOPE_MEAN, np.zeros(terms)], np.r_[SLOPE_VARIANCE, np.ones(terms)])


def fit_counts(
    units: np.ndarray,
    is_seen: np.ndarray,
    is_censored: np.ndarray,
    x: np.ndarray,
    terms: np.ndarray,
    *,
    priors: Priors | None = None,
    slope_prior: tuple[float, float] = (0.8, 10.0),
    rounds: int = 15,
    begin: Fit | None = None,
) -> Fit:
    """Fits log E[units] = level_i + (common + own_i)·x + terms·γ + week_t.

    ``units``, ``is_seen``, ``is_censored`` and ``x`` are items × weeks, ``terms`` items × weeks × terms. A censored
    cell is a lower bound: it is replaced by its expectation given that it is at least so much (truncated normal).
    ``slope_prior`` is a value for the variance of own slopes and how many items it counts for; ``begin`` a fit to go
    on from.
    """
    priors = priors or flat_priors(terms.shape[2])
    variances, fit = begin.variances if begin else Variances(), begin
    mean_units = (units * is_seen).sum(axis=1) / np.maximum(is_seen.sum(axis=1), 1)
    eta = begin.eta if begin else np.log(np.maximum(mean_units, 0.05))[:, None] + 0 * x
    design = np.concatenate([x[..., None], terms], axis=2)
    for _ in range(rounds):
        whole, weight, step = _working(units, is_seen, is_censored, eta, variances)
        fit = _solve(weight, eta + step, x, design, priors, variances)
        eta = np.clip(fit.eta, *RANGE)
        fit = replace(fit, eta=eta, variances=_updated(fit, whole, eta, is_seen, slope_prior))
        variances = fit.variances
    assert fit is not None
    return fit


def own_equations(
    units: np.ndarray,
    is_seen: np.ndarray,
    is_censored: np.ndarray,
    x: np.ndarray,
    columns: np.ndarray,
    fit: Fit,
) -> tuple[np.ndarray, np.ndarray]:
    """Each item's normal equations for its own part alone, all that is common being as ``fit`` has it.

    The unknowns are the item's level, the own part of its slope, and how far its coefficients of ``columns`` (items ×
    weeks × columns) lie from the common ones: matrices (items × unknowns × unknowns) and right-hand sides (items ×
    unknowns). Level and slope have the fit's priors, the columns none.
    """
    _, weight, step = _working(units, is_seen, is_censored, fit.eta, fit.variances)
    own = fit.level[:, None] + (fit.slope - fit.common[0])[:, None] * x
    bases = np.concatenate([np.ones_like(x)[..., None], x[..., None], columns, (own + step)[..., None]], axis=2)
    weighted, _ = _weighted(weight, bases, fit.variances)
    products = np.einsum("itk,itl->ikl", bases, weighted, optimize=True)
    priors = np.r_[LEVEL_PRECISION, 1 / fit.variances.slope, np.zeros(columns.shape[2])]
    return products[:, :-1, :-1] + np.diag(priors), products[:, :-1, -1]


def _working(
    units: np.ndarray, is_seen: np.ndarray, is_censored: np.ndarray, eta: np.ndarray, variances: Variances
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Units with the censored ones filled in, and by cell the weight and the step from ``eta`` of a round."""
    mean = np.exp(eta)
    excess = variances.dispersion + variances.drift
    whole = np.where(is_censored, _at_least(units, mean, excess), units)
    # White noise only: the slow part is the autoregression's (_weighted), or there is none.
    weight = is_seen * mean / (1 + variances.dispersion * mean)
    return whole, weight, np.clip((whole - mean) / mean, -LARGEST_STEP, LARGEST_STEP)


def _solve(
    weight: np.ndarray,
    working: np.ndarray,
    x: np.ndarray,
    design: np.ndarray,
    priors: Priors,
    variances: Variances,
) -> Fit:
    """One weighted mixed least-squares step, and the posterior variances that come with it."""
    weeks, columns = x.shape[1], design.shape[2]
    bases = np.concatenate([np.ones_like(x)[..., None], design, working[..., None]], axis=2)
    weighted, total = _weighted(weight, bases, variances)
    products = np.einsum("itk,itl->ikl", bases, weighted, optimize=True)
    local = products[:, :2, :2] + np.array([LEVEL_PRECISION, 1 / variances.slope]) * np.eye(2)
    inverse = np.linalg.inv(local)
    cross = np.concatenate([weighted[..., :2].swapaxes(1, 2), products[:, :2, 1:-1]], axis=2)
    pulled = inverse @ cross  # what a common term takes from an item's own
    flat = cross.reshape(-1, weeks + columns)
    system = -flat.T @ pulled.reshape(-1, weeks + columns)
    system[:weeks, :weeks] += total + np.eye(weeks) / variances.week
    shared = weighted.sum(axis=0)
    system[:weeks, weeks:] += shared[:, 1:-1]
    system[weeks:, :weeks] += shared[:, 1:-1].T
    system[weeks:, weeks:] += products[:, 1:-1, 1:-1].sum(axis=0) + np.diag(1 / priors.variance)
    own = products[:, :2, -1]
    right = np.r_[shared[:, -1], products[:, 1:-1, -1].sum(axis=0)]
    right[weeks:] += priors.mean / priors.variance
    right -= np.einsum("ild,il->d", pulled, own)
    covariance = np.linalg.inv(system)
    common = covariance @ right
    local_mean = np.einsum("ilm,im->il", inverse, own) - pulled @ common
    lean = -pulled[:, 1, :]
    own_var = inverse[:, 1, 1] + np.einsum("id,de,ie->i", lean, covariance, lean, optimize=True)
    lean[:, weeks] += 1
    slope_var = inverse[:, 1, 1] + np.einsum("id,de,ie->i", lean, covariance, lean, optimize=True)
    level_var = inverse[:, 0, 0] + np.einsum("id,de,ie->i", pulled[:, 0], covariance, pulled[:, 0], optimize=True)
    eta = local_mean[:, :1] + local_mean[:, 1:] * x + common[:weeks] + design @ common[weeks:]
    moments = Variances(
        slope=float((local_mean[:, 1] ** 2 + own_var).mean()),
        week=float((common[:weeks] ** 2 + np.diag(covariance)[:weeks]).mean()),
    )
    return Fit(
        slope=local_mean[:, 1] + common[weeks],
        slope_var=slope_var,
        own_var=own_var,
        common=common[weeks:],
        common_var=np.diag(covariance)[weeks:],
        level=local_mean[:, 0],
        level_var=level_var,
        week=common[:weeks],
        eta=eta,
        variances=moments,
    )


def _weighted(weight: np.ndarray, bases: np.ndarray, variances: Variances) -> tuple[np.ndarray, np.ndarray]:
    """Each item's precision matrix times its columns (items × weeks × columns), and the precisions' sum over items.

    An item's noise is white (1 / ``weight``) plus a first-order autoregression, whose own precision is tridiagonal.
    """
    if variances.drift <= 0:
        return weight[..., None] * bases, np.diag(weight.sum(axis=0))
    rho, scale = variances.memory, variances.drift * (1 - variances.memory**2)
    weeks = weight.shape[1]
    ends = np.r_[1, np.full(weeks - 2, 1 + rho**2), 1] / scale if weeks > 1 else np.array([1 / variances.drift])
    out, total, at = np.empty_like(bases), np.zeros((weeks, weeks)), np.arange(weeks)
    for start in range(0, len(weight), CHUNK):
        part = weight[start : start + CHUNK]
        # Woodbury: (1/W + slow shocks)⁻¹ = W - W (W + their precision)⁻¹ W, which an unseen week (W = 0) does not hurt.
        precision = tridiagonal_inverse(part + ends, -rho / scale)
        precision *= -part[:, :, None]
        precision *= part[:, None, :]
        precision[:, at, at] += part
        out[start : start + CHUNK] = precision @ bases[start : start + CHUNK]
        total += precision.sum(axis=0)
    return out, total


def tridiagonal_inverse(diagonal: np.ndarray, beside: float) -> np.ndarray:
    """Inverses of symmetric positive definite tridiagonal matrices (items × size × size), whole, in size² each.

    ``diagonal`` is items × size, ``beside`` the one value next to it. The factors of both eliminations give the
    diagonal of the inverse, and each row from the next (Meurant 1992, SIAM J. Matrix Anal. Appl. 13).
    """
    size = diagonal.shape[1]
    down, up = diagonal.copy(), diagonal.copy()
    for at in range(1, size):
        down[:, at] -= beside**2 / down[:, at - 1]
        up[:, -1 - at] -= beside**2 / up[:, size - at]
    inverse = np.empty((len(diagonal), size, size))
    middle = 1 / (down + up - diagonal)
    ratio = -beside / down
    inverse[:, -1, -1] = middle[:, -1]
    for at in range(size - 2, -1, -1):
        inverse[:, at, at] = middle[:, at]
        inverse[:, at, at + 1 :] = ratio[:, at, None] * inverse[:, at + 1, at + 1 :]
        inverse[:, at + 1 :, at] = inverse[:, at, at + 1 :]
    return inverse


def _updated(
    fit: Fit, whole: np.ndarray, eta: np.ndarray, is_seen: np.ndarray, slope_prior: tuple[float, float]
) -> Variances:
    """The M step: mean squares, the slopes' with a prior that a small category leans on."""
    mean = np.exp(eta)
    excess = (is_seen * ((whole - mean) ** 2 - mean)).sum() / max((is_seen * mean**2).sum(), 1e-9)
    drift, memory = _serial(is_seen * (whole - mean) / mean, is_seen * mean / (1 + excess * mean))
    value, items = slope_prior
    return Variances(
        slope=float(
            np.clip((fit.variances.slope * len(fit.slope) + value * items) / (len(fit.slope) + items), 0.01, 4.0)
        ),
        week=float(np.clip(fit.variances.week, 1e-4, 1.0)),
        dispersion=float(np.clip(excess - drift, 0.01, 5.0)),
        drift=drift,
        memory=memory,
    )


def _serial(residual: np.ndarray, weight: np.ndarray) -> tuple[float, float]:
    """Variance and memory of the slow part of relative residuals, from their products one to three weeks apart."""
    products = []
    for lag in (1, 2, 3):
        pair = weight[:, lag:] * weight[:, :-lag]
        products.append((pair * residual[:, lag:] * residual[:, :-lag]).sum() / max(pair.sum(), 1e-9))
    if products[0] <= 1e-4:
        return 0.0, 0.0
    memory = float(np.clip((products[1] + products[2]) / (products[0] + max(products[1], 0)), 0.2, 0.9))
    return float(min(products[0] / memory, 1.0)), memory


def _at_least(bound: np.ndarray, mean: np.ndarray, dispersion: float) -> np.ndarray:
    """E[demand | demand ≥ bound], demand taken for normal."""
    spread = np.sqrt(mean + dispersion * mean**2)
    z = (bound - mean) / spread
    hazard = np.exp(-0.5 * z**2 - 0.5 * np.log(2 * np.pi) - log_ndtr(-z))
    return np.maximum(mean + spread * hazard, bound)
