"""Cross-price effects by item: told apart where data do, the category's where they do not, none without neighbours."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from jobs.pricing import elasticity
from jobs.pricing.gate import silenced
from jobs.pricing.posterior import CROSS, FILE, Posterior

WEEKS = 80
REST, LOW, HIGH = "cross_rest", "cross_rest_low", "cross_rest_high"


def market(effects: dict[str, list[float]], seed: int = 3, rate: float = 60.0) -> pd.DataFrame:
    """A category a name, with an item for each of its effects of the others' mean log price; nothing else is going on.
    Prices stay for four weeks."""
    rng = np.random.default_rng(seed)
    parts = []
    for category, cross in effects.items():
        x = np.repeat(rng.normal(0, 0.12, (len(cross), WEEKS // 4)), 4, axis=1)
        for at, effect in enumerate(cross):
            others = np.delete(x, at, axis=0).mean(axis=0) if len(cross) > 1 else 0.0
            parts.append(
                pd.DataFrame(
                    {
                        "item_id": f"{category}{at}",
                        "category": category,
                        "week": pd.date_range("2025-01-06", periods=WEEKS, freq="7D"),
                        "units": rng.poisson(rate * np.exp(-2 * x[at] + effect * others)),
                        "price": 10 * np.exp(x[at]),
                    }
                )
            )
    usual = {"nest": None, "cost": None, "competitor_price": None}
    return pd.concat(parts, ignore_index=True).assign(**usual, is_promotion=False, is_featured=False, is_stockout=False)


def told(panel: pd.DataFrame) -> pd.DataFrame:
    return elasticity.fit(panel).frame().set_index("item_id")


def test_an_item_that_answers_far_more_than_its_mates_is_told_apart() -> None:
    found = told(market({"a": [3.0, *[0.5] * 7]}))
    first, mates = found.iloc[0], found.iloc[1:]
    assert first[LOW] > mates[REST].max() and first[REST] > 2 * mates[REST].mean()
    assert mates[REST].between(0, 1.3).all() and ((mates[LOW] < 0.5) & (mates[HIGH] > 0.5)).mean() > 0.7


def test_one_in_a_whole_store_is_told_apart_too() -> None:
    found = told(market({"a": [4.0, *[0.5] * 7], **{name: [0.5] * 8 for name in "bcdefgh"}}))
    assert found.loc["a0", REST] > 2 * found[REST].drop("a0").max()
    assert (found[REST].drop("a0") - 0.5).abs().max() < 0.4


def test_items_that_answer_alike_have_their_categorys_effect() -> None:
    posterior = elasticity.fit(market({"a": [0.5] * 8}))
    category, items = posterior.categories().loc[0], posterior.frame()
    assert items[REST].to_numpy() == pytest.approx(category["rest"], abs=0.2)
    assert items[REST].std() < 0.1


def test_an_item_whose_own_weeks_say_nothing_has_its_categorys_effect_and_interval() -> None:
    panel = market({"a": [0.5] * 8})
    panel.loc[panel["item_id"] == "a7", "units"] = 0
    posterior = elasticity.fit(panel)
    category, unsold = posterior.categories().loc[0], posterior.frame().set_index("item_id").loc["a7"]
    width = category["rest_high"] - category["rest_low"]
    assert unsold[REST] == pytest.approx(category["rest"], abs=0.1 * width)
    assert width <= unsold[HIGH] - unsold[LOW] < 1.5 * width


def test_nobody_to_answer_to_is_no_effect() -> None:
    panel = market({"alone": [0.0], "still": [0.5] * 3, "moved": [0.5] * 3})
    panel.loc[panel["item_id"].isin(["still1", "still2"]), "price"] = 9.99
    found = told(panel)
    assert found.loc[["alone0", "still0"], list(CROSS)].isna().all(axis=None)
    assert found.loc[["still1", "still2", "moved0"], [REST, LOW, HIGH]].notna().all(axis=None)


def test_mates_are_those_of_the_nest_and_the_rest_is_the_others() -> None:
    panel = market({"a": [0.5] * 5})
    panel["nest"] = panel["item_id"].map({"a0": "one", "a1": "one", "a2": "two"})
    found = told(panel)
    assert list(found["cross_nest"].notna()) == [True, True, False, False, False]
    assert found[REST].notna().all()


def test_a_category_in_which_no_price_ever_moved_says_nothing_either() -> None:
    posterior = elasticity.fit(market({"a": [0.5] * 3, "b": [0.5] * 3}).assign(price=9.99))
    assert posterior.categories()[["nest", "rest"]].isna().all(axis=None)
    assert posterior.frame()[list(CROSS)].isna().all(axis=None)


def test_a_posterior_from_before_has_none_by_item_and_one_that_is_silenced_says_none(
    tmp_path: Path,
) -> None:
    posterior = elasticity.fit(market({"a": [0.5] * 3}))
    assert silenced(posterior).frame()[list(CROSS)].isna().all(axis=None)
    posterior.save(tmp_path)
    with np.load(tmp_path / FILE) as arrays:
        old = {name: arrays[name] for name in arrays.files if name not in CROSS}
    np.savez(tmp_path / FILE, **old)
    before = Posterior.load(tmp_path).frame()
    assert before[list(CROSS)].isna().all(axis=None) and list(before["item_id"]) == list(posterior.item_id)


@pytest.mark.parametrize("weeks", [1, 2, 5])
def test_few_weeks_do_no_harm(weeks: int) -> None:
    panel = market({"a": [0.5] * 3, "b": [0.5] * 3})
    found = told(panel[panel["week"] < panel["week"].min() + pd.Timedelta(days=7 * weeks)])
    assert found[[REST, LOW, HIGH]].isna().all(axis=None) or np.isfinite(found[REST]).all()
