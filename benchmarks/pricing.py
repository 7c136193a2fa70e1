"""Pricing: orange juice's units at given prices, and the pricing world's elasticities and captured gain, beside peers.

Choices were made on earlier weeks and on other seeds (101 to 108); what is reported here played no part in them.
The markdowns' figures are in benchmarks/markdown.py.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks import demand_weekly
from benchmarks import pricing_peers as peers
from benchmarks.figures import Figure
from benchmarks.guardrails import at_night
from benchmarks.homes import fresh_home, public_data, run
from jobs.lib import settings as environment
from jobs.lib.spark import session
from jobs.lib.tables import Tables
from jobs.pricing import elasticity, sales
from jobs.pricing.gains import GainParams, desired_price, gains
from jobs.pricing.guardrails import Guardrails
from jobs.pricing.posterior import Posterior
from jobs.pricing.suggestions import suggest
from jobs.store.pricing_truth import PricingTruth
from jobs.store.pricing_world import PricingWorld, PricingWorldParams, pricing_world

BENCH = "pricing"
JUICE = "dominicks_orange_juice"
LAST_WEEK = 160
ORIGIN = demand_weekly.last_day(135)
SEEDS = range(2001, 2011)
WEEKS = (104, 52)
HARD = 0.15
STEP = Guardrails().store.largest_step_up
EXPLORING_WEEKS = 52
QUIET = {"share_sticky": 1.0, "has_promotions": False}
MANY = PricingWorldParams(categories=200, items=50)


def measure() -> Iterator[Figure]:
    """The pricing world first, which needs no data, then its speed, then orange juice."""
    yield from of_world()
    yield from of_speed()
    public_data(JUICE)
    with fresh_home() as home:
        yield from of_orange_juice(orange_juice(home))


def of_world() -> Iterator[Figure]:
    """Elasticities and captured gains over fresh seeds."""
    told = {weeks: pd.DataFrame([_world(seed, weeks) for seed in SEEDS]) for weeks in WEEKS}
    mean = told[104].mean()
    for peer in ("item OLS", "category effects"):
        name = f"world, {len(SEEDS)} seeds, 104 weeks: elasticity RMSE"
        yield Figure(BENCH, name, mean["rmse"], mean[f"rmse {peer}"], peer, 1.05, "lower")
    bias = {peer: abs(mean[f"bias {peer}"]) for peer in ("item OLS", "category effects")}
    best = min(bias, key=lambda peer: bias[peer])
    yield Figure(
        BENCH, "world, 104 weeks: elasticity bias (absolute)", abs(mean["bias"]), bias[best], best, 0.3, "lower"
    )
    yield Figure(BENCH, "world, 104 weeks: coverage of 80% intervals", mean["coverage"])
    for name in ("nest", "rest"):
        measure = f"world, 104 weeks: effect of the {name}'s prices by item"
        for what in ("rmse", "coverage"):
            own, category = mean[f"{what} {name}"], mean[f"{what} {name}, category"]
            yield Figure(BENCH, f"{measure}: {what}", own, category, "its category's")
    for weeks, target in zip(WEEKS, (0.35, 0.28), strict=True):
        shares = told[weeks]
        for peer in ("cost-plus", "item OLS", "no diversion", "lower bound alone", "keep all", "all +5%"):
            name = f"world, {weeks} weeks: share of the oracle's gain"
            yield Figure(BENCH, name, shares["ours"].mean(), shares[peer].mean(), peer, target)
        worst = shares["cost-plus"].min()
        yield Figure(BENCH, f"world, {weeks} weeks: worst seed", shares["ours"].min(), worst, "cost-plus", 0.0)
        name = f"world, {weeks} weeks: the same, as one night publishes it (steps of {STEP:.0%})"
        yield Figure(BENCH, name, shares["published"].mean(), shares["oracle"].mean(), "all-knowing, the same steps")
        ratio = shares["expected"].sum() / shares["realised"].sum()
        yield Figure(BENCH, f"world, {weeks} weeks: gain expected / realised", ratio)
    yield from _exploring("", told[104], {})
    quiet = pd.DataFrame([_world(seed, 104, **QUIET) for seed in SEEDS])
    yield from _exploring(" where prices hardly ever move", quiet, QUIET)
    hard = pd.DataFrame([_world(seed, 104, cost_spread=HARD) for seed in SEEDS])
    for peer in ("cost-plus", "item OLS", "no diversion", "lower bound alone", "all +5%"):
        name = f"prices near their best (costs spread {HARD:g}): share"
        yield Figure(BENCH, name, hard["ours"].mean(), hard[peer].mean(), peer)
    yield Figure(BENCH, "the same: worst seed", hard["ours"].min(), hard["cost-plus"].min(), "cost-plus")


def _exploring(where: str, without: pd.DataFrame, world: dict[str, float]) -> Iterator[Figure]:
    """What a year of prices set by chance teaches in a ``world``, beside what the same seeds teach ``without``."""
    explored = pd.DataFrame([_world(seed, 104, exploring_weeks=EXPLORING_WEEKS, **world) for seed in SEEDS])
    chance = PricingWorldParams()
    how = f"{EXPLORING_WEEKS} weeks with {chance.share_explored:.0%} of prices {chance.explored_step:.0%} off by chance"
    for name, what, better in (("elasticity RMSE", "rmse", "lower"), ("share of the oracle's gain", "ours", "higher")):
        yield Figure(
            BENCH, f"{how}{where}: {name}", explored[what].mean(), without[what].mean(), "without", better=better
        )


def _world(seed: int, weeks: int, **otherwise: float) -> dict[str, float]:
    """One seed: errors of elasticities, and shares of the oracle's gain by ours, peers and controls."""
    params, world = GainParams(), pricing_world(seed, replace(PricingWorldParams(weeks=weeks), **otherwise))
    posterior = elasticity.fit(world.panel)
    truth, current = world.truth, world.current
    ols = peers.item_ols(world.panel, current)
    ours = desired_price(posterior, current, params)
    night = world.panel["week"].max()
    published = suggest(at_night(current.drop(columns="competitor_price")), posterior, Guardrails(), "salt", night)
    alone = desired_price(peers.without_diversion(posterior), current, params)
    prices = {
        "ours": ours["price"].to_numpy(),
        "published": published["suggested_price"].to_numpy(),
        "oracle": truth.oracle(STEP, params.margin_floor),
        "lower bound alone": ours["lower_bound_price"].to_numpy(),
        "cost-plus": ours["cost_plus_price"].to_numpy(),
        "no diversion": alone["price"].to_numpy(),
        "item OLS": peers.own_best(ols, current, params),
        "keep all": current["price"].to_numpy(),
        "all +5%": current["price"].to_numpy() * 1.05,
    }
    kept, best = truth.profit(truth.price), truth.profit(truth.oracle(params.largest_step, params.margin_floor))
    realised = {name: _profit(truth, price) - kept for name, price in prices.items()}
    expected = gains(posterior, current, ours[["item_id", "price"]], params)["gain"].sum()
    return {
        **_errors(world, posterior.mean, ""),
        **_errors(world, ols, " item OLS"),
        **_errors(world, peers.category_effects(world.panel, current), " category effects"),
        "coverage": float(
            np.mean((posterior.low <= truth.elasticity.ravel()) & (truth.elasticity.ravel() <= posterior.high))
        ),
        **_cross(world, posterior),
        **{name: gain / (best - kept) for name, gain in realised.items()},
        "expected": float(expected),
        "realised": realised["ours"],
    }


