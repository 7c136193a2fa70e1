"""The audit of suggested changes: what was suggested, what a person decided, what was then seen in force."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest
from pyspark.sql import Row, SparkSession

from jobs.lib.registry import Champion
from jobs.pricing.audit import APPLIED_DAYS, audit
from tests.jobs.pricing.small_pricing import NIGHT, table

CHAMPION = Champion("pricing", NIGHT, "abc", Path("."), {}, None)
LATER = NIGHT + timedelta(days=3)


def audited(spark: SparkSession, as_of: date, **given: list[dict]) -> dict[tuple[str, str], Row]:
    """What a night adds, by item and what happened; tables that are not ``given`` are empty."""
    decided = table(spark, "validated.price_approvals", given.get("decided", []))
    found = audit(
        table(spark, "pricing.price_suggestions", given.get("suggested", [])),
        table(spark, "pricing.markdown_plan", given.get("planned", [])),
        decided,
        table(spark, "validated.price_approvals", given.get("decisions", [])),
        table(spark, "validated.prices", given.get("prices", [])),
        table(spark, "pricing.audit", given.get("before", [])),
        as_of,
        CHAMPION,
    ).collect()
    rows = {(row["item_id"], row["happened"]): row for row in found}
    assert len(rows) == len(found)
    return rows


def suggestion(item: str, old: float, new: float) -> dict:
    made = {"item_id": item, "current_price": old, "suggested_price": new, "currency": "EUR", "as_of": NIGHT}
    return {**made, "model_version": "abc"}


def week(item: str, old: float, new: float, held_by: str | None = None, weeks: int = 0) -> dict:
    coming = NIGHT + timedelta(days=1 + 7 * weeks)
    return {
        "item_id": item, "week": coming, "price": new, "current_price": old, "currency": "EUR", "as_of": NIGHT,
        "clear_by": NIGHT + timedelta(days=21), "held_by": held_by, "expected_units": 6.0, "reason": "to be gone",
        "model_version": "abc",
    }  # fmt: skip


def event(item: str, happened: str, price: float, on: date = NIGHT) -> dict:
    return {"suggested_on": on, "item_id": item, "happened": happened, "new_price": price, "known_day": on}


def decision(item: str, said: str, price: float, known: date = LATER) -> dict:
    return {"suggested_on": NIGHT, "item_id": item, "decision": said, "price": price, "known_day": known}


def listed(item: str, price: float, since: date) -> dict:
    return {"item_id": item, "price": price, "valid_from": since, "currency": "EUR", "known_day": since}


def test_each_suggestion_is_recorded_and_a_kept_price_with_the_rule_that_kept_it(spark: SparkSession) -> None:
    kept = suggestion("b", 10.0, 10.0) | {"bound_by": "no_evidence", "evidence": "none", "reason": "stays"}
    found = audited(spark, NIGHT, suggested=[suggestion("a", 10.0, 9.5), kept, suggestion("c", 0.04, 0.044)])
    assert set(found) == {("a", "suggested"), ("b", "kept"), ("c", "suggested")}
    row = found["b", "kept"]
    assert (row["old_price"], row["new_price"], row["kind"]) == (10.0, 10.0, "price")
    assert (row["bound_by"], row["evidence"], row["reason"]) == ("no_evidence", "none", "stays")
    row = found["a", "suggested"]
    assert (row["old_price"], row["new_price"], row["suggested_on"], row["known_day"]) == (10.0, 9.5, NIGHT, NIGHT)
    assert row["model_version"] == "abc"


def test_what_is_planned_is_recorded_as_its_plan_has_it(spark: SparkSession) -> None:
    held = {"bound_by": "clearance", "evidence": "own", "elasticity": -2.0, "reason": "see the plan"}
    planned = [week("a", 10.0, 8.0), week("a", 10.0, 7.0, weeks=1)]
    planned += [week("b", 10.0, 8.0, "decided"), week("c", 10.0, 10.0)]
    found = audited(spark, NIGHT, suggested=[suggestion(item, 10.0, 10.0) | held for item in "abc"], planned=planned)
    assert set(found) == {("a", "suggested"), ("b", "kept"), ("c", "kept")}
    assert {row["kind"] for row in found.values()} == {"markdown"}
    row = found["a", "suggested"]
    assert (row["old_price"], row["new_price"], row["bound_by"]) == (10.0, 8.0, None)
    assert (row["evidence"], row["elasticity"], row["expected_units_suggested"]) == ("own", -2.0, 6.0)
    assert row["reason"] == "to be gone"
    refused = found["b", "kept"]
    assert (refused["new_price"], refused["bound_by"]) == (10.0, "decided")


def test_a_kept_price_is_never_applied(spark: SparkSession) -> None:
    prices = [listed("a", 9.5, LATER)]
    assert not audited(spark, LATER, before=[event("a", "kept", 9.5)], prices=prices)


def test_of_a_decision_told_twice_the_later_word_counts(spark: SparkSession) -> None:
    decided = [decision("a", "edited", 9.8, LATER - timedelta(days=1)), decision("a", "edited", 9.7)]
    found = audited(spark, LATER, decided=[*decided, decision("b", "refused", 8.0)])
    assert set(found) == {("a", "edited"), ("b", "refused")} and found["a", "edited"]["new_price"] == 9.7


def test_a_price_seen_in_force_is_recorded_once_and_an_edited_one_as_edited(spark: SparkSession) -> None:
    before = [event("a", "suggested", 9.5), event("b", "suggested", 8.0), event("b", "edited", 8.5)]
    before.append(event("c", "suggested", 7.0))
    prices = [listed("a", 9.5, LATER), listed("b", 8.0, LATER), listed("c", 7.0, NIGHT - timedelta(days=9))]
    # b came into force at the suggested price after a person had edited it; c had its price all along.
    found = audited(spark, LATER, before=before, prices=prices)
    assert set(found) == {("a", "applied")} and found["a", "applied"]["new_price"] == 9.5
    prices[1] = listed("b", 8.5, LATER)
    assert set(audited(spark, LATER, before=before, prices=prices)) == {("a", "applied"), ("b", "applied")}
    again = [*before, event("a", "applied", 9.5)]
    assert set(audited(spark, LATER, before=again, prices=prices)) == {("b", "applied")}


def test_without_a_list_a_decision_is_in_force_from_its_day(spark: SparkSession) -> None:
    before = [event(item, "suggested", 9.5) for item in ("a", "b", "listed")]
    before += [event(item, "approved", 9.5) for item in ("a", "b", "listed")]
    day = {"a": LATER, "b": LATER + timedelta(days=9), "listed": LATER}
    decisions = [{**decision(item, "approved", 9.5), "valid_from": valid} for item, valid in day.items()]
    prices = [listed("listed", 10.0, NIGHT - timedelta(days=9))]
    found = audited(spark, LATER, before=before, decisions=decisions, prices=prices)
    assert set(found) == {("a", "applied")} and found["a", "applied"]["new_price"] == 9.5


def test_one_change_of_price_answers_one_suggestion_and_never_a_refused_one(spark: SparkSession) -> None:
    nights = [NIGHT + timedelta(days=n) for n in range(3)]
    before = [event("a", "suggested", 9.5, on=night) for night in nights] + [event("b", "suggested", 8.0)]
    before += [event("b", "approved", 8.0), {**event("b", "refused", 8.0), "known_day": nights[1]}]
    prices = [listed("a", 9.5, LATER), listed("b", 8.0, LATER)]
    found = audited(spark, LATER, before=before, prices=prices)
    assert set(found) == {("a", "applied")} and found["a", "applied"]["suggested_on"] == nights[2]
    told = {**event("a", "applied", 9.5, on=nights[2]), "known_day": LATER}
    assert not audited(spark, LATER + timedelta(days=1), before=[*before, told], prices=prices)


def test_an_edit_told_again_on_a_later_night_counts(spark: SparkSession) -> None:
    before = [event("a", "suggested", 9.5), event("a", "edited", 9.8)]
    before.append({**event("a", "edited", 9.7), "known_day": NIGHT + timedelta(days=1)})
    found = [audited(spark, LATER, before=before, prices=[listed("a", price, LATER)]) for price in (9.7, 9.8)]
    assert [set(one) for one in found] == [{("a", "applied")}, set()]


def test_a_change_approved_and_in_force_at_once_is_both(spark: SparkSession) -> None:
    given = {"decided": [decision("a", "approved", 9.5)], "prices": [listed("a", 9.5, LATER)]}
    assert set(audited(spark, LATER, before=[event("a", "suggested", 9.5)], **given)) == {
        ("a", "approved"),
        ("a", "applied"),
    }


@pytest.mark.parametrize(("days", "expected"), [(APPLIED_DAYS, {("a", "applied")}), (APPLIED_DAYS + 1, set())])
def test_a_price_long_after_its_suggestion_came_for_another_reason(spark: SparkSession, days: int, expected) -> None:
    seen = NIGHT + timedelta(days=days)
    assert set(audited(spark, seen, before=[event("a", "suggested", 9.5)], prices=[listed("a", 9.5, seen)])) == expected
