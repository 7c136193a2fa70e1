"""Which of the wanted changes are made tonight, over the whole shop at once: an integer programme.

    maximise  Σ value·x   so that   each unit takes at most one option, at most N items change, and the average price of
    a category (weighted by revenue) moves by no more than a share, beside what broken rules ask for.

A unit is an item, or a line of items that move together. Solved by HiGHS (Huangfu and Hall, 2018) through SciPy's
``milp``; without the category's bound only the best option of each unit matters and the programme stays small.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import coo_matrix, vstack

GAP = 1e-3  # of the best sum of gains: below what any of them is known to
NODES = 5_000  # a limit that does not depend on the machine, unlike seconds: the same night gives the same prices


def chosen(
    members: pd.DataFrame,
    max_changes: int | None,
    largest_average_step: float | None,
    revenue: pd.Series,
) -> pd.Series:
    """unit → option taken, for the units that change.

    ``members`` has one row an item of an option: ``unit, option, value`` (of the whole option, the same in all its
    rows), ``category, weight`` (the item's revenue a week), ``ratio`` (new price over old), ``must_move`` (it mends a
    broken rule, which is worth more than all that does not) and ``asked`` (how much of the ratio such a rule asks for,
    which no average holds back; 1 where none does). ``revenue`` is that of each category, all its items together.
    Values of 0 or less are never taken.
    """
    members = members[members["value"] > 0].reset_index(drop=True)
    if members.empty:
        return pd.Series([], index=pd.Index([], name="unit"), name="option", dtype=int)
    if largest_average_step is None:
        best = members.sort_values(["unit", "value", "option"], ascending=[True, False, True], kind="stable")
        best = best.drop_duplicates("unit")[["unit", "option"]]
        members = members.merge(best, on=["unit", "option"])
    options = members.groupby(["unit", "option"], sort=True).agg(
        value=("value", "first"), changes=("ratio", "size"), mends=("must_move", "first")
    )
    options = options.reset_index()
    if largest_average_step is None and (max_changes is None or options["changes"].sum() <= max_changes):
        return options.set_index("unit")["option"]
    taken = _solved(options, members, max_changes, largest_average_step, revenue)
    return options[taken].set_index("unit")["option"]


def _solved(
    options: pd.DataFrame,
    members: pd.DataFrame,
    max_changes: int | None,
    largest_average_step: float | None,
    revenue: pd.Series,
) -> np.ndarray:
    size, column = len(options), np.arange(len(options))
    unit = pd.factorize(options["unit"])[0]
    rows = [coo_matrix((np.ones(size), (unit, column)), shape=(unit.max() + 1, size))]
    lows, highs = [np.full(unit.max() + 1, -np.inf)], [np.ones(unit.max() + 1)]
    if max_changes is not None:
        changes = options["changes"].to_numpy(float)
        rows.append(coo_matrix((changes, (np.zeros(size, int), column)), shape=(1, size)))
        lows.append(np.array([-np.inf]))
        highs.append(np.array([float(max_changes)]))
    if largest_average_step is not None:
        place = pd.Series(column, index=pd.MultiIndex.from_frame(options[["unit", "option"]]))
        at = place.loc[pd.MultiIndex.from_frame(members[["unit", "option"]])].to_numpy()
        code, names = pd.factorize(members["category"], sort=True)
        push = members["weight"].to_numpy(float) * (members["ratio"] - members["asked"]).to_numpy(float)
        rows.append(coo_matrix((push, (code, at)), shape=(len(names), size)))
        allowed = largest_average_step * revenue.reindex(names).to_numpy(float)
        lows.append(-allowed)
        highs.append(allowed)
    limits = LinearConstraint(vstack(rows).tocsr(), np.concatenate(lows), np.concatenate(highs))
    value = options["value"].to_numpy(float)
    best = options.groupby("unit").agg(value=("value", "max"), least=("value", "min"), mends=("mends", "first"))
    # Of what gains, where some mend: beside what these are worth the whole of it would be within the gap.
    gained = best["value"] - best["least"].where(best["mends"].astype(bool), 0.0)
    gaining = gained.sum() / best["value"].sum() or 1.0
    solved = milp(
        -value / value.max(),
        constraints=limits,
        integrality=np.ones(size),
        bounds=Bounds(0, 1),
        options={"mip_rel_gap": GAP * gaining, "node_limit": NODES},
    )
    if solved.x is None:
        raise RuntimeError(f"the programme of price changes was not solved: {solved.message}")
    return solved.x > 0.5
