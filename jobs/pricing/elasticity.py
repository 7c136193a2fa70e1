"""Own-price elasticities by item from weekly sales, pooled towards category and store, and diversion to neighbours.

The naive regression is misled where prices follow demand. A control function takes that out (Petrin and Train 2010,
Journal of Marketing Research 47): what of an item's price neither its costs nor its promotions explain enters as a
term of its own. Everything else is one empirical-Bayes count regression a category (jobs.pricing.counts), fitted once
by itself and once more with priors for its terms from all categories (random-effects pooling: DerSimonian and Laird
1986, Controlled Clinical Trials 7).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from jobs.pricing import cross_prices
from jobs.pricing.counts import Fit, Priors, fit_counts, flat_priors
from jobs.pricing.grid import CONTROLS, COST_LAG, YEAR_WEEKS, Grid, grid, is_sticky
from jobs.pricing.posterior import CATEGORY, CROSS, NONE, OWN, Posterior

PANEL = (
    "item_id", "category", "nest", "week", "units", "price", "cost", "is_promotion", "is_featured", "is_stockout",
    "competitor_price",
)  # fmt: skip
TERMS = (*CONTROLS, "hidden", "margin")
YEAR = [CONTROLS.index(term) for term in ("sine", "cosine")]
NEST, REST = CROSS_TERMS = [1 + at for at in cross_prices.COLUMNS]  # 0 is the common slope
FLOATS = ("naive", "price", "log_rate", "log_rate_sd", "diversion_nest", "diversion_category", *CROSS)
Z80 = 1.2816  # of a normal's 80% interval
ONE_CATEGORY = ""
LEAST_VARIANCE = 0.01  # between categories: few of them cannot prove that they are alike


@dataclass(frozen=True)
class ElasticityParams:
    """How evidence is weighed.

    ``widening`` multiplies the model's standard errors (it knows nothing of the shape of the response; set for
    80% coverage on development seeds of jobs.store.pricing_world), ``cross_widening`` those of neighbours' effects,
    likewise: they come out some .2 too high there, and their intervals are wide enough to hold the truth in spite of
    it. ``cross_apart`` is how far items are thought to lie from their category in that (jobs.pricing.cross_prices;
    chosen on the development seeds 101 to 108). An item's evidence is its ``own`` where its own sales took at least
    ``own_share`` of the variance that its slope had; its category counts for something where the common slope is known
    to within ``known_sd``. ``steepest`` and ``flattest`` bound every elasticity. Rates stand where the last
    ``recent_weeks`` stood; a season is told apart from a trend from ``season_weeks`` on.
    """

    draws: int = 200
    seed: int = 17
    rounds: int = 15
    pooled_rounds: int = 5
    widening: float = 1.5
    cross_widening: float = 1.8
    cross_apart: float = 0.15
    own_share: float = 0.2
    known_sd: float = 1.5
    steepest: float = -10.0
    flattest: float = -0.1
    largest_diversion: float = 0.45
    recent_weeks: int = 13
    season_weeks: int = 78


def fit(panel: pd.DataFrame, params: ElasticityParams = ElasticityParams()) -> Posterior:
    """The posterior of every item of ``panel``.

    ``panel`` has one row per item and week with the columns of ``PANEL``: ``week`` a date (its Monday, or whatever day
    the store's weeks begin with), ``units`` sold, ``price`` per piece that customers paid, in the store's currency,
    ``cost`` per piece (nullable), ``is_promotion``, ``is_featured``, ``is_stockout`` (the shelf was empty for part of
    the week: units are a lower bound), ``category`` and ``nest`` (close substitutes; both nullable),
    ``competitor_price`` (nullable). Raises ValueError for missing columns, a second row of an item and week, no rows,
    units below 0, and prices that are not above 0.
    """
    rows = _checked(panel)
    weeks = pd.DatetimeIndex(np.sort(rows["week"].unique()))
    grids = {str(name): grid(part, weeks) for name, part in rows.groupby("category", sort=True)}
    terms = {name: _terms(one) for name, one in grids.items()}
    alone = {name: _fit(grids[name], terms[name], None, None, params) for name in grids}
    priors = _pooled(list(alone.values()))
    fits = {name: _fit(grids[name], terms[name], priors, alone[name], params) for name in grids}
    return _posterior(grids, terms, fits, params)


def naive(one: Grid) -> np.ndarray:
    """Each item's slope of log (units + 1/2) on log price, as a spreadsheet would have it; NaN where it never moved."""
    held = one.is_seen / np.maximum(one.is_seen.sum(axis=1, keepdims=True), 1)
    log_units = np.log(one.units + 0.5)
    log_units = log_units - (held * log_units).sum(axis=1, keepdims=True)
    spread = (held * one.x**2).sum(axis=1)
    is_moved = spread > 1e-8
    return np.where(is_moved, (held * log_units * one.x).sum(axis=1) / np.where(is_moved, spread, 1), np.nan)


def _checked(panel: pd.DataFrame) -> pd.DataFrame:
    """The panel in the order and types that fitting needs, or what is wrong with it."""
    missing = [name for name in PANEL if name not in panel]
    if missing:
        raise ValueError(f"elasticity.fit: the panel lacks {', '.join(missing)}")
    if panel.empty:
        raise ValueError("elasticity.fit: the panel has no rows")
    rows = panel.assign(
        item_id=panel["item_id"].astype(str),
        category=panel["category"].astype(object).where(panel["category"].notna(), ONE_CATEGORY).astype(str),
        week=pd.to_datetime(panel["week"]),
    )
    if rows.duplicated(["item_id", "week"]).any():
        raise ValueError("elasticity.fit: an item has two rows in one week")
    if not (rows["price"].astype(float) > 0).all():
        raise ValueError("elasticity.fit: a price is not above 0")
    if not (rows["units"].astype(float) >= 0).all():
        raise ValueError("elasticity.fit: units are missing or below 0")
    return rows.sort_values(["item_id", "week"], kind="stable").assign(
        category=lambda one: one.groupby("item_id")["category"].transform("last")
    )


def _terms(one: Grid) -> np.ndarray:
    """The columns beside the own price: controls, the control function, and how slopes differ with margins."""
    margin = np.zeros(len(one.item_id)) if one.margin is None else one.margin
    return np.concatenate([one.controls, _hidden(one)[..., None], (one.x * margin[:, None])[..., None]], axis=2)


def _hidden(one: Grid) -> np.ndarray:
    """The part of the log price that costs, promotions and controls leave unexplained (items × weeks)."""
    columns = [*np.moveaxis(one.controls, 2, 0), one.depth]
    if one.cost is not None:
        lagged = np.pad(one.cost, ((0, 0), (COST_LAG, 0)), mode="edge")[:, :-COST_LAG]
        moves = ~is_sticky(one)[:, None]
        columns += [one.cost, one.cost * moves, lagged, lagged * moves]
    seen = one.is_seen.astype(float)
    design = np.stack(columns, axis=2)
    design -= (design * seen[..., None]).sum(axis=1, keepdims=True) / np.maximum(seen.sum(axis=1), 1)[:, None, None]
    design *= seen[..., None]
    flat = design.reshape(-1, design.shape[2])
    ridge = 1e-3 * np.eye(flat.shape[1])
    return seen * one.x - design @ np.linalg.solve(flat.T @ flat + ridge, flat.T @ (seen * one.x).ravel())


def _fit(one: Grid, terms: np.ndarray, priors: Priors | None, begin: Fit | None, params: ElasticityParams) -> Fit:
    rounds = params.pooled_rounds if begin else params.rounds
    return fit_counts(one.units, one.is_seen, one.is_stockout, one.x, terms, priors=priors, rounds=rounds, begin=begin)


def _pooled(fits: Sequence[Fit]) -> Priors:
    """For each common term the mean over categories and the variance between them (DerSimonian and Laird)."""
    flat = flat_priors(len(TERMS))
    value = np.array([one.common for one in fits])
    # What the flat prior lent is taken back: a category that knew nothing has no voice.
    posterior, prior = np.array([1 / one.common_var for one in fits]), 1 / flat.variance
    weight = np.maximum(posterior - prior, 1e-9)
    value = (value * posterior - flat.mean * prior) / weight
    total = weight.sum(axis=0)
    mean = (weight * value).sum(axis=0) / total
    excess = (weight * (value - mean) ** 2).sum(axis=0) - (len(fits) - 1)
    between = np.maximum(excess / np.maximum(total - (weight**2).sum(axis=0) / total, 1e-9), 0)
    voices = 1 / (between + 1 / weight)
    variance = between + 1 / voices.sum(axis=0) + LEAST_VARIANCE
    mean = (voices * value).sum(axis=0) / voices.sum(axis=0)
    # With one category there is nothing to compare: the flat prior stays.
    precision = np.where(len(fits) > 1, 1 / variance, 0) + prior
    return Priors((np.where(len(fits) > 1, mean / variance, 0) + flat.mean * prior) / precision, 1 / precision)


def _posterior(
    grids: dict[str, Grid], terms: dict[str, np.ndarray], fits: dict[str, Fit], params: ElasticityParams
) -> Posterior:
    """All categories' fits as one posterior, items in the order of their ids."""
    parts = [_items(name, grids[name], terms[name], fits[name], params) for name in grids]
    joined = pd.concat(parts, ignore_index=True)
    joined[list(CROSS)] = _cross_by_item(grids, fits, params)
    joined = joined.sort_values("item_id", kind="stable")
    nest, rest = _diversion(list(fits.values()), list(grids.values()), params)
    joined["diversion_nest"], joined["diversion_category"] = nest, rest
    is_known = joined["evidence"].to_numpy(str) != NONE
    normal = np.random.default_rng(params.seed).standard_normal((len(joined), params.draws))
    drawn = joined["mean"].to_numpy()[:, None] + joined["sd"].to_numpy()[:, None] * normal
    draws = np.where(is_known[:, None], np.clip(drawn, params.steepest, params.flattest), np.nan)
    mean, sd = np.array([fit.common[0] for fit in fits.values()]), [fit.common_var[0] ** 0.5 for fit in fits.values()]
    wide = Z80 * params.widening * np.array(sd)
    bounds = {name: joined["mean"] + sign * Z80 * joined["sd"] for name, sign in (("low", -1), ("high", 1))}
    values = {
        **{name: joined[name].to_numpy(str) for name in ("item_id", "category", "nest", "evidence")},
        **{name: joined[name].to_numpy(float) for name in FLOATS},
        **{
            name: np.where(is_known, np.clip(column, params.steepest, params.flattest), np.nan)
            for name, column in (("mean", joined["mean"]), *bounds.items())
        },
    }
    return Posterior(
        **values,
        draws=draws,
        category_id=np.array(list(fits), dtype=str),
        category_mean=mean,
        category_low=mean - wide,
        category_high=mean + wide,
        category_season=np.array([_season(grids[name], fit, params)[1] for name, fit in fits.items()]),
        category_cross_nest=_cross(NEST, grids, fits, params),
        category_cross_rest=_cross(REST, grids, fits, params),
    )


def _cross(term: int, grids: dict[str, Grid], fits: dict[str, Fit], params: ElasticityParams) -> np.ndarray:
    """The effect of neighbours' prices with its 80% interval (categories × 3); NaN where nobody has such neighbours, or
    none of them ever moved a price."""
    value = np.array([fit.common[term] for fit in fits.values()])
    wide = Z80 * params.cross_widening * np.array([fit.common_var[term] ** 0.5 for fit in fits.values()])
    is_told = np.array([_is_told(one, term) for one in grids.values()])
    return np.where(is_told[:, None], np.stack([value, value - wide, value + wide], axis=1), np.nan)


def _cross_by_item(grids: dict[str, Grid], fits: dict[str, Fit], params: ElasticityParams) -> np.ndarray:
    """``CROSS`` of every item, categories after each other."""
    sd = params.cross_widening * np.array([fit.common_var[CROSS_TERMS] ** 0.5 for fit in fits.values()])
    told = cross_prices.by_item(list(grids.values()), list(fits.values()), sd, params.cross_apart)
    return told.reshape(len(told), -1)


def _is_told(one: Grid, term: int) -> bool:
    """Whether a category has data on the effect of neighbours."""
    return bool(cross_prices.is_told(one)[:, CROSS_TERMS.index(term)].any())


def _items(name: str, one: Grid, terms: np.ndarray, fit: Fit, params: ElasticityParams) -> pd.DataFrame:
    """One row an item of a category: its slope, where its demand stands of late and what that rests on."""
    margin = 0 if one.margin is None else one.margin * fit.common[1 + TERMS.index("margin")]
    slope, sd = fit.slope + margin, np.sqrt(fit.slope_var) * params.widening
    is_own = fit.own_var < (1 - params.own_share) * fit.variances.slope
    is_known = fit.common_var[0] ** 0.5 < params.known_sd
    has_sold = (one.units * one.is_seen).sum(axis=1) > 0
    last = one.x.shape[1] - 1 - np.argmax(one.is_seen[:, ::-1], axis=1)
    at = np.arange(len(last))
    regular = one.regular[at, last]
    lasting = [1 + CONTROLS.index(term) for term in ("competitor", "nest", "rest")]
    around = (terms[at, last] * np.isin(np.arange(1, 1 + len(TERMS)), lasting)) @ fit.common[1:]
    late = _season(one, fit, params)[0][-params.recent_weeks :].mean()
    return pd.DataFrame(
        {
            "item_id": one.item_id,
            "category": name,
            "nest": one.nest,
            "evidence": np.select([~has_sold, is_own & is_known, is_known], [NONE, OWN, CATEGORY], NONE),
            "mean": slope,
            "sd": sd,
            "naive": naive(one),
            "price": np.exp(one.log_price + regular),
            "log_rate": fit.level + slope * regular + around + late + _recent(one, fit, params.recent_weeks),
            "log_rate_sd": np.sqrt(fit.level_var + fit.variances.drift),
        }
    )


def _season(one: Grid, fit: Fit, params: ElasticityParams) -> tuple[np.ndarray, tuple[float, float]]:
    """What time does to a category by week, in logs and without its season, and that season: how far its best week lies
    above the year's mean, and the day on which that begins (days since 1970). With too few weeks nothing is a season,
    and rates have what there is of it in the last weeks.

    The year's terms of the fit also take what of a steady trend looks like a year: beside a trend they do not.
    """
    year = one.controls[0][:, YEAR]
    time = fit.week + year @ fit.common[1:][YEAR]
    if len(time) < params.season_weeks:
        return time, (0.0, 0.0)
    design = np.column_stack([np.ones(len(time)), np.linspace(0, 1, len(time)), year])
    sine, cosine = np.linalg.lstsq(design, time, rcond=None)[0][2:]
    first = (one.weeks[0] - pd.Timestamp(0)).days
    peak = first + 7 * YEAR_WEEKS * np.arctan2(sine, cosine) / (2 * np.pi)
    return time - year @ np.array([sine, cosine]), (float(np.hypot(sine, cosine)), float(peak))


def _recent(one: Grid, fit: Fit, weeks: int) -> np.ndarray:
    """How far the last weeks' sales lie above the fit, in logs: a gamma-Poisson mean with the drift's variance."""
    recent = one.is_seen[:, -weeks:] & ~one.is_stockout[:, -weeks:]
    sold, expected = (one.units[:, -weeks:] * recent).sum(axis=1), (np.exp(fit.eta)[:, -weeks:] * recent).sum(axis=1)
    # Slow shocks of the weeks are nearly one shock; the rest of the noise averages out.
    strength = 1 / max(fit.variances.drift, 0.02)
    return np.log((sold + strength) / (expected + strength))


def _diversion(fits: Sequence[Fit], grids: Sequence[Grid], params: ElasticityParams) -> tuple[float, float]:
    """The shares of lost units that the nest and the rest of the category win, over all categories together.

    A category's own coefficient is far too noisy; the ratio to the mean elasticity is the share (PRICING: what
    diverts matters more than the elasticity's precision).
    """
    steep = abs(np.concatenate([fit.slope for fit in fits]).mean())
    shares = []
    for term in (NEST, REST):
        weight = np.array([1 / fit.common_var[term] for fit in fits])
        is_told = np.array([_is_told(one, term) for one in grids])
        value = np.array([fit.common[term] for fit in fits])
        mean = (weight * value)[is_told].sum() / weight[is_told].sum() if is_told.any() else 0.0
        shares.append(float(np.clip(mean / max(steep, 0.5), 0, params.largest_diversion)))
    return shares[0], shares[1]
