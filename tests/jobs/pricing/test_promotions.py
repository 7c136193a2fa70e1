"""What promotions did, in a shop whose promotions did what we say."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from jobs.pricing.promotions import COLUMNS, effects

WEEKS = pd.date_range("2025-01-06", periods=40, freq="7D")


DURING = {8: "P1", 12: "P2", 16: "P3", 20: "P4", 25: "P5", 30: "P6"}


def shop(
    lift: float = 2.0, mates: float = 0.8, after: float = 0.5, days: tuple[int, int] = (0, 6), shock: float = 0.0,
    seed: int = 2,
) -> tuple[pd.DataFrame, pd.DataFrame]:  # fmt: skip
    """Six promoted items and six mates in one category, twenty items elsewhere; six campaigns a while apart that run
    from one day of a week to another; the whole shop sells double from week 20 on, which is nobody's effect. ``shock``:
    sd of what befalls all of a campaign together, in logs."""
    rng = np.random.default_rng(seed)
    rows, campaigns = [], []
    luck = dict(zip(DURING, np.exp(rng.normal(0, shock, len(DURING)) - shock**2 / 2), strict=True))
    share = {at: [min(days[1] + 1, 7) - days[0], max(days[1] - 6, 0)] for at in DURING}
    for nth in range(32):
        name, kind = f"i{nth:02d}", "promoted" if nth < 6 else "mate" if nth < 12 else "else"
        for at, week in enumerate(WEEKS):
            pace, begun = (
                2000.0 * (2 if at >= 20 else 1),
                [at - back if at - back in DURING else None for back in (0, 1)],
            )
            there = sum(share[began][back] / 7 for back, began in enumerate(begun) if began is not None)
            known = next((luck[began] for began in begun if began is not None), 1.0)
            effect = {"promoted": lift * known, "mate": mates}.get(kind, 1.0)
            is_after = at - 1 - (days[1] > 6) in DURING and kind == "promoted"
            pace *= (1 + there * (effect - 1)) * (after if is_after else 1.0)
            rows.append({"item_id": name, "category": "Else" if kind == "else" else "Kitchen", "week": week,
                         "units": float(rng.poisson(pace)), "is_promotion": kind == "promoted" and there > 0,
                         "is_stockout": False})  # fmt: skip
        if kind == "promoted":
            first, last = (pd.Timedelta(days=day) for day in days)
            campaigns += [
                {"promotion_id": number, "item_id": name, "starts_on": WEEKS[at] + first, "ends_on": WEEKS[at] + last}
                for at, number in DURING.items()
            ]
    return pd.DataFrame(rows), pd.DataFrame(campaigns)


def test_lift_cannibalisation_and_pull_forward_are_told_with_intervals() -> None:
    found = effects(*shop()).set_index(["scope", "name", "effect"])
    whole = found.loc[("all", "all")]
    assert whole.loc["lift", "value"] == pytest.approx(1.0, abs=0.06)
    assert whole.loc["cannibalisation", "value"] == pytest.approx(-0.2, abs=0.03)
    assert whole.loc["pull_forward", "value"] == pytest.approx(-0.25, abs=0.05)  # one of the two weeks after
    assert (whole["low"] < whole["value"]).all() and (whole["value"] < whole["high"]).all()
    assert whole.loc["lift", "units"] > 0 > whole.loc["cannibalisation", "units"]
    assert set(DURING.values()) == set(found.loc["promotion"].index.get_level_values("name"))
    assert found.loc[("category", "Kitchen", "lift"), "cases"] == 36


def test_a_promotion_that_did_nothing_has_no_effect() -> None:
    whole = effects(*shop(1.0, 1.0, 1.0)).set_index(["scope", "effect"]).loc["all"]
    assert whole["value"].abs().max() < 0.05


def test_a_shop_without_promotions_has_no_rows() -> None:
    panel, campaigns = shop()
    assert list(effects(panel, campaigns.iloc[:0]).columns) == list(COLUMNS)
    assert effects(panel, campaigns.iloc[:0]).empty


def test_a_campaign_that_touches_two_weeks_is_measured_on_its_own_days() -> None:
    """From Thursday to Monday: four days of one week and one of the next."""
    whole = effects(*shop(days=(3, 7))).set_index(["scope", "effect"]).loc["all"]
    assert whole.loc["lift", "value"] == pytest.approx(1.0, abs=0.1)
    assert whole.loc["cannibalisation", "value"] == pytest.approx(-0.2, abs=0.05)


def test_items_of_one_campaign_are_no_independent_witnesses() -> None:
    held = []
    for seed in range(20):
        (whole,) = effects(*shop(shock=0.3, seed=seed)).query("scope == 'all' and effect == 'lift'").to_dict("records")
        held.append(whole["low"] < 1.0 < whole["high"])
    assert np.mean(held) >= 0.6, "80% intervals, from six campaigns"


def test_a_week_of_two_campaigns_counts_once_and_equal_cases_count_each() -> None:
    panel, campaigns = shop()
    again = campaigns.assign(promotion_id=campaigns["promotion_id"] + " again")
    alone, twice = (
        effects(panel, told).set_index(["scope", "name", "effect"])
        for told in (campaigns, pd.concat([campaigns, again], ignore_index=True))
    )
    figures = ["value", "units", "cases"]
    pd.testing.assert_frame_equal(twice.loc["all", figures], alone.loc["all", figures])
    assert twice.loc[("promotion", "P1 again", "lift"), "units"] == alone.loc[("promotion", "P1", "lift"), "units"]
    slow = panel.assign(units=panel["units"].where(panel["item_id"] != "i00", 1.0))
    assert effects(slow, campaigns).set_index(["scope", "name", "effect"]).loc[("all", "all", "lift"), "cases"] == 36


def test_few_campaigns_have_a_figure_and_no_interval() -> None:
    panel, campaigns = shop()
    found = effects(panel, campaigns[campaigns["promotion_id"].isin(["P1", "P2"])])
    assert found["value"].notna().all() and found[["low", "high"]].isna().all(axis=None)
