"""The gate: elasticities that do not foretell later weeks leave every price where it is."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from jobs.pricing import gate
from jobs.pricing.gate import GateParams
from jobs.pricing.guardrails import Guardrails
from jobs.pricing.suggestions import suggest
from jobs.pricing.train import train
from tests.jobs.pricing.small_pricing import NIGHT, posterior, rows


def later(elasticity: float, items: int = 12) -> pd.DataFrame:
    """Thirteen weeks of items whose sales answer to their prices so."""
    rng, found = np.random.default_rng(4), []
    for nth in range(items):
        for week in pd.date_range("2026-01-05", periods=13, freq="7D"):
            price = 10.0 * float(rng.choice([0.85, 1.0, 1.15]))
            found.append({"item_id": f"i{nth}", "category": "Kitchen", "nest": None, "week": week, "price": price,
                          "units": float(rng.poisson(60 * (price / 10) ** elasticity)), "cost": 5.0,
                          "is_promotion": False, "is_featured": False, "is_stockout": False,
                          "competitor_price": np.nan})  # fmt: skip
    return pd.DataFrame(found)


@pytest.mark.parametrize(
    ("truth", "believed", "publishes"), [(-2.0, -2.0, True), (0.0, -2.0, False), (-2.0, 2.0, False)]
)
def test_only_what_foretells_later_weeks_counts(truth: float, believed: float, publishes: bool) -> None:
    found = gate.judged(posterior({f"i{n}": believed for n in range(12)}), later(truth), GateParams())
    assert found.publishes is publishes and found.items == 12 and found.weeks == 13
    assert ("prices stay" in found.reason) is not publishes


def test_prices_that_never_moved_prove_nothing() -> None:
    still = later(-2.0).assign(price=10.0)
    found = gate.judged(posterior({f"i{n}": -2.0 for n in range(12)}), still, GateParams())
    assert not found.publishes and "no item's price moved" in found.reason


def test_a_silenced_posterior_changes_no_price() -> None:
    silent = gate.silenced(posterior({"a": -1.2}))
    found = suggest(rows({"item_id": "a"}), silent, Guardrails(), "salt", NIGHT).loc[0]
    assert (found["suggested_price"], found["bound_by"], found["evidence"]) == (10.0, "no_evidence", "none")


def test_short_histories_and_empty_shops_train_to_prices_that_stay() -> None:
    short = train(later(-2.0))
    assert not short.verdict.publishes and "13 of at least 39 weeks" in short.verdict.reason
    assert set(short.posterior.evidence) == {"none"}
    nothing = train(later(-2.0).iloc[:0])
    assert len(nothing.posterior.item_id) == 0 and "nothing has been sold" in nothing.verdict.reason
