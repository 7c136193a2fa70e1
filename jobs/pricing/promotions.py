"""What past promotions did: to the items in them, to the others of their category, and to the weeks after.

What would have sold is an item's mean over clean weeks nearby, moved by how never-promoted items of categories without
a promotion went in the same weeks (difference in differences, with a ratio for the difference). Clean are weeks without
a promotion or an empty shelf and not right after a promotion; for the others of a category also without any promotion
in it, so that a category with campaigns in every week has no figure of cannibalisation. A week counts by the days of it
that were promoted: what it sold beside its expectation is theirs. Intervals are a bootstrap over clusters, the cases of
a campaign in a category together, since these had the same weeks (Cameron, Gelbach and Miller 2008, Review of Economics
and Statistics 90).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

COLUMNS = ("scope", "name", "effect", "value", "low", "high", "units", "cases")
LIFT, CANNIBALISATION, PULL_FORWARD = "lift", "cannibalisation", "pull_forward"
EVERYTHING = "all"
DURING, AFTER = "during", "after"
DAY, WEEK = np.timedelta64(1, "D"), np.timedelta64(7, "D")


@dataclass(frozen=True)
class EffectParams:
    """``nearby_weeks`` on both sides may be clean weeks, of which ``fewest_clean`` are needed; ``after_weeks`` can show
    what a promotion took from later sales; the newest ``promotions`` get rows of their own; intervals are told from
    ``fewest_clusters`` on, at these quantiles of ``draws``."""

    nearby_weeks: int = 8
    fewest_clean: int = 3
    after_weeks: int = 2
    promotions: int = 50
    fewest_clusters: int = 5
    draws: int = 300
    quantiles: tuple[float, float] = (0.1, 0.9)
    seed: int = 11


def effects(panel: pd.DataFrame, promotions: pd.DataFrame, params: EffectParams = EffectParams()) -> pd.DataFrame:
    """``COLUMNS``, one row a scope, name and effect.

    ``panel`` as :mod:`jobs.pricing.panel` makes it; ``promotions``: ``promotion_id, item_id, starts_on, ends_on``.
    """
    if panel.empty or promotions.empty:
        return pd.DataFrame(columns=list(COLUMNS))
    weeks = _weeks_of(promotions, panel, params)
    rows = _marked(panel, weeks)
    rows["expected"] = _expected(rows, params)
    rows = rows[rows["expected"] > 0]
    cases = pd.concat([_during(rows, weeks), _others(rows, weeks), _after(rows, weeks)], ignore_index=True)
    newest = set(promotions.sort_values("starts_on")["promotion_id"].drop_duplicates(keep="last")[-params.promotions :])
    found = [_figure(*key, part, params) for key, part in _scopes(cases, newest)]
    return pd.DataFrame(found, columns=list(COLUMNS))


def _weeks_of(promotions: pd.DataFrame, panel: pd.DataFrame, params: EffectParams) -> pd.DataFrame:
    """``promotion_id, item_id, week, phase, share``: weeks that a promotion touched (during), with the share of their
    days on which it ran, and those after it (after)."""
    starts, ends = pd.to_datetime(promotions["starts_on"]), pd.to_datetime(promotions["ends_on"])
    anchor = pd.to_datetime(panel["week"]).min()  # weeks begin with the weekday of the panel's
    first, last = (days - pd.to_timedelta((days - anchor).dt.days % 7, unit="D") for days in (starts, ends))
    count = ((last - first).dt.days // 7 + 1).clip(upper=params.nearby_weeks)
    parts = []
    for phase, offset, many in ((DURING, 0 * count, count), (AFTER, count, 0 * count + params.after_weeks)):
        at = np.repeat(np.arange(len(promotions)), many)
        nth = np.concatenate([np.arange(n) for n in many]) if len(many) else np.empty(0)
        week = (first.to_numpy()[at] + pd.to_timedelta(7 * (offset.to_numpy()[at] + nth), unit="D")).to_numpy()
        end, begin = np.minimum(ends.to_numpy()[at], week + WEEK - DAY), np.maximum(starts.to_numpy()[at], week)
        share = (end - begin + DAY) / WEEK if phase == DURING else 1.0
        parts.append(promotions.iloc[at][["promotion_id", "item_id"]].assign(week=week, phase=phase, share=share))
    # A promotion may have run twice in one week; a week in which it ran is none after it.
    keys = ["promotion_id", "item_id", "week"]
    once = pd.concat(parts, ignore_index=True).groupby([*keys, "phase"], as_index=False)["share"].sum()
    once["share"] = once["share"].clip(upper=1.0)
    return once.sort_values("phase", ascending=False, kind="stable").drop_duplicates(keys)


def _marked(panel: pd.DataFrame, weeks: pd.DataFrame) -> pd.DataFrame:
    """The panel with what a week was to an item: promoted, right after, and whether its category had a promotion."""
    rows = panel.assign(category=panel["category"].fillna(EVERYTHING), week=pd.to_datetime(panel["week"]))
    for phase in (DURING, AFTER):
        key = weeks.loc[weeks["phase"] == phase, ["item_id", "week"]].drop_duplicates()
        rows = rows.merge(key.assign(**{phase: True}), on=["item_id", "week"], how="left")
        rows[phase] = rows[phase].eq(True)
    rows["in_category"] = rows.groupby(["category", "week"])["during"].transform("any")
    rows["is_clean"] = ~(rows["during"] | rows["after"] | rows["is_promotion"] | rows["is_stockout"])
    return rows.sort_values(["item_id", "week"], kind="stable", ignore_index=True)


def _expected(rows: pd.DataFrame, params: EffectParams) -> np.ndarray:
    """Units that a row's week would have had: the mean pace of clean weeks nearby, times the shop's pace; NaN where too
    few weeks are clean. Items that share a promotion's category need weeks in which it had none."""
    never = ~rows.groupby("item_id")["during"].transform("any")
    usual = rows.groupby("item_id")["units"].transform("mean")
    # Mates of what is promoted lose by it: they are no control in that week.
    control = rows[never & ~rows["in_category"] & ~rows["is_stockout"] & (usual > 0)]
    sums = control.assign(usual=usual).groupby("week")[["units", "usual"]].sum()
    index = rows["week"].map((sums["units"] / sums["usual"]).clip(lower=0.05)).fillna(1.0)
    clean = rows["is_clean"] & (rows["during"] | rows["after"] | ~rows["in_category"] | _is_promoted_item(rows))
    paced = pd.DataFrame({"units": rows["units"].where(clean), "index": index.where(clean), "n": clean.astype(float)})
    width = 2 * params.nearby_weeks + 1
    near = (
        paced.groupby(rows["item_id"]).rolling(width, center=True, min_periods=1).sum().reset_index(level=0, drop=True)
    )
    near = near.sort_index()
    expected = near["units"] / near["index"] * index
    return np.where(near["n"] >= params.fewest_clean, expected, np.nan)


