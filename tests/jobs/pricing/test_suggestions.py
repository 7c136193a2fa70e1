"""A night's prices: what evidence asks for, what the guardrails leave of it, and the rule that is named for it."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from jobs.lib import contracts
from jobs.pricing.bounds import bounds
from jobs.pricing.exploration import Room, arms, explored
from jobs.pricing.guardrails import Exploration, Guardrails, Rules
from jobs.pricing.posterior import CROSS
from jobs.pricing.suggestions import suggest
from tests.jobs.pricing.small_pricing import NIGHT, posterior, rows

# With a cost of half the price the one wants a higher price, the other a lower.
FLAT, STEEP = -1.2, -5.0


def told(guardrails: Guardrails, *items: dict[str, Any], sd: float = 0.2, **beliefs: float | None) -> pd.DataFrame:
    believed = posterior(beliefs or {item["item_id"]: FLAT for item in items}, sd)
    return suggest(rows(*items), believed, guardrails, "salt", NIGHT).set_index("item_id")


def test_prices_move_towards_what_evidence_asks_and_no_further_than_a_step() -> None:
    found = told(Guardrails(), {"item_id": "a"}, {"item_id": "b"}, a=FLAT, b=STEEP)
    assert 10.5 < found.loc["a", "suggested_price"] <= 11.0
    assert 9.0 <= found.loc["b", "suggested_price"] < 10.0
    assert (found["expected_gain"] > 0).all() and (found["expected_gain_low"] > 0).all()
    assert found.loc["a", "expected_profit_suggested"] > found.loc["a", "expected_profit_now"]


def test_without_evidence_the_price_stays() -> None:
    found = told(Guardrails(), {"item_id": "a"}, {"item_id": "never sold"}, a=None)
    assert (found["suggested_price"] == 10.0).all() and (found["bound_by"] == "no_evidence").all()
    assert (found["evidence"] == "none").all() and found["expected_units_now"].isna().all()


def test_an_items_answer_to_its_neighbours_prices_is_told_and_may_be_unknown() -> None:
    found = told(Guardrails(), {"item_id": "a"}, {"item_id": "never sold"}, a=FLAT)
    assert list(found.loc["a", list(CROSS)[3:]]) == [0.4, 0.1, 0.7]
    assert found.loc["a", list(CROSS)[:3]].isna().all() and found.loc["never sold", list(CROSS)].isna().all()
    columns = contracts.load("pricing.price_suggestions").columns
    # A lake, a warehouse and a model from before there were these have nulls in them.
    assert all(columns[name].nullable for name in CROSS)
    before = replace(posterior({"a": FLAT}), **dict.fromkeys(CROSS, np.empty(0)))
    old = suggest(rows({"item_id": "a"}), before, Guardrails(), "salt", NIGHT).loc[0]
    assert old[list(CROSS)].isna().all() and old["suggested_price"] == found.loc["a", "suggested_price"]


@pytest.mark.parametrize(("item", "price"), [({"map_price": 10.5}, 10.5), ({"msrp": 9.5}, 9.5)])
def test_what_the_maker_says_holds_also_without_evidence(item: dict[str, Any], price: float) -> None:
    dear = {"cost": 12.0, "competitor_price": 8.0}  # what else may be wrong stays as it is
    found = told(Guardrails(), {"item_id": "a", **dear, **item}, a=None).loc["a"]
    assert (found["suggested_price"], found["bound_by"], found["evidence"]) == (price, next(iter(item)), "none")
    assert "held by the" in found["reason"]
    line = [{"item_id": "a", "price_line": "jam", **item}, {"item_id": "b", "price_line": "jam"}]
    assert (told(Guardrails(), *line, a=None)["suggested_price"] == price).all()


def test_a_gain_that_is_not_sure_is_no_change() -> None:
    sure, unsure = (told(Guardrails(), {"item_id": "a"}, a=-2.4, sd=sd).loc["a"] for sd in (0.05, 2.5))
    assert sure["suggested_price"] != 10.0
    assert unsure["suggested_price"] == 10.0


@pytest.mark.parametrize(
    ("item", "rules", "price", "rule"),
    [
        ({"msrp": 10.4}, {}, 10.4, "msrp"),
        ({}, {"highest_price": 10.7}, 10.7, "highest_price"),
        ({"competitor_price": 10.0}, {"competitor_high": 1.05}, 10.5, "competitor_high"),
        ({}, {"largest_step_up": 0.03}, 10.3, "largest_step_up"),
        ({}, {"is_frozen": True}, 10.0, "frozen_items"),
        ({"on_promotion": True}, {}, 10.0, "promotion"),
        ({"decided_on": pd.Timestamp(NIGHT)}, {}, 10.0, "decided"),
        ({"decided_on": pd.Timestamp("2026-05-01")}, {"days_between_changes": 0}, 10.0, "decided"),
        ({"changed_on": pd.Timestamp(NIGHT)}, {}, 10.0, "days_between_changes"),
        ({"planned_on": pd.Timestamp(NIGHT) + pd.Timedelta(days=7)}, {}, 10.0, "days_between_changes"),
        ({}, {"endings": (0.49,), "largest_step_up": 0.14}, 10.49, "endings"),
        ({}, {"endings": (0.2,), "largest_step_up": 0.01}, 10.0, "endings"),
    ],
)
def test_the_rule_that_held_the_price_is_named(item, rules, price, rule) -> None:
    found = told(Guardrails(store=replace(Rules(), **rules)), {"item_id": "a", **item}).loc["a"]
    assert (found["suggested_price"], found["bound_by"]) == (pytest.approx(price), rule)
    assert 1 <= len(found["reason"]) <= 400


def test_a_change_that_the_list_announced_for_later_is_told_with_the_price() -> None:
    planned = {"planned_on": pd.Timestamp(NIGHT) + pd.Timedelta(days=8), "planned_price": 12.5}
    found = told(Guardrails(), {"item_id": "a", **planned}).loc["a"]
    assert found["suggested_price"] > 10.0
    assert found["reason"].endswith(f"; the price list has 12.50 from {planned['planned_on']:%Y-%m-%d}")


@pytest.mark.parametrize(
    ("item", "rules", "elasticity", "price", "rule"),
    [
        ({"competitor_price": 10.0}, {"competitor_low": 0.97}, STEEP, 9.7, "competitor_low"),
        ({}, {"lowest_price": 9.6}, STEEP, 9.6, "lowest_price"),
        ({}, {"largest_step_down": 0.03}, STEEP, 9.7, "largest_step_down"),
        ({}, {"smallest_step": 0.08}, -2.2, 10.0, "smallest_step"),
    ],
)
def test_the_rule_that_kept_a_price_from_falling_is_named(item, rules, elasticity, price, rule) -> None:
    rails = Guardrails(store=replace(Rules(), **rules))
    found = told(rails, {"item_id": "a", **item}, sd=0.05, a=elasticity).loc["a"]
    assert (found["suggested_price"], found["bound_by"]) == (pytest.approx(price), rule)


def test_the_quantile_decides_how_sure_a_gain_must_be() -> None:
    sure, likely = (
        told(Guardrails(decide_on_quantile=quantile), {"item_id": "a"}, sd=0.5, a=-2.4).loc["a"]
        for quantile in (0.05, 0.5)
    )
    assert sure["suggested_price"] == 10.0 > likely["suggested_price"]
    assert likely["expected_gain_low"] > 0


@pytest.mark.parametrize(
    ("item", "rules", "price", "rule"),
    [
        ({"cost": 12.0}, {}, 11.0, "largest_step_up"),  # costs above the price: up by the largest step a night
        ({"cost": 9.0, "e": -9.0}, {"margin_floor": 0.15}, 10.59, "margin_floor"),
        ({"cost": 12.0}, {"endings": (0.49,)}, 10.49, "largest_step_up"),  # on the way: 11.00 has no allowed ending
        ({"map_price": 10.5}, {}, 10.5, "map_price"),
        ({"msrp": 9.5}, {}, 9.5, "msrp"),
        ({"competitor_price": 8.0}, {"competitor_high": 1.2}, 9.6, "competitor_high"),
    ],
)
def test_a_price_that_breaks_a_rule_is_mended_whatever_it_gains(item, rules, price, rule) -> None:
    found = told(Guardrails(store=replace(Rules(), **rules)), {"item_id": "a", **item}, a=item.pop("e", -2.0)).loc["a"]
    assert (found["suggested_price"], found["bound_by"]) == (pytest.approx(price, abs=0.01), rule)


@pytest.mark.parametrize(("cost", "elasticity", "end"), [(np.nan, -2.5, 7.5), (5.0, -0.9, 12.5)])
def test_small_steps_do_not_add_up_beyond_the_largest_move(cost: float, elasticity: float, end: float) -> None:
    price = 10.0
    for _ in range(12):
        item = {"item_id": "a", "price": price, "cost": cost, "past_price": 10.0}
        found = told(Guardrails(), item, a=elasticity).loc["a"]
        price = found["suggested_price"]
    assert (price, found["bound_by"]) == (pytest.approx(end), "largest_move")


def test_a_price_that_the_store_moved_far_itself_need_not_come_back_and_costs_come_first() -> None:
    far = told(Guardrails(), {"item_id": "a", "past_price": 5.0}, a=FLAT).loc["a"]
    assert (far["suggested_price"], far["bound_by"]) == (10.0, "largest_move")
    dear = told(Guardrails(), {"item_id": "a", "cost": 12.0, "past_price": 8.0}, a=-2.0).loc["a"]
    assert (dear["suggested_price"], dear["bound_by"]) == (pytest.approx(11.0), "largest_step_up")


@pytest.mark.parametrize("cost", [np.nan, 0.0, 5.0])
def test_a_rule_that_lets_one_price_double_changes_no_other(cost: float) -> None:
    items = [{"item_id": "a", "cost": cost}, {"item_id": "b", "cost": cost}]
    usual = told(Guardrails(), *items, a=FLAT, b=-0.5)
    found = told(Guardrails(items={"b": {"largest_step_up": 1.0}}), *items, a=FLAT, b=-0.5)
    pd.testing.assert_series_equal(found.loc["a"], usual.loc["a"])
    assert usual.loc["b", "suggested_price"] == 11.0 < found.loc["b", "suggested_price"]


def test_prices_are_whole_multiples_of_the_smallest_unit() -> None:
    yen = Guardrails(store=Rules(smallest_unit=1.0))
    price = told(yen, {"item_id": "a", "price": 14.0, "cost": 7.0}, a=FLAT).loc["a", "suggested_price"]
    assert price == 15.0
    ounce = Guardrails(store=Rules(smallest_unit=0.001))
    price = told(ounce, {"item_id": "a", "price": 0.04, "cost": 0.02}, a=FLAT).loc["a", "suggested_price"]
    assert price == pytest.approx(0.044)


def test_what_is_being_cleared_keeps_its_price_here_and_is_not_explored() -> None:
    items = [{"item_id": name} for name in "ab"]
    every = posterior({"a": FLAT, "b": FLAT})
    rails = Guardrails(exploration=Exploration(share=1.0))
    found = suggest(rows(*items), every, rails, "salt", NIGHT, {"a"}).set_index("item_id")
    assert (found.loc["a", "suggested_price"], found.loc["a", "bound_by"]) == (10.0, "clearance")
    assert "markdown plan" in found.loc["a", "reason"] and found["is_exploration"].to_dict() == {"a": False, "b": True}


def test_what_is_being_cleared_has_left_its_price_line() -> None:
    items = [{"item_id": name, "price_line": "jam"} for name in "abc"]
    every = posterior(dict.fromkeys("abc", FLAT))
    found = suggest(rows(*items), every, Guardrails(), "salt", NIGHT, {"a"}).set_index("item_id")
    assert found.loc["a", "bound_by"] == "clearance" and found.loc["a", "suggested_price"] == 10.0
    assert found.loc["b", "suggested_price"] == found.loc["c", "suggested_price"] > 10.0
    alone = suggest(rows(*items), every, Guardrails(), "salt", NIGHT, {"a", "b"}).set_index("item_id")
    assert alone.loc["c", "suggested_price"] > 10.0


def test_costs_above_the_price_are_said_and_without_evidence_nothing_moves() -> None:
    found = told(Guardrails(), {"item_id": "a", "cost": 12.0}, a=None).loc["a"]
    assert found["suggested_price"] == 10.0 and "sells below its cost of 12.00" in found["reason"]


def test_where_no_cost_is_known_revenue_counts_and_it_is_said() -> None:
    found = told(Guardrails(), {"item_id": "a", "cost": np.nan}, a=STEEP).loc["a"]
    assert (
        found["objective"] == "revenue" and found["suggested_price"] < 10.0 and "cost is not known" in found["reason"]
    )
    assert found["expected_profit_now"] == pytest.approx(10.0 * found["expected_units_now"])


def test_at_most_so_many_prices_change_those_that_gain_most() -> None:
    items, beliefs = [{"item_id": name} for name in "abcd"], {"a": -1.7, "b": -1.1, "c": -1.5, "d": -1.3}
    found = told(Guardrails(max_changes=2), *items, **beliefs)
    changed = found["suggested_price"] != found["current_price"]
    assert changed.sum() == 2 and (found.loc[~changed, "bound_by"] == "max_changes").all()
    free = told(Guardrails(), *items, **beliefs)
    line = [{"item_id": name, "price_line": "jam"} for name in "abc"]
    assert set(told(Guardrails(max_changes=2), *line)["bound_by"]) == {"max_changes"}
    assert set(free["expected_gain_low"].nlargest(2).index) == set(found.index[changed])


def test_revenue_of_an_item_without_a_cost_does_not_outbid_profit() -> None:
    both = [{"item_id": "known"}, {"item_id": "unknown", "cost": np.nan}]
    found = told(Guardrails(max_changes=1), *both, known=FLAT, unknown=-2.6)
    assert found["suggested_price"].ne(10.0).to_dict() == {"known": True, "unknown": False}
    assert "by its category's usual one" in found.loc["unknown", "reason"]
    assert told(Guardrails(), *both, known=FLAT, unknown=-2.6).loc["unknown", "suggested_price"] < 10.0
    # What would lose at the usual cost is no gain.
    dear = told(Guardrails(), {**both[0], "cost": 8.0}, both[1], known=FLAT, unknown=-2.6).loc["unknown"]
    assert (dear["suggested_price"], dear["bound_by"]) == (10.0, "decide_on_quantile")


def test_a_category_moves_no_more_than_its_average_may() -> None:
    items = [{"item_id": name} for name in "abcd"]
    found = told(Guardrails(largest_average_step=0.03), *items)
    ratio = found["suggested_price"] / found["current_price"] - 1
    assert 0 < ratio.mean() <= 0.03 + 1e-9 and "largest_average_step" in set(found["bound_by"])


@pytest.mark.parametrize(("elasticity", "price"), [(-2.0, 10.5), (FLAT, 10.75)])
def test_the_categorys_average_holds_back_no_breach_and_all_beyond_it(elasticity: float, price: float) -> None:
    """A category of one item 5% below what its maker allows: that it mends, and 3% more it may move."""
    rails = Guardrails(largest_average_step=0.03)
    found = told(rails, {"item_id": "a", "map_price": 10.5}, a=elasticity).loc["a"]
    assert found["suggested_price"] == price
    both = told(rails, {"item_id": "a", "map_price": 10.5}, {"item_id": "b"}, a=-2.0, b=FLAT)
    assert both.loc["b", "suggested_price"] > 10.4, "what mends uses up nothing of the others' room"


def test_a_price_line_moves_together_or_not_at_all() -> None:
    line = {"price_line": "jam"}
    found = told(Guardrails(), {"item_id": "a", **line}, {"item_id": "b", **line, "msrp": 10.3}, {"item_id": "c"})
    assert found.loc["a", "suggested_price"] == found.loc["b", "suggested_price"] == pytest.approx(10.3)
    assert found["bound_by"].to_dict() == {"a": "price_line", "b": "msrp", "c": "largest_step_up"}
    both = told(Guardrails(), *[{"item_id": name, **line, "msrp": 10.0} for name in "ab"])
    assert both["suggested_price"].eq(10.0).all() and both["bound_by"].eq("msrp").all()
    held = told(Guardrails(), {"item_id": "a", **line}, {"item_id": "b", **line, "on_promotion": True})
    assert held["suggested_price"].eq(10.0).all()
    assert held["bound_by"].to_dict() == {"a": "price_line", "b": "promotion"}


def test_a_price_line_keeps_to_the_endings_of_each_of_its_items() -> None:
    line = {"price_line": "jam", "price": 9.99}
    wide = replace(Rules(), largest_step_up=0.12)
    ends = {"b": {"endings": (0.99,)}, "d": {"endings": (0.49,)}}
    rails = Guardrails(store=wide, items=ends)
    found = told(rails, {"item_id": "a", **line}, {"item_id": "b", **line})
    assert found["suggested_price"].to_dict() == {"a": 10.99, "b": 10.99}
    # Items of one price move to one price also where the line's first item has another.
    lead = {"item_id": "first", "price_line": "jam", "price": 5.0}
    found = told(rails, lead, {"item_id": "a", **line}, {"item_id": "b", **line})
    assert found.loc["first", "suggested_price"] > 5.0
    assert found.loc["a", "suggested_price"] == found.loc["b", "suggested_price"] == 10.99
    apart = told(rails, {"item_id": "b", **line}, {"item_id": "d", **line})
    assert (apart["suggested_price"] == 9.99).all() and (apart["bound_by"] == "price_line").all()


def test_exploration_is_by_chance_logged_and_within_the_rules() -> None:
    items = [{"item_id": f"i{n}"} for n in range(40)] + [{"item_id": "map", "map_price": 10.0, "msrp": 10.0}]
    beliefs = {item["item_id"]: None for item in items}
    rails = Guardrails(exploration=Exploration(share=0.25, step=0.08))
    found = told(rails, *items, **beliefs)
    explored = found[found["is_exploration"]]
    assert len(explored) == 10 and "map" not in explored.index
    assert set(explored["suggested_price"]) <= {9.2, 10.8} and (explored["propensity"] == 0.125).all()
    rest = found[~found["is_exploration"]].drop("map")
    assert (rest["propensity"] == 0.75).all() and (rest["suggested_price"] == 10.0).all()
    again = told(rails, *items, **beliefs)
    pd.testing.assert_frame_equal(found, again)
    assert told(replace(rails, max_changes=8), *items, **beliefs)["is_exploration"].sum() == 2


def test_exploration_leaves_the_night_to_breaches_and_to_what_gains() -> None:
    """Its share of the changes and no more, however many items it might draw from; mends come before it."""
    items = [{"item_id": f"i{n:02d}"} for n in range(90)] + [{"item_id": f"m{n}", "map_price": 10.5} for n in range(6)]
    rails = Guardrails(max_changes=20, exploration=Exploration(share=0.2))
    found = told(rails, *items)
    moved = found["suggested_price"] != found["current_price"]
    assert (moved.sum(), found["is_exploration"].sum()) == (20, 4)
    assert moved[found.index.str.startswith("m")].all()
    scarce = told(replace(rails, max_changes=7), *items)
    assert scarce["is_exploration"].sum() == 1 and (scarce["suggested_price"] != 10.0).sum() == 7
    none_left = told(replace(rails, max_changes=6), *items)
    assert not none_left["is_exploration"].any() and (none_left["suggested_price"] != 10.0).sum() == 6


@pytest.mark.parametrize("limits", [{"max_changes": 4}, {"largest_average_step": 0.02}])
def test_what_is_decided_does_not_depend_on_who_is_drawn(limits: dict[str, Any]) -> None:
    """Else the logged propensity were not that of the price: what one item gives up, another would take."""
    items = [{"item_id": f"i{n}", "cost": 5.0 + n / 8} for n in range(8)]
    every = posterior({item["item_id"]: FLAT for item in items})
    rails = Guardrails(exploration=Exploration(share=0.5), **limits)
    nights = [suggest(rows(*items), every, rails, str(salt), NIGHT).set_index("item_id") for salt in range(12)]
    decided = pd.concat([night.loc[~night["is_exploration"], "suggested_price"] for night in nights])
    assert any(night["is_exploration"].any() for night in nights) and (decided != 10.0).any()
    assert (decided.groupby("item_id").nunique() == 1).all()


def test_chance_and_decisions_together_keep_a_categorys_average() -> None:
    items = [{"item_id": f"i{n}", "category": "AB"[n % 2]} for n in range(40)]
    rails = Guardrails(largest_average_step=0.01, exploration=Exploration(share=0.5))
    for salt in ("one", "two", "three"):
        every = posterior({item["item_id"]: FLAT for item in items})
        found = suggest(rows(*items), every, rails, salt, NIGHT)
        moves = (found["suggested_price"] / found["current_price"] - 1).groupby(found["category"]).mean()
        assert (moves.abs() <= 0.01 + 1e-9).all() and found["is_exploration"].sum() >= 1
        assert (found["suggested_price"] != 10.0)[~found["is_exploration"]].any()


def test_logged_propensities_are_the_shares_of_nights_on_which_it_comes_so() -> None:
    # Of A one item fits, of B all do: what is drawn of A beyond it stays away, and nothing is drawn in its place.
    items = [{"item_id": f"i{n}", "category": "AAAAAABB"[n]} for n in range(8)]
    every, rails = posterior({item["item_id"]: None for item in items}), Guardrails(exploration=Exploration(share=0.5))
    free = {one.item_id: (one, arms(one, 0.08, ())) for one in bounds(rows(*items), rails, NIGHT)}
    category, today = {item["item_id"]: item["category"] for item in items}, dict.fromkeys(every.item_id, 10.0)
    room = Room(category, dict.fromkeys(every.item_id, 100.0), today, {"A": 10.0, "B": 1000.0})
    nights, came, said = 3000, Counter(), {}
    for salt in range(nights):
        drawn, kept = explored(free, rails.exploration, 8, room, str(salt), NIGHT)
        said |= {(item, price): propensity for item, (price, propensity) in drawn.items()} | kept
        came.update((item, price) for item, (price, _) in drawn.items())
        came.update(list(kept))
    assert sum(category[item] == "A" for item, _ in drawn.items()) <= 1
    assert said[("i0", 9.2)] < said[("i7", 9.2)] == 0.25
    for what, propensity in said.items():
        assert came[what] / nights == pytest.approx(propensity, abs=4 * (0.25 / nights) ** 0.5)


def test_no_price_of_chance_is_one_among_which_was_decided() -> None:
    """With few endings the step up is where the decision may go by itself; then chance goes down only."""
    rails = Guardrails(store=Rules(endings=(0.99,)), exploration=Exploration(share=0.5, step=0.08))
    items = [{"item_id": f"i{n}", "price": 19.99, "cost": 15.0} for n in range(20)]
    found = told(rails, *items, **{item["item_id"]: FLAT for item in items})
    drawn = found[found["is_exploration"]]
    assert set(drawn["suggested_price"]) == {18.99} and (drawn["propensity"] == 0.5).all()
    assert set(found.loc[~found["is_exploration"], "suggested_price"]) == {20.99}


@pytest.mark.parametrize(
    ("item", "endings", "elasticity", "price"),
    [
        # The floor lies between two cents; what is nearest below it breaks it.
        ({"price": 9.60, "cost": 9.51}, (), -30.0, 10.02),
        # The ending nearest to the floor lies below it, and there is one above.
        ({"price": 9.60, "map_price": 10.0}, (0.49, 0.99), STEEP, 10.49),
        ({"price": 10.70, "msrp": 10.30}, (0.49, 0.99), FLAT, 9.99),
        # Only what lies on the way has an allowed ending: as far as that.
        ({"price": 9.60, "map_price": 10.0}, (0.99,), STEEP, 9.99),
    ],
)
def test_a_price_that_breaks_a_rule_moves_to_one_that_keeps_it(
    item: dict, endings: tuple, elasticity: float, price: float
) -> None:
    found = told(Guardrails(store=Rules(endings=endings)), {"item_id": "a", **item}, a=elasticity)
    assert found.loc["a", "suggested_price"] == price


def test_a_category_of_one_item_and_one_without_category_are_priced_too() -> None:
    found = told(
        Guardrails(), {"item_id": "a", "category": "Alone"}, {"item_id": "b", "category": None}, a=FLAT, b=FLAT
    )
    assert (found["suggested_price"] > 10.0).all()
