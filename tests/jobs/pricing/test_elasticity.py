"""Elasticities: recovered where they are known, pooled where they are not, silent where nothing can be said."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from jobs.pricing import elasticity
from jobs.pricing.posterior import CATEGORY, FILE, NONE, OWN, Posterior
from jobs.store.pricing_world import PricingWorld, PricingWorldParams, pricing_world

SMALL = PricingWorldParams(categories=4, items=10, weeks=104)


@pytest.fixture(scope="module")
def world() -> PricingWorld:
    return pricing_world(7, SMALL)


@pytest.fixture(scope="module")
def posterior(world: PricingWorld) -> Posterior:
    return elasticity.fit(world.panel)


def shop(elasticities: dict[str, float], weeks: int = 80, seed: int = 3, **columns: object) -> pd.DataFrame:
    """A shop without traps: one item a name, prices that wander, Poisson sales of about 40 a week."""
    rng = np.random.default_rng(seed)
    parts = []
    for name, slope in elasticities.items():
        x = np.repeat(rng.normal(0, 0.12, weeks // 4 + 1), 4)[:weeks]
        parts.append(
            pd.DataFrame(
                {
                    "item_id": name,
                    "category": "mugs",
                    "nest": None,
                    "week": pd.date_range("2025-01-06", periods=weeks, freq="7D"),
                    "units": rng.poisson(40 * np.exp(slope * x)),
                    "price": 10 * np.exp(x),
                    "cost": None,
                    "is_promotion": False,
                    "is_featured": False,
                    "is_stockout": False,
                    "competitor_price": None,
                }
            )
        )
    return pd.concat(parts, ignore_index=True).assign(**columns)


def test_items_keep_the_panels_words_and_the_contract_of_arrays(world: PricingWorld, posterior: Posterior) -> None:
    assert list(posterior.item_id) == sorted(world.current["item_id"])
    assert posterior.draws.shape == (40, elasticity.ElasticityParams().draws)
    assert (posterior.low < posterior.mean).all() and (posterior.mean < posterior.high).all()
    assert set(posterior.evidence) <= {OWN, CATEGORY}
    assert set(posterior.frame()["category"]) == set(posterior.categories()["category"])
    assert (posterior.diversion_nest > 0.05).all() and (posterior.diversion_nest <= 0.45).all()


@pytest.fixture(scope="module")
def effects() -> pd.DataFrame:
    """Items of two worlds with what neighbours' prices do to them: in truth (``nest_true``), as told of the item
    (``cross_nest``) and of its category (``nest``), the same of ``rest``."""
    parts = []
    for seed in (3001, 3002):
        world = pricing_world(seed, PricingWorldParams())
        posterior, truth = elasticity.fit(world.panel), world.truth.diversion
        nest = world.current["nest"].to_numpy().reshape(truth.shape[:2])
        is_mate = nest[:, :, None] == nest[:, None, :]
        items = posterior.frame().drop(columns=["nest", "mean", "low", "high"])
        told = items.merge(posterior.categories(), on="category").assign(seed=seed)
        for name, among in (("nest", is_mate), ("rest", ~is_mate)):
            told[f"{name}_true"] = (truth * among).sum(axis=2).ravel()
        parts.append(told)
    return pd.concat(parts, ignore_index=True)


def test_neighbours_prices_have_effects_whose_intervals_hold_the_truth(effects: pd.DataFrame) -> None:
    told, held = effects.groupby(["seed", "category"]).mean(numeric_only=True), []
    for name in ("nest", "rest"):
        true = told[f"{name}_true"]
        held += [*((told[f"{name}_low"] < true) & (true < told[f"{name}_high"]))]
        assert (told[f"{name}_low"] < told[name]).all() and (told[name] < told[f"{name}_high"]).all()
    # Close substitutes win more than the rest of the category; 48 intervals of 80%.
    mean = told.groupby("seed")[["nest", "rest"]].mean()
    assert (mean["nest"] > mean["rest"]).all() and (mean["rest"] > 0).all() and 0.65 < np.mean(held) < 0.95


def test_items_effects_are_no_worse_than_their_categorys_and_their_intervals_hold_the_truth(
    effects: pd.DataFrame,
) -> None:
    held, alike = [], []
    for name in ("nest", "rest"):
        true, found = effects[f"{name}_true"], effects[f"cross_{name}"]
        own, shared = (np.sqrt(((one - true) ** 2).mean()) for one in (found, effects[name]))
        assert own < 1.03 * shared
        held.append(((effects[f"cross_{name}_low"] < true) & (true < effects[f"cross_{name}_high"])).mean())
        # Within categories: what an item's own weeks add.
        both = pd.DataFrame({"found": found, "true": true})
        within = both - both.groupby([effects["seed"], effects["category"]]).transform("mean")
        alike.append(within["found"].corr(within["true"]))
    assert 0.7 < np.mean(held) < 0.9 and min(alike) > 0


def test_nobody_has_mates_where_no_item_says_its_nest() -> None:
    told = elasticity.fit(shop({"a": -2.0, "b": -2.5, "c": -1.5}, weeks=40)).categories()
    assert told[["nest", "nest_low", "nest_high"]].isna().all(axis=None) and told["rest"].notna().all()


def test_a_posterior_from_before_has_no_effects_of_neighbours(posterior: Posterior, tmp_path: Path) -> None:
    posterior.save(tmp_path)
    with np.load(tmp_path / FILE) as arrays:
        old = {name: arrays[name] for name in arrays.files if "cross" not in name}
    np.savez(tmp_path / FILE, **old)
    assert Posterior.load(tmp_path).categories()[["nest", "rest"]].isna().all(axis=None)


def test_endogenous_prices_do_not_mislead_it_as_they_do_the_naive(world: PricingWorld, posterior: Posterior) -> None:
    truth = world.truth.elasticity.ravel()
    error, naive = posterior.mean - truth, posterior.naive - truth
    assert np.sqrt((error**2).mean()) < 1.1 < np.sqrt(np.nanmean(naive**2))
    assert abs(error.mean()) < 0.5 < np.nanmean(naive)
    assert 0.6 < np.mean((posterior.low < truth) & (truth < posterior.high)) < 0.95


def test_rates_are_those_of_the_last_regular_price(world: PricingWorld, posterior: Posterior) -> None:
    assert posterior.price == pytest.approx(world.current["price"].to_numpy())
    error = posterior.log_rate - np.log(world.truth.units(world.truth.price)).ravel()
    assert abs(np.median(error)) < 0.3


@pytest.mark.parametrize(("trend", "season", "weeks"), [(0.01, 0, 104), (0, 0.5, 104), (0.006, 0.4, 104), (0, 0.5, 60)])
def test_rates_are_those_of_the_weeks_to_come_in_a_shop_that_grows_and_has_seasons(
    trend: float, season: float, weeks: int
) -> None:
    truth = {"a": -2.0, "b": -2.5, "c": -1.5, "d": -2.0}
    panel, year = shop(truth, weeks=weeks), 2 * np.pi / (365.25 / 7)
    at = (panel["week"] - panel["week"].min()).dt.days / 7
    panel["units"] = (panel["units"] * np.exp(trend * at + season * np.cos(year * at))).round()
    found = elasticity.fit(panel)
    told = found.coming(panel["week"].max().date() + timedelta(days=6))
    # Rates stand where the last quarter stood; a year that was hardly seen once is no season yet.
    coming, late = weeks + np.arange(4), weeks - 7
    known = np.cos(year * coming).mean() if weeks > 78 else np.cos(year * (weeks - 1 - np.arange(13))).mean()
    expected = np.log(40) + found.mean * np.log(found.price / 10) + trend * late + season * known
    assert told.log_rate == pytest.approx(expected, abs=0.15)


def test_known_elasticities_come_back_without_costs_categories_or_promotions() -> None:
    truth = {"a": -1.5, "b": -2.5, "c": -3.5, "d": -2.0, "e": -3.0}
    posterior = elasticity.fit(shop(truth, category=None))
    assert posterior.mean == pytest.approx(list(truth.values()), abs=0.5)
    assert list(posterior.evidence) == [OWN] * 5
    assert list(posterior.categories()["category"]) == [""]
    assert posterior.diversion_nest[0] == 0, "nobody has mates where no nests are known"


def test_the_same_panel_in_any_order_gives_the_same_posterior() -> None:
    panel = shop({"a": -1.5, "b": -2.5})
    one, other = elasticity.fit(panel), elasticity.fit(panel.sample(frac=1, random_state=1))
    assert all(
        np.array_equal(getattr(one, f.name), getattr(other, f.name), equal_nan=f.name not in TEXT) for f in fields(one)
    )


TEXT = ("item_id", "category", "nest", "evidence", "category_id")


def test_saved_and_loaded_it_is_equal(posterior: Posterior, tmp_path: Path) -> None:
    posterior.save(tmp_path / "one")
    posterior.save(tmp_path / "two")
    assert (tmp_path / "one" / "posterior.npz").read_bytes() == (tmp_path / "two" / "posterior.npz").read_bytes()
    again = Posterior.load(tmp_path / "one")
    for field in fields(posterior):
        np.testing.assert_array_equal(getattr(again, field.name), getattr(posterior, field.name))


def test_one_price_ever_leans_on_the_category_and_no_sales_say_nothing() -> None:
    panel = shop({"a": -1.5, "b": -2.5, "c": -2.0, "stuck": -2.0, "unsold": -2.0})
    panel.loc[panel["item_id"] == "stuck", ["price", "units"]] = [10.0, 40]
    panel.loc[panel["item_id"] == "unsold", "units"] = 0
    told = elasticity.fit(panel).frame().set_index("item_id")
    assert told.loc["stuck", "evidence"] == CATEGORY
    assert -3.5 < told.loc["stuck", "mean"] < -1
    assert np.isnan(told.loc["stuck", "naive"])
    assert told.loc["unsold", "evidence"] == NONE
    assert np.isnan(told.loc["unsold", ["mean", "low", "high"]].astype(float)).all()


def test_a_category_of_one_item_leans_on_the_store() -> None:
    panel = shop(dict.fromkeys("abcdefgh", -2.0))
    alone = shop({"alone": -2.0}, seed=5, category="lamps", price=10.0)
    panel["category"] = panel["item_id"].map(lambda name: "mugs" if name < "e" else "bowls")
    told = elasticity.fit(pd.concat([panel, alone])).frame().set_index("item_id")
    assert told.loc["alone", "evidence"] == CATEGORY
    assert -3 < told.loc["alone", "mean"] < -1
    assert told.loc["alone", "high"] - told.loc["alone", "low"] > told.loc["a", "high"] - told.loc["a", "low"]


def test_a_store_whose_prices_never_moved_has_no_evidence() -> None:
    told = elasticity.fit(shop({"a": -2.0, "b": -2.0}, price=10.0))
    assert list(told.evidence) == [NONE, NONE]
    assert np.isnan(told.draws).all()


def test_a_shelf_that_runs_empty_does_not_flatten_demand() -> None:
    panel = shop({"a": -3.0, "b": -3.0, "c": -3.0})
    cut = panel.assign(units=panel["units"].clip(upper=42), is_stockout=panel["units"] >= 42)
    told, blind = elasticity.fit(cut), elasticity.fit(cut.assign(is_stockout=False))
    assert told.mean.mean() < blind.mean.mean() - 0.3
    assert told.mean.mean() == pytest.approx(-3.0, abs=0.7)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda panel: panel.drop(columns=["nest", "cost"]), "lacks nest, cost"),
        (lambda panel: panel.iloc[:0], "no rows"),
        (lambda panel: pd.concat([panel, panel]), "two rows in one week"),
        (lambda panel: panel.assign(price=0.0), "price is not above 0"),
        (lambda panel: panel.assign(price=np.nan), "price is not above 0"),
        (lambda panel: panel.assign(units=-1), "units are missing or below 0"),
    ],
)
def test_a_panel_that_cannot_be_is_refused(change, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        elasticity.fit(change(shop({"a": -2.0}, weeks=20)))


def test_costs_above_prices_do_no_harm() -> None:
    told = elasticity.fit(shop({"a": -2.0, "b": -2.5}, cost=12.0))
    assert np.isfinite(told.mean).all()


def test_weeks_that_are_missing_are_not_zeros() -> None:
    panel = shop({"a": -2.0, "b": -2.5, "c": -1.5})
    some = panel.sample(frac=0.7, random_state=2)
    assert elasticity.fit(some).mean == pytest.approx(elasticity.fit(panel).mean, abs=0.5)


def test_draws_follow_the_seed() -> None:
    panel, params = shop({"a": -2.0, "b": -2.5}, weeks=40), elasticity.ElasticityParams()
    one, other = elasticity.fit(panel, params), elasticity.fit(panel, replace(params, seed=params.seed + 1))
    assert np.array_equal(one.mean, other.mean) and not np.array_equal(one.draws, other.draws)
