"""The prices of a night from what is believed of demand and what the store allows, in plain frames.

A price is one for everybody: no customer, group or attribute of people is among the inputs, and prices agreed with
business customers are neither read nor changed here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import pandas as pd

from jobs.pricing import exploration, gains, options, portfolio, reasons
from jobs.pricing.bounds import MAKERS, Bounds, bounds
from jobs.pricing.exploration import Room
from jobs.pricing.gains import GainParams
from jobs.pricing.guardrails import PROFIT, REVENUE, Guardrails
from jobs.pricing.posterior import CROSS, NONE, Posterior

QUANTILE, ENDINGS, SMALLEST = "decide_on_quantile", "endings", "smallest_step"
MOST, AVERAGE = "max_changes", "largest_average_step"
NO_FLOOR = -1.0  # of margin: what is desired may lie below any floor, so that the rule that holds it shows
LOOK = 0.15  # how far from today's price evidence is asked at least: what the world's measurements looked at


@dataclass(frozen=True)
class Decision:
    """Tonight's price of an item, the rule that held it (None: none did), and how chance had a part in it."""

    price: float
    bound_by: str | None = None
    is_exploration: bool = False
    propensity: float = 1.0


def suggest(
    rows: pd.DataFrame,
    posterior: Posterior,
    guardrails: Guardrails,
    salt: str,
    as_of: date,
    cleared: Collection[str] = frozenset(),
) -> pd.DataFrame:
    """One row for each of :func:`jobs.pricing.tonight.tonight`, with the columns of
    ``expectations/pricing/price_suggestions.yml`` but currency and model_version. Items ``cleared`` keep their price
    here: what to ask for them is in their markdown plan."""
    posterior = posterior.coming(as_of)
    rows = _believed(rows, posterior, guardrails)
    limits = bounds(rows, guardrails, as_of, cleared)
    lines = _lines(rows, cleared)
    steady = _steady(rows, limits, bounds(rows, guardrails, as_of, cleared, MAKERS), lines)
    params = GainParams(quantile=guardrails.decide_on_quantile, margin_floor=NO_FLOOR)
    targets = _targets(rows, posterior, guardrails, params, _reach(limits))
    every = options.units(steady, targets.tolist(), lines)
    free = _free(limits, lines, every, guardrails)
    mends = sum(len(unit.items) for unit in every if unit.must_move and len(unit.prices))
    count = exploration.most(len(free), guardrails, mends)
    decided = _decided(every, rows, posterior, exploration.rest(guardrails, count), params)
    room = _room(rows, every, decided, guardrails)
    drawn, kept = exploration.explored(free, guardrails.exploration, count, room, salt, as_of)
    for item, (price, propensity) in drawn.items():
        decided[item] = Decision(price, None, True, propensity)
    for item, propensity in kept.items():
        decided[item] = replace(decided[item], propensity=propensity)
    return _told(rows, decided, targets, posterior, guardrails, params)


def _believed(rows: pd.DataFrame, posterior: Posterior, guardrails: Guardrails) -> pd.DataFrame:
    """Items with their elasticities; ``cost`` is null for all where the store wants revenue, ``own_cost`` stays."""
    known = posterior.frame()[["item_id", "evidence", "mean", "low", "high", *CROSS]]
    found = rows.merge(known, on="item_id", how="left").assign(own_cost=rows["cost"].to_numpy(float))
    found["evidence"] = found["evidence"].fillna(NONE)
    rate = posterior.frame().set_index("item_id")["log_rate"].reindex(found["item_id"]).to_numpy(float)
    found["weight"] = found["price"].to_numpy(float) * np.exp(np.nan_to_num(rate, nan=np.log(1e-6)))
    found["category"] = found["category"].astype(object).where(found["category"].notna(), None)
    return found


