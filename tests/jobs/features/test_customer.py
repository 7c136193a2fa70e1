"""How a customer buys, on the history of the conftest worked out by hand."""

from datetime import date, datetime
from types import SimpleNamespace

import pytest
from pyspark.sql import DataFrame

from jobs.features.customer import customer
from jobs.features.customer_item import customer_item
from tests.jobs.features.conftest import STORE, D, frame, line


def pairs_of(orders: DataFrame, events: DataFrame) -> DataFrame:
    """What customers did with items where every event is still there."""
    weeks = frame(orders.sparkSession, "customer_item_weekly", [], "features")
    return customer_item(orders, events, weeks, D, None)


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


def test_an_order_without_a_country_leaves_the_one_before(spark) -> None:
    empty = {name: frame(spark, name, []) for name in ("customers", "events", "consents")}
    said = [("1", "ES", "shop"), ("2", "FR", None), ("3", None, "app"), ("4", None, None)]
    lines = [
        line(order, date(2026, 3, int(order)), "ann", "pen", country=country, channel=channel)
        for order, country, channel in said
    ]
    orders = frame(spark, "order_lines", [*lines, line("1", D, "bob", "pen", country=None)])
    pairs = pairs_of(orders, empty["events"])
    rows = customer(empty["customers"], orders, empty["consents"], pairs, STORE).collect()
    found = {row["customer_id"]: (row["country"], row["channel"]) for row in rows}
    assert found == {"ann": ("FR", "app"), "bob": (None, None)}


def test_a_use_of_data_needs_its_own_consent(spark) -> None:
    said = [("ann", "personalisation", True), ("ann", "restricted", False), ("bob", "restricted", True)]
    consents = frame(
        spark,
        "consents",
        [{"customer_id": who, "purpose": what, "is_granted": yes, "known_day": D} for who, what, yes in said],
    )
    empty = {name: frame(spark, name, []) for name in ("customers", "events")}
    orders = frame(spark, "order_lines", [line(who, D, who, "pen") for who in ("ann", "bob", "cyd")])
    pairs = pairs_of(orders, empty["events"])

    def allowed(store: SimpleNamespace, given) -> dict[str, tuple[bool, bool]]:
        rows = customer(empty["customers"], orders, given, pairs, store).collect()
        return {row["customer_id"]: (row["is_personal_allowed"], row["is_restricted_allowed"]) for row in rows}

    asks = SimpleNamespace(mappings={**STORE.mappings, "consents": None})
    assert allowed(asks, consents) == {"ann": (True, False), "bob": (False, True), "cyd": (False, False)}
    # A store that keeps no consents makes personal lists, and shows restricted items to nobody.
    assert set(allowed(STORE, consents.limit(0)).values()) == {(True, False)}


def test_a_currency_of_large_numbers_adds_up(spark) -> None:
    """Orders of thousands of millions of rupiah: in the fixed point of fractions their sum would leave a long."""
    empty = {name: frame(spark, name, []) for name in ("customers", "events", "consents")}
    orders = frame(spark, "order_lines", [line(str(number), D, "ann", "pen", 1, 3.2e9 + number) for number in range(4)])
    pairs = pairs_of(orders, empty["events"])
    (ann,) = customer(empty["customers"], orders, empty["consents"], pairs, STORE).collect()
    assert (ann["value_per_order"], ann["mean_price"]) == (3.2e9 + 1.5, 3.2e9 + 1.5)


def test_who_only_looked_is_a_customer_and_consents_hold_for_them_too(spark) -> None:
    """Of a store without a table of customers; whoever fills a basket need not have viewed anything."""
    empty = {name: frame(spark, name, []) for name in ("customers", "consents")}
    orders = frame(spark, "order_lines", [line("1", D, "ann", "pen")])
    looks = [("eve", "view"), ("eve", "view"), ("fay", "cart"), ("gus", "impression"), (None, "view"), ("bot", "view")]
    events = frame(
        spark,
        "events",
        [
            {
                **{"event_id": str(number), "event_at": datetime(2026, 3, 30), "event_date": date(2026, 3, 30)},
                **{"event_type": kind, "customer_id": who, "item_id": "pen", "known_day": D, "is_bot": who == "bot"},
            }
            for number, (who, kind) in enumerate(looks)
        ],
    )
    pairs = pairs_of(orders, events)

    def rows(store: SimpleNamespace, consents) -> dict[str, dict]:
        found = customer(empty["customers"], orders, consents, pairs, store).collect()
        return {row["customer_id"]: row.asDict() for row in found}

    found = rows(STORE, empty["consents"])
    assert {who: (row["orders"], row["views_28d"]) for who, row in found.items()} == {
        **{"ann": (1, 0), "eve": (0, 2), "fay": (0, 0)},
    }
    assert (found["eve"]["repeat_share"], found["eve"]["first_ordered_on"]) == (0, None)
    assert all(row["is_personal_allowed"] for row in found.values())
    said = frame(
        spark,
        "consents",
        [{"customer_id": "fay", "purpose": "personalisation", "is_granted": True, "known_day": D}],
    )
    asks = SimpleNamespace(mappings={**STORE.mappings, "consents": None})
    allowed = {who: row["is_personal_allowed"] for who, row in rows(asks, said).items()}
    assert allowed == {"ann": False, "eve": False, "fay": True}
    # Where the store lists its customers, one who is not among them may have closed their account.
    assert set(rows(SimpleNamespace(mappings={**STORE.mappings, "customers": None}), empty["consents"])) == {"ann"}