def _is_promoted_item(rows: pd.DataFrame) -> pd.Series:
    return rows.groupby("item_id")["during"].transform("any")


def _during(rows: pd.DataFrame, weeks: pd.DataFrame) -> pd.DataFrame:
    """Promoted items in the weeks of their promotions."""
    return _summed(rows, weeks[weeks["phase"] == DURING], LIFT)


def _after(rows: pd.DataFrame, weeks: pd.DataFrame) -> pd.DataFrame:
    """Promoted items in the weeks after, unless promoted again."""
    return _summed(rows[~rows["during"] & ~rows["is_promotion"]], weeks[weeks["phase"] == AFTER], PULL_FORWARD)


def _others(rows: pd.DataFrame, weeks: pd.DataFrame) -> pd.DataFrame:
    """Items never promoted, in the weeks in which others of their category were."""
    categories = rows[["item_id", "category"]].drop_duplicates()
    touched = weeks[weeks["phase"] == DURING].merge(categories, on="item_id")
    touched = touched.groupby(["promotion_id", "category", "week"], as_index=False)["share"].max()
    still = rows[~_is_promoted_item(rows) & ~rows["is_stockout"]]
    found = still.merge(touched, on=["category", "week"])
    return _cases(found, CANNIBALISATION)


def _summed(rows: pd.DataFrame, weeks: pd.DataFrame, effect: str) -> pd.DataFrame:
    found = rows[~rows["is_stockout"]].merge(
        weeks[["promotion_id", "item_id", "week", "share"]], on=["item_id", "week"]
    )
    return _cases(found, effect)


def _cases(found: pd.DataFrame, effect: str) -> pd.DataFrame:
    """Sums of an item's weeks in a promotion, and of those that no other promotion has (``_once``). Of a week promoted
    in part the other days are taken to have sold as expected."""
    promoted = found["expected"] * found["share"]
    counted = found.assign(units=found["units"] - found["expected"] + promoted, expected=promoted)
    # Of several campaigns in one week the one that ran longest in it has the week where all are summed.
    order = counted.sort_values(["share", "promotion_id"], ascending=[False, True], kind="stable")
    is_first = ~order.duplicated(["item_id", "week"]).reindex(counted.index)
    sums = {name: counted[name].where(is_first, 0.0) for name in ("units", "expected")}
    counted = counted.assign(units_once=sums["units"], expected_once=sums["expected"])
    keys, figures = ["promotion_id", "item_id", "category"], ["units", "expected", "units_once", "expected_once"]
    return counted.groupby(keys, as_index=False)[figures].sum().assign(effect=effect)


def _scopes(cases: pd.DataFrame, newest: set) -> Iterator[tuple[tuple[str, str, str], pd.DataFrame]]:
    """An item's week counts once in a category, however many campaigns ran in it."""
    once = cases[cases["expected_once"] > 0]
    once = once.assign(units=once["units_once"], expected=once["expected_once"])
    for effect, part in once.groupby("effect", sort=True):
        yield (EVERYTHING, EVERYTHING, str(effect)), part
    for (category, effect), part in once.groupby(["category", "effect"], sort=True):
        yield ("category", str(category), str(effect)), part
    for (promotion, effect), part in cases[cases["promotion_id"].isin(newest)].groupby(["promotion_id", "effect"]):
        yield ("promotion", str(promotion), str(effect)), part


def _figure(scope: str, name: str, effect: str, part: pd.DataFrame, params: EffectParams) -> tuple:
    clusters = part.groupby(["promotion_id", "category"])[["units", "expected"]].sum()
    units, expected = clusters["units"].to_numpy(float), clusters["expected"].to_numpy(float)
    low = high = np.nan
    if len(clusters) >= params.fewest_clusters:
        drawn = np.random.default_rng(params.seed).integers(0, len(clusters), (params.draws, len(clusters)))
        ratios = units[drawn].sum(axis=1) / expected[drawn].sum(axis=1) - 1
        low, high = np.quantile(ratios, params.quantiles)
    value = units.sum() / expected.sum() - 1
    return scope, name, effect, value, low, high, units.sum() - expected.sum(), len(part)