def _free(
    limits: Sequence[Bounds], lines: Sequence[str | None], every: Sequence[options.Unit], guardrails: Guardrails
) -> dict[str, tuple[Bounds, tuple[float, ...]]]:
    """item → its bounds and the prices of chance that it may have, of items that may move alone."""
    if not guardrails.exploration.share:
        return {}
    offered = {unit.items[0].item_id: unit.prices.ravel().tolist() for unit in every}
    alone = [one for one, line in zip(limits, lines, strict=True) if one.held is None and line is None]
    arms = {one.item_id: exploration.arms(one, guardrails.exploration.step, offered[one.item_id]) for one in alone}
    return {one.item_id: (one, arms[one.item_id]) for one in alone if arms[one.item_id]}


def _room(
    rows: pd.DataFrame, every: Sequence[options.Unit], decided: Mapping[str, Decision], guardrails: Guardrails
) -> Room:
    """How far the average price of each category may still move tonight beside what is decided."""
    shop = rows.set_index("item_id")
    category, weight = shop["category"].fillna("").to_dict(), shop["weight"].to_dict()
    prices = {item: one.price for item, one in decided.items()}
    share = np.inf if guardrails.largest_average_step is None else guardrails.largest_average_step
    moved: defaultdict[str, float] = defaultdict(float)
    for unit in every:
        asked = unit.asked(np.array([prices[one.item_id] for one in unit.items]))
        for one, mended in zip(unit.items, asked, strict=True):
            moved[category[one.item_id]] += weight[one.item_id] * (prices[one.item_id] - mended) / one.price
    left = {name: share * revenue - abs(moved[name]) for name, revenue in _revenue(rows).items()}
    return Room(category, weight, prices, left)


def _revenue(rows: pd.DataFrame) -> pd.Series:
    """What a week brings in by category; items without one are a category of their own."""
    return rows["weight"].groupby(rows["category"].fillna("")).sum()


def _reach(limits: Sequence[Bounds]) -> tuple[np.ndarray, np.ndarray]:
    """How far down and up one looks from each item's price: as far as its rules let it go, so that the rule that holds
    it shows."""
    steps = [(one.rules.largest_step_down, one.rules.largest_step_up) for one in limits]
    down, up = np.maximum(np.array(steps, float).reshape(-1, 2), LOOK).T
    return down, up


def _lines(rows: pd.DataFrame, cleared: Collection[str]) -> list[str | None]:
    """The price line of each item, None for one that is alone in its line. What is being cleared has left it: its plan
    goes its own way, and the others need not stand still till it is gone."""
    lines = rows["price_line"].mask(rows["item_id"].isin(list(cleared)))
    sizes = lines.map(lines.value_counts())
    return [line if size > 1 else None for line, size in zip(lines, sizes, strict=True)]


def _steady(
    rows: pd.DataFrame, limits: Sequence[Bounds], makers: Sequence[Bounds], lines: Sequence[str | None]
) -> list[Bounds]:
    """The bounds within which is decided. Where nothing is known of an item's demand its price stays, unless the
    maker's word on it, or on another of its line, is broken: then ``makers``, its bounds by that alone, count."""
    moves_with = [(line, one.item_id if line is None else "") for one, line in zip(limits, lines, strict=True)]
    mended = {key for one, key in zip(makers, moves_with, strict=True) if one.must_move}
    held = [replace(one, held=one.held or options.NO_EVIDENCE) for one in limits]
    blind = [maker if key in mended else one for maker, one, key in zip(makers, held, moves_with, strict=True)]
    return [one if none else known for one, known, none in zip(blind, limits, rows["evidence"].eq(NONE), strict=True)]


def _decided(
    every: Sequence[options.Unit],
    rows: pd.DataFrame,
    posterior: Posterior,
    guardrails: Guardrails,
    params: GainParams,
) -> dict[str, Decision]:
    """item → decision, as if nothing were explored."""
    members = options.table(every, rows)
    members["value"] = _values(members, rows, posterior, guardrails, params)
    wanted = members if guardrails.largest_average_step is not None else _nearest(members)
    most = guardrails.max_changes
    shop = wanted.assign(category=wanted["category"].fillna(""))
    taken = portfolio.chosen(shop, most, guardrails.largest_average_step, _revenue(rows))
    count = len(members.merge(taken.reset_index(), on=["unit", "option"]))
    full = most is not None and (guardrails.largest_average_step is None or count >= most)
    values = {unit: part.groupby("option")["value"].first() for unit, part in members.groupby("unit")}
    found = {}
    for unit in every:
        option = taken.get(unit.name)
        worth = values.get(unit.name, pd.Series(dtype=float)).to_numpy(float) > 0
        for at, (one, target) in enumerate(zip(unit.items, unit.targets, strict=True)):
            price = one.price if option is None else float(unit.prices[option][at])
            held = _bound_by(unit, one, target, option, worth, full)
            found[one.item_id] = Decision(price, held)
    return found


