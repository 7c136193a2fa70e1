"""How each item answers to its neighbours' prices: its category's effect, and what its own weeks say beyond that.

An item's own word is one more step of its category's fit in which only that item moves. How far its errors reach is not
taken from the model alone: the same step is asked of neighbours' prices turned out of time with the sales, where there
is nothing to find (an empirical null: Efron 2004, JASA 99). How far items lie from their category is a mixture of
normals about it that all items of the store together teach (adaptive shrinkage: Stephens 2017, Biostatistics 18) beside
a half-t prior (Gelman 2006, Bayesian Analysis 1): most hardly leave it, one that surely does is not pulled back.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.special import ndtr

from jobs.pricing.counts import Fit, own_equations
from jobs.pricing.grid import CONTROLS, Grid

TERMS = ("nest", "rest")
COLUMNS = [CONTROLS.index(term) for term in TERMS]
STILL = 1e-9  # log prices of neighbours that get no further from their mean have not moved
TURNS = 4  # of the history, by a quarter of it each
NO_WORD = 1e-6  # precision of an item's own word where it has none
APART = np.r_[0.0, np.geomspace(0.02, 4.0, 36)]  # standard deviations of items about their category
FREEDOM = 3  # of the half-t prior
PRIOR_ITEMS, ROUNDS = 50, 50  # what priors count for among the store's items, and how often their shares are taken
LOW, HIGH = 0.1, 0.9
REACH, HALVINGS = 10, 40  # in search of a quantile: standard deviations looked at, and how often halved


def by_item(grids: Sequence[Grid], fits: Sequence[Fit], common_sd: np.ndarray, apart: float) -> np.ndarray:
    """The effects of all items, categories after each other (items × ``TERMS`` × (mean, its 10%, its 90%)); NaN where
    an item has no such neighbours, or none of them ever moved a price.

    ``common_sd`` (categories × ``TERMS``) says how surely the categories' effects are known, ``apart`` is the scale of
    the prior for how far items lie from their category's (in log units per log price).
    """
    category = np.repeat(np.arange(len(grids)), [len(one.item_id) for one in grids])
    words = [_word(one, fit) for one, fit in zip(grids, fits, strict=True)]
    value, variance, null = (np.concatenate(parts, axis=-2) for parts in zip(*words, strict=True))
    variance = variance * (np.nansum(null) + PRIOR_ITEMS) / (np.isfinite(null).sum() + PRIOR_ITEMS)
    common = np.array([fit.common[[1 + column for column in COLUMNS]] for fit in fits])[category]
    sd = common_sd[category]
    effects = [
        _shrunk(value[:, term], variance[:, term], common[:, term], sd[:, term], apart) for term in range(len(TERMS))
    ]
    told = np.concatenate([is_told(one) for one in grids])
    return np.where(told[..., None], np.stack(effects, axis=1), np.nan)


def is_told(one: Grid) -> np.ndarray:
    """Whether an item has neighbours of which one ever moved its price (items × ``TERMS``)."""
    told: np.ndarray = np.abs(one.controls[..., COLUMNS]).max(axis=1) > STILL
    return told


def _word(one: Grid, fit: Fit) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What items say for themselves: how far they lie from their category and the variance of that (items × ``TERMS``),
    and the squares of what they say of prices out of time, in units of its variance (turns × items × ``TERMS``; NaN
    where they say nothing)."""
    columns, many = one.controls[..., COLUMNS], len(COLUMNS)
    turns = sorted({columns.shape[1] * turn // TURNS for turn in range(1, TURNS)} - {0})
    every = np.concatenate([columns, *(np.roll(columns, turn, axis=1) for turn in turns)], axis=2)
    matrix, right = own_equations(one.units, one.is_seen, one.is_stockout, one.x, every, fit)
    own = np.arange(2 + many)  # level, slope and the true prices: what an item does answer to is no error
    value, variance = _solved(matrix, right, own, many)
    null = np.full((len(turns), *value.shape), np.nan)
    for at in range(len(turns)):
        said, of = _solved(matrix, right, np.r_[own, own[-many:] + many * (at + 1)], many)
        null[at] = np.where(of < 0.5 / NO_WORD, said**2 / of, np.nan)
    return value, variance, null


def _solved(matrix: np.ndarray, right: np.ndarray, asked: np.ndarray, last: int) -> tuple[np.ndarray, np.ndarray]:
    """The ``last`` of the unknowns ``asked`` of items' normal equations, and their variances (items × ``last``)."""
    inverse = np.linalg.inv(matrix[:, asked[:, None], asked] + NO_WORD * np.eye(len(asked)))[:, -last:]
    variance = np.diagonal(inverse[..., -last:], axis1=1, axis2=2)
    return np.einsum("ilm,im->il", inverse, right[:, asked]), variance


def _shrunk(
    value: np.ndarray, variance: np.ndarray, common: np.ndarray, common_sd: np.ndarray, apart: float
) -> np.ndarray:
    """Items' effects (items × (mean, its 10%, its 90%)): mixtures over how far from their category they may lie."""
    spread = variance[:, None] + APART**2
    likely = -0.5 * (np.log(spread) + value[:, None] ** 2 / spread)
    likely = np.exp(likely - likely.max(axis=1, keepdims=True))
    prior = np.gradient(APART) * (1 + (APART / apart) ** 2 / FREEDOM) ** (-(FREEDOM + 1) / 2)
    prior /= prior.sum()
    share = prior
    for _ in range(ROUNDS):
        weight = _shares(share * likely)
        share = (weight.sum(axis=0) + PRIOR_ITEMS * prior) / (len(value) + PRIOR_ITEMS)
    weight = _shares(share * likely)
    own = APART**2 / spread  # how far an item goes by its own word
    mean = common[:, None] + own * value[:, None]
    sd = np.sqrt((1 - own) ** 2 * common_sd[:, None] ** 2 + own * variance[:, None])
    bounds = [_quantile(weight, mean, sd, level) for level in (LOW, HIGH)]
    return np.stack([(weight * mean).sum(axis=1), *bounds], axis=1)


def _shares(values: np.ndarray) -> np.ndarray:
    shares: np.ndarray = values / values.sum(axis=1, keepdims=True)
    return shares


def _quantile(weight: np.ndarray, mean: np.ndarray, sd: np.ndarray, level: float) -> np.ndarray:
    """Of mixtures of normals (items × parts), by halving the range that holds it."""
    low, high = (mean - REACH * sd).min(axis=1), (mean + REACH * sd).max(axis=1)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        is_below = (weight * ndtr((middle[:, None] - mean) / sd)).sum(axis=1) < level
        low, high = np.where(is_below, middle, low), np.where(is_below, high, middle)
    return (low + high) / 2