def _errors(world: PricingWorld, estimate: np.ndarray, name: str) -> dict[str, float]:
    """RMSE and bias against the truth; an item whose price never moved is left out of a peer's."""
    error = estimate - world.truth.elasticity.ravel()
    return {f"rmse{name}": float(np.sqrt(np.nanmean(error**2))), f"bias{name}": float(np.nanmean(error))}


def _cross(world: PricingWorld, posterior: Posterior) -> dict[str, float]:
    """Errors and coverage of what neighbours' prices do to items, by the item's own effect and by its category's."""
    nest = world.current["nest"].to_numpy().reshape(world.truth.price.shape)
    is_mate = nest[:, :, None] == nest[:, None, :]
    items, at = posterior.frame(), pd.Index(posterior.category_id).get_indexer(posterior.category)
    categories, found = posterior.categories().iloc[at], {}
    for name, among in (("nest", is_mate), ("rest", ~is_mate)):
        true = (world.truth.diversion * among).sum(axis=2).ravel()
        for rows, column, of in ((items, f"cross_{name}", ""), (categories, name, ", category")):
            told, low, high = (rows[f"{column}{end}"].to_numpy() for end in ("", "_low", "_high"))
            found[f"rmse {name}{of}"] = float(np.sqrt(((told - true) ** 2).mean()))
            found[f"coverage {name}{of}"] = float(((low < true) & (true < high)).mean())
    return found


def _profit(truth: PricingTruth, price: np.ndarray) -> float:
    return truth.profit(price.reshape(truth.price.shape))


def of_speed() -> Iterator[Figure]:
    """10,000 items over 104 weeks: evidence, and the price that one would like for each."""
    world = pricing_world(1, MANY)
    start = time.monotonic()
    desired_price(elasticity.fit(world.panel), world.current)
    minutes = (time.monotonic() - start) / 60
    items = len(world.current)
    yield Figure(BENCH, f"{items:,} items: elasticities and gains, minutes", minutes, None, None, 10.0, "lower")


