"""Parts of a window that are measured by themselves: kinds of customers, and kinds of what they bought.

Groups of people (age, segment, …) serve measurements alone; no model has them as features.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from jobs.recommendations.frames import GROUPS
from jobs.recommendations.learning import Cut

MIN_CUSTOMERS = 30
FEW_ORDERS = 5
NEW_DAYS = 28
HEAD_SHARE = 0.2
CATEGORIES = 20
WITHOUT_CONSENT = "without consent"


def customer_groups(cut: Cut) -> dict[str, np.ndarray]:
    """``column=value`` → ids, for each group that a store has and at least 30 of the window's buyers are in."""
    who, found = cut.regulars, {}
    for column in GROUPS:
        sizes = who[column].value_counts().sort_index()
        for value in sizes.index[sizes >= MIN_CUSTOMERS] if len(sizes) > 1 else ():
            found[f"{column}={value}"] = who.loc[who[column] == value, "customer_id"].to_numpy(object)
    return found


def activity(cut: Cut) -> dict[str, np.ndarray]:
    """Ids of the window's buyers by how often they had ordered before, newcomers left out."""
    is_few = (cut.regulars["customer_orders"] < FEW_ORDERS).to_numpy()
    ids = cut.regulars["customer_id"].to_numpy(object)
    return {f"under {FEW_ORDERS} orders": ids[is_few], f"{FEW_ORDERS} orders or more": ids[~is_few]}


def item_groups(cut: Cut) -> dict[str, pd.Index]:
    """Kinds of items → ids. Head: the fifth of the items ever sold that sold most units; new: first sold under 28 days
    before the cut, or not yet; categories: the top of the path, the twenty with most buyers."""
    units = cut.sample.groupby("item_id")["units"].sum().sort_index().sort_values(ascending=False, kind="stable")
    head = units.index[: int(len(units) * HEAD_SHARE)]
    items = cut.items.sort_values("item_id", kind="stable")
    every, old = pd.Index(items["item_id"]), pd.Index(items.loc[items["first_age"] >= NEW_DAYS, "item_id"])
    every = every.union(pd.Index(cut.truth["item_id"].unique()))
    found = {"head items": head, "tail items": every.difference(head)}
    found |= {"new items": every.difference(old), "established items": old}
    top = top_categories(cut.items)
    buyers = cut.items.set_index("item_id")["customers_all"].groupby(top).sum().sort_index()
    for name in buyers.sort_values(ascending=False, kind="stable").index[:CATEGORIES]:
        found[f"category={name}"] = pd.Index(top.index[top == name])
    return found


def top_categories(items: pd.DataFrame) -> pd.Series:
    """Item → first step of its category path, empty where it has none."""
    top = items["category"].str.split(">").str[0].str.strip() if items["category"].notna().any() else None
    return pd.Series(None if top is None else top.to_numpy(object), index=items["item_id"], dtype=object)


def parts(cut: Cut) -> Iterator[tuple[str, pd.DataFrame]]:
    """Name and bought pairs of each kind of purchase: again what they had, by who had only looked, by who may have no
    personal list, and the groups of items."""
    for split in ("repeat", "only looked", WITHOUT_CONSENT):
        yield split, cut.bought(split)
    for name, ids in item_groups(cut).items():
        yield name, cut.truth[cut.truth["item_id"].isin(ids)]