def _values(
    members: pd.DataFrame, rows: pd.DataFrame, posterior: Posterior, guardrails: Guardrails, params: GainParams
) -> np.ndarray:
    """What decides about an option: the lower quantile of its gain, summed over its items. Revenue that an item without
    a known cost would gain is no match for others' profit: if it gains any, what it is worth is what it gains at the
    usual cost. One that mends a broken rule comes before all others, the worst breach first."""
    if members.empty:
        return np.empty(0)
    value = _low(members, rows, posterior, guardrails, params)
    if guardrails.objective == PROFIT and rows["cost"].isna().nunique() == 2:
        value = np.where(value > 0, _low(members, _usually_costing(rows), posterior, guardrails, params), value)
    first = np.abs(value).sum() + 1.0
    breach = np.abs(np.log(members["asked"])).groupby(members["unit"]).transform("max").to_numpy(float)
    return np.where(members["must_move"], first * (1 + breach) + value, value)


def _low(
    members: pd.DataFrame, rows: pd.DataFrame, posterior: Posterior, guardrails: Guardrails, params: GainParams
) -> np.ndarray:
    """The lower quantile of the gain of each row's option, summed over its items; 0 where nothing is known of one."""
    asked = _expected(members, rows, posterior, guardrails, params)
    low = members.assign(value=asked["gain_low"].to_numpy(float)).groupby(["unit", "option"])["value"]
    return low.transform(lambda values: values.sum(skipna=False)).fillna(0.0).to_numpy(float)


def _usually_costing(rows: pd.DataFrame) -> pd.DataFrame:
    """The items with costs for those that have none: the median share of the price in their category, else in the
    shop."""
    share = rows["cost"] / rows["price"]
    usual = share.groupby(rows["category"].fillna("")).transform("median").fillna(share.median())
    return rows.assign(cost=rows["cost"].fillna(usual * rows["price"]))


def _targets(
    rows: pd.DataFrame,
    posterior: Posterior,
    guardrails: Guardrails,
    params: GainParams,
    reach: tuple[np.ndarray, np.ndarray],
) -> np.ndarray:
    """The price that one would like, today's where nothing is known of an item."""
    if rows["evidence"].eq(NONE).all():
        return rows["price"].to_numpy(float)
    known = gains.desired_price(posterior, _current(rows, guardrails), params, reach)["price"].to_numpy(float)
    return np.where(rows["evidence"].ne(NONE) & np.isfinite(known), known, rows["price"].to_numpy(float))


def _expected(
    asked: pd.DataFrame, rows: pd.DataFrame, posterior: Posterior, guardrails: Guardrails, params: GainParams
) -> pd.DataFrame:
    """What :func:`jobs.pricing.gains.gains` says of each row (item_id, price) of ``asked``; NaN without evidence."""
    if rows["evidence"].eq(NONE).all():
        return pd.DataFrame(np.nan, index=range(len(asked)), columns=list(gains.COLUMNS))
    return gains.gains(posterior, _current(rows, guardrails), asked[["item_id", "price"]], params)


def _current(rows: pd.DataFrame, guardrails: Guardrails) -> pd.DataFrame:
    current = rows[["item_id", "price", "cost"]]
    return current.assign(cost=np.nan) if guardrails.objective == REVENUE else current


def _nearest(members: pd.DataFrame) -> pd.DataFrame:
    """Of each unit the option that is nearest to the desired price and still worth it."""
    worth = members[members["value"] > 0]
    last = worth.groupby("unit")["option"].transform("max")
    return worth[worth["option"] == last]


