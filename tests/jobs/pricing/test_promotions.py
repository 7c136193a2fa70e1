"""What promotions did, in a shop whose promotions did what we say."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from jobs.pricing.promotions import COLUMNS, effects

WEEKS = pd.date_range("2025-01-06", periods=40, freq="7D")
SIX_DAYS = pd.Timedelta(days=6)


def shop(lift: float = 2.0, mates: float = 0.8, after: float = 0.5) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Six promoted items and six mates in one category, twenty items elsewhere; two campaigns a while apart; the whole
    shop sells double from week 20 on, which is nobody's effect."""
    rng = np.random.default_rng(2)
    rows, campaigns = [], []
    during = {10: "P1", 25: "P2"}
    for nth in range(32):
        name, kind = f"i{nth:02d}", "promoted" if nth < 6 else "mate" if nth < 12 else "else"
        for at, week in enumerate(WEEKS):
            pace = 2000.0 * (2 if at >= 20 else 1)
            if at in during:
                pace *= {"promoted": lift, "mate": mates}.get(kind, 1.0)
            if at - 1 in during and kind == "promoted":
                pace *= after
            rows.append({"item_id": name, "category": "Else" if kind == "else" else "Kitchen", "week": week,
                         "units": float(rng.poisson(pace)), "is_promotion": kind == "promoted" and at in during,
                         "is_stockout": False})  # fmt: skip
        if kind == "promoted":
            campaigns += [
                {"promotion_id": number, "item_id": name, "starts_on": WEEKS[at], "ends_on": WEEKS[at] + SIX_DAYS}
                for at, number in during.items()
            ]  # fmt: skip
    return pd.DataFrame(rows), pd.DataFrame(campaigns)


def test_lift_cannibalisation_and_pull_forward_are_told_with_intervals() -> None:
    found = effects(*shop()).set_index(["scope", "name", "effect"])
    whole = found.loc[("all", "all")]
    assert whole.loc["lift", "value"] == pytest.approx(1.0, abs=0.06)
    assert whole.loc["cannibalisation", "value"] == pytest.approx(-0.2, abs=0.03)
    assert whole.loc["pull_forward", "value"] == pytest.approx(-0.25, abs=0.05)  # one of the two weeks after
    assert (whole["low"] < whole["value"]).all() and (whole["value"] < whole["high"]).all()
    assert whole.loc["lift", "units"] > 0 > whole.loc["cannibalisation", "units"]
    assert {"P1", "P2"} == set(found.loc["promotion"].index.get_level_values("name"))
    assert found.loc[("category", "Kitchen", "lift"), "cases"] == 12


def test_a_promotion_that_did_nothing_has_no_effect() -> None:
    whole = effects(*shop(1.0, 1.0, 1.0)).set_index(["scope", "effect"]).loc["all"]
    assert whole["value"].abs().max() < 0.05


def test_a_shop_without_promotions_has_no_rows() -> None:
    panel, campaigns = shop()
    assert list(effects(panel, campaigns.iloc[:0]).columns) == list(COLUMNS)
    assert effects(panel, campaigns.iloc[:0]).empty
