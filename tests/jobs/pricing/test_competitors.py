"""Which competitors' prices count: stale, implausible and sold-out ones are ignored, and it is said why."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pandas as pd

from jobs.pricing.competitors import trusted
from jobs.pricing.guardrails import Trust
from tests.jobs.pricing.small_pricing import NIGHT

OURS = pd.DataFrame({"item_id": ["a", "b", "c"], "price": [10.0, 10.0, 10.0]})


def seen(*rows: tuple) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["item_id", "competitor", "observed_on", "price", "is_in_stock"])


def test_the_median_of_those_that_count_and_why_others_do_not() -> None:
    old = NIGHT - timedelta(days=30)
    found = trusted(
        seen(
            ("a", "Ada", NIGHT, 9.0, True),
            ("a", "Bob", NIGHT, 11.0, True),
            ("a", "Cy", NIGHT, 1000.0, True),
            ("a", "Dee", old, 5.0, True),
            ("a", "Eve", NIGHT, 8.0, False),
            ("b", "Cy", NIGHT, 0.1, True),
            ("gone", "Cy", NIGHT, 1.0, True),
        ),
        OURS,
        Trust(),
        NIGHT,
    ).set_index("item_id")
    assert found.loc["a", "competitor_price"] == 10.0 and np.isnan(found.loc["b", "competitor_price"])
    assert found.loc["a", "competitor_note"] == (
        "Cy ignored: 100 times our price; Dee ignored: seen 30 days ago; Eve ignored: sold out there"
    )
    assert list(found.index) == ["a", "b"]


def test_a_shop_that_follows_nobody_has_no_competitors() -> None:
    assert trusted(seen(), OURS, Trust(), NIGHT).empty