def _bound_by(
    unit: options.Unit, one: Bounds, target: float, option: int | None, worth: np.ndarray, full: bool
) -> str | None:
    """The rule without which the price would be another; None where none held it."""
    if unit.held is not None:
        return one.held or options.LINE
    side = _side(unit, one, target)
    if option is None:
        if abs(target / one.price - 1) < 1e-9 and not unit.must_move:
            return None  # it is where it should be
        if not len(unit.prices):
            return _no_option(unit, one, side)
        return (MOST if full else AVERAGE) if worth.any() else QUANTILE
    if option < len(unit.prices) - 1:
        return AVERAGE if worth[option + 1 :].any() else QUANTILE
    reached = abs(float(unit.prices[option][unit.items.index(one)]) - target) < 0.51 * one.rules.smallest_unit
    if side is not None or reached:
        return side
    return options.LINE if len(unit.items) > 1 else ENDINGS if one.rules.endings else None


def _side(unit: options.Unit, one: Bounds, target: float) -> str | None:
    """The rule that ends the way to the desired price: the item's own, or its line where another's ends it before."""
    if len(unit.items) == 1:
        return one.low_rule if target < one.low - 1e-9 else one.high_rule if target > one.high + 1e-9 else None
    ratio, low, high = options.wanted(unit.items, unit.targets)
    if ratio > high + 1e-9:
        return one.high_rule if one.high / one.price < high + 1e-9 else options.LINE
    if ratio < low - 1e-9:
        return one.low_rule if one.low / one.price > low - 1e-9 else options.LINE
    return None


def _no_option(unit: options.Unit, one: Bounds, side: str | None) -> str | None:
    ratio, low, high = options.wanted(unit.items, unit.targets)
    smallest = max(1e-9, *(each.rules.smallest_step for each in unit.items))
    if low <= high and abs(np.clip(ratio, low, high) - 1) < smallest:
        return side or SMALLEST
    if len(unit.items) > 1:
        return options.LINE
    return ENDINGS if one.rules.endings else SMALLEST


def _told(
    rows: pd.DataFrame,
    decided: Mapping[str, Decision],
    targets: np.ndarray,
    posterior: Posterior,
    guardrails: Guardrails,
    params: GainParams,
) -> pd.DataFrame:
    """The table's rows: before and after, what is expected of both, and why."""
    made = [decided[item] for item in rows["item_id"]]
    after = rows[["item_id"]].assign(price=[one.price for one in made])
    now = _expected(rows, rows, posterior, guardrails, params)
    then = _expected(after, rows, posterior, guardrails, params)
    table = pd.DataFrame(
        {
            "item_id": rows["item_id"],
            "category": rows["category"],
            "current_price": rows["price"],
            "suggested_price": after["price"],
            "desired_price": np.round(targets, 4),
            "bound_by": [one.bound_by for one in made],
            "elasticity": rows["mean"],
            "elasticity_low": rows["low"],
            "elasticity_high": rows["high"],
            "evidence": rows["evidence"],
            **{name: rows[name] for name in CROSS},
            "objective": np.where(
                (guardrails.objective == PROFIT) & rows["own_cost"].notna().to_numpy(), PROFIT, REVENUE
            ),
        }
    )
    for name in ("units", "profit"):
        table[f"expected_{name}_now"] = now[name].to_numpy(float)
        table[f"expected_{name}_suggested"] = then[name].to_numpy(float)
        table[f"expected_{name}_low"] = then[f"{name}_low"].to_numpy(float)
        table[f"expected_{name}_high"] = then[f"{name}_high"].to_numpy(float)
    table["expected_gain"] = then["gain"].to_numpy(float)
    table["expected_gain_low"] = then["gain_low"].to_numpy(float)
    table["cost"], table["competitor_price"] = rows["own_cost"], rows["competitor_price"]
    table["is_exploration"] = [one.is_exploration for one in made]
    table["propensity"] = [one.propensity for one in made]
    table["reason"] = reasons.reasons(table, reasons.notes(rows))
    return table