def orange_juice(home: Path) -> pd.DataFrame:
    """Units and prices by shop, brand and week, the columns that jobs.pricing.sales takes, from the lake of a night in
    which the store's own mappings took in all weeks. Whether a brand was on promotion or featured is the chain's word
    in them, not each shop's."""
    last = demand_weekly.last_day(LAST_WEEK)
    for stage in ("landed", "validated"):
        print(f"  {stage} of {JUICE} …", flush=True)
        run(["-m", "jobs", stage, "--store", JUICE, "--as-of", str(last)], home, PRODUCTS="pricing")
    settings = environment.load({"DAYBREAK_HOME": str(home), "DAYBREAK_STORE": JUICE})
    spark = session(settings, "daybreak benchmark of pricing")
    tables = Tables(spark, settings.lake, JUICE)
    lines = tables.read("validated.order_lines", last).toPandas()
    told = tables.read("validated.promotions", last).toPandas()
    spark.stop()
    return shop_weeks(lines, told)


def shop_weeks(lines: pd.DataFrame, promotions: pd.DataFrame) -> pd.DataFrame:
    """One row an order line of a shop's week, with what was promoted on the day that dates it."""
    found = lines.rename(columns={"order_date": "week"})[["location_id", "item_id", "week", "units", "price"]]
    key, is_featured = pd.MultiIndex.from_frame(found[["item_id", "week"]]), promotions["is_featured"].astype(bool)
    deals, features = (
        pd.MultiIndex.from_frame(kind[["item_id", "ends_on"]])
        for kind in (promotions[~is_featured], promotions[is_featured])
    )
    return found.assign(is_promotion=key.isin(deals), is_featured=key.isin(features))


def of_orange_juice(panel: pd.DataFrame) -> Iterator[Figure]:
    """The last 26 weeks, from a fixed origin and one week ahead."""
    told = sales.fixed_origin(panel, ORIGIN)
    missed = sales.earlier_errors(panel, ORIGIN)
    rmse = _rmse(panel, told)
    for peer, log_units in {"OLS a brand, all prices, shops": _ols, "item and shop mean": _mean}.items():
        other = _rmse(panel, told.assign(log_units=log_units(panel, told)))
        yield Figure(BENCH, "orange juice: RMSE of log units, fixed origin", rmse, other, peer, 0.535, "lower")
    week_ahead = _rmse(panel, sales.refreshed(panel, told, missed))
    name = "orange juice: RMSE one week ahead, refreshed"
    yield Figure(BENCH, name, week_ahead, rmse, "the same, fixed origin", 0.50, "lower")
    both = sales.errors(panel, sales.with_interval(told, missed))
    half = (both["high"] - both["low"]) / 2
    coverage = float((both["error"].abs() <= half).mean())
    name = f"orange juice: 80% intervals cover {coverage:.3f}; off by"
    yield Figure(BENCH, name, abs(coverage - 0.8), None, None, 0.03, "lower")


def _rmse(panel: pd.DataFrame, told: pd.DataFrame) -> float:
    return float(np.sqrt((sales.errors(panel, told)["error"] ** 2).mean()))


def _mean(panel: pd.DataFrame, told: pd.DataFrame) -> np.ndarray:
    """Each series' mean log units before the origin."""
    past = panel[panel["week"] < ORIGIN]
    usual = np.log(past["units"]).groupby([past["item_id"], past["location_id"]]).mean().rename("usual")
    return told.join(usual, on=["item_id", "location_id"])["usual"].to_numpy()


def _ols(panel: pd.DataFrame, told: pd.DataFrame) -> np.ndarray:
    """A brand's log units on all brands' log prices, deal and feature, with a level for each shop."""
    wide = np.log(panel.pivot_table(index=["location_id", "week"], columns="item_id", values="price"))
    columns = [f"price {name}" for name in wide.columns]
    rows = panel.join(wide.set_axis(columns, axis=1), on=["location_id", "week"])
    columns += ["is_promotion", "is_featured", "log_units"]
    rows["log_units"] = np.log(rows["units"])
    out = []
    for _, brand in rows.groupby("item_id"):
        values, past = brand[columns].astype(float), (brand["week"] < ORIGIN).to_numpy()
        shops = values[past].groupby(brand.loc[past, "location_id"]).mean().reindex(brand["location_id"])
        usual = shops.fillna(values[past].mean()).to_numpy()
        off = values.to_numpy() - usual
        found = np.linalg.lstsq(off[past, :-1], off[past, -1], rcond=None)[0]
        said = usual[:, -1] + off[:, :-1] @ found
        out.append(brand[["location_id", "item_id", "week"]].assign(log_units=said))
    keys = ["location_id", "item_id", "week"]
    return told[keys].merge(pd.concat(out), on=keys, how="left")["log_units"].to_numpy()
