"""How a customer buys, on the history of the conftest worked out by hand."""

from datetime import date

import pytest

from tests.jobs.features.conftest import D


def test_a_customers_habits(made: dict) -> None:
    ann = made["customer"]["ann"]
    assert (ann["orders"], ann["repeat_share"], ann["country"], ann["is_personal_allowed"]) == (
        3,
        pytest.approx(1 / 3),
        "DE",
        True,
    )
    assert ann["mean_gap_days"] == pytest.approx((D - date(2026, 1, 30)).days / 2)
    assert made["customer"]["bob"]["mean_gap_days"] is None
