"""A small shop in plain frames: three tastes, popular items, a few newcomers among items and customers."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pandas as pd

from jobs.recommendations.learning import Cut

ITEMS, CUSTOMERS = 90, 120
KINDS = ("lamp", "mug", "scarf")
COLOURS = ("red", "blue", "green", "white", "black", "grey")
FIRST_DAY = date(2025, 1, 1)


def orders(days: int = 300, seed: int = 4) -> pd.DataFrame:
    """Lines of ``days`` days: customer_id, item_id, order_id, day, units, price. Each customer has one taste in three,
    comes back at a rate of their own and buys some items again."""
    generator = np.random.default_rng(seed)
    weight = 1 / np.arange(1, ITEMS // 3 + 1)
    rows = []
    for customer in range(CUSTOMERS):
        rate, since = generator.uniform(0.02, 0.12), generator.integers(0, days)
        favourites = generator.choice(ITEMS // 3, 4, replace=False)
        for day in range(days):
            if day < since or generator.random() > rate:
                continue
            taste = customer % 3 if generator.random() < 0.85 else generator.integers(0, 3)
            new = generator.choice(ITEMS // 3, generator.integers(1, 5), p=weight / weight.sum())
            held = set(new) | {item for item in favourites if generator.random() < 0.4}
            for item in sorted(held):
                number = int(taste) * (ITEMS // 3) + int(item)
                rows.append((f"c{customer:03d}", f"i{number:03d}", f"o{customer:03d}-{day:03d}", day, 1 + item % 3))
    lines = pd.DataFrame(rows, columns=["customer_id", "item_id", "order_id", "day", "units"])
    lines["price"] = 2.0 + lines["item_id"].str[1:].astype(int) % 7
    lines["day"] = [FIRST_DAY + timedelta(days=int(day)) for day in lines["day"]]
    return lines


def item_frame(lines: pd.DataFrame, as_of: date) -> pd.DataFrame:
    """What :func:`jobs.recommendations.frames.item_rows` gives for these lines."""
    known = _aged(lines, as_of)
    pairs = pair_frame(lines, as_of)
    ids = [f"i{number:03d}" for number in range(ITEMS)]
    items = pd.DataFrame({"item_id": ids})
    items["title"] = [
        f"{COLOURS[n % 6]} {KINDS[n // (ITEMS // 3)]} {'small' if n % 2 else 'large'}" for n in range(ITEMS)
    ]
    items["category"] = [f"home > {KINDS[n // (ITEMS // 3)]}" for n in range(ITEMS)]
    items["brand"], items["attributes"], items["sold_in"] = None, None, None
    items["is_active"], items["is_restricted"], items["on_hand"] = True, False, np.nan
    items["price"] = 2.0 + np.arange(ITEMS) % 7
    by_item = known.groupby("item_id")

    def put(name: str, values: pd.Series) -> None:
        items[name] = values.reindex(ids).to_numpy(float)

    for days in (7, 14, 28, 56):
        put(f"customers_{days}d", known[known["age"] < days].groupby("item_id")["customer_id"].nunique())
    put("customers_all", by_item["customer_id"].nunique())
    recent = known[known["age"] < 28].groupby("item_id")
    put("orders_28d", recent["order_id"].nunique())
    put("orders_season", known[(known["age"] < 364) & (known["age"] >= 336)].groupby("item_id")["order_id"].nunique())
    put("units_28d", recent["units"].sum())
    put("mean_units", by_item["units"].mean())
    for days in (5, 14, 45):
        put(f"decayed_{days}d", (2.0 ** (-known["age"] / days)).groupby(known["item_id"]).sum())
    is_first = pairs["first_age"] == pairs.groupby("customer_id")["first_age"].transform("max")
    begun, later = pairs[is_first], pairs[~is_first]
    put("first_basket_28d", begun[begun["first_age"] < 28].groupby("item_id").size())
    put("first_basket_decayed_14d", (2.0 ** (-begun["first_age"] / 14)).groupby(begun["item_id"]).sum())
    for days in (10, 28):
        put(f"discoveries_{days}d", later[later["first_age"] < days].groupby("item_id").size())
    put("repeat_rate", (pairs["orders"] > 1).groupby(pairs["item_id"]).mean())
    for name in ("views_28d", "carts_28d", "impressions_28d"):
        items[name] = 0.0
    numbers = items.columns.difference(["on_hand", "title", "category", "brand", "attributes", "sold_in"])
    items[numbers] = items[numbers].fillna(0)
    put("first_age", by_item["age"].max())
    put("last_age", by_item["age"].min())
    return items


def pair_frame(lines: pd.DataFrame, as_of: date) -> pd.DataFrame:
    """What :func:`jobs.recommendations.frames.pair_rows` gives for these lines, sorted."""
    known = _aged(lines, as_of)
    for days in (14, 30, 90):
        known[f"w{days}"] = 2.0 ** (-known["age"] / days)
    known["recent"] = (known["age"] < 28).astype(float)
    pairs = (
        known.groupby(["customer_id", "item_id"])
        .agg(
            orders=("order_id", "nunique"),
            units=("units", "sum"),
            orders_28d=("recent", "sum"),
            decayed_14d=("w14", "sum"),
            decayed_30d=("w30", "sum"),
            decayed_90d=("w90", "sum"),
            first_age=("age", "max"),
            last_age=("age", "min"),
        )
        .reset_index()
    )
    baskets = known.groupby(["customer_id", "order_id"]).agg(age=("age", "min"), items=("item_id", "nunique"))
    per_customer = baskets.groupby("customer_id").agg(
        customer_orders=("age", "size"),
        customer_age=("age", "max"),
        customer_recency=("age", "min"),
        items_per_order=("items", "mean"),
    )
    pairs = pairs.merge(per_customer.reset_index(), on="customer_id")
    pairs["orders_since"] = np.maximum(pairs["last_age"] - pairs["customer_recency"], 0) // 10
    pairs["mean_gap_days"] = (pairs["customer_age"] - pairs["customer_recency"]) / (pairs["customer_orders"] - 1)
    pairs["mean_gap_days"] = pairs["mean_gap_days"].replace(np.inf, np.nan)
    pairs["value_per_order"], pairs["customer_price"], pairs["repeat_share"] = 10.0, 4.0, 0.3
    for name in ("views_28d", "carts_28d", "customer_views"):
        pairs[name] = 0.0
    pairs["viewed_age"], pairs["carted_age"] = np.nan, np.nan
    pairs["country"] = np.where(pairs["customer_id"].str[1:].astype(int) % 4 == 0, "France", "Britain")
    pairs["is_restricted_allowed"] = False
    number = pairs["customer_id"].str[1:].astype(int)
    pairs["channel"], pairs["segment"], pairs["age_band"] = None, None, np.where(number % 2, "18-39", "40-99")
    pairs["is_business"] = number % 10 == 0
    return pairs.sort_values(["customer_id", "item_id"]).reset_index(drop=True)


def cut(lines: pd.DataFrame, as_of: date) -> Cut:
    """The frames of a training cut."""
    pairs = pair_frame(lines, as_of)
    end = as_of + timedelta(days=28)
    later = lines[(lines["day"] > as_of) & (lines["day"] <= end)]
    truth = later[["customer_id", "item_id"]].drop_duplicates().sort_values(["customer_id", "item_id"])
    truth["has_ordered"] = truth["customer_id"].isin(pairs["customer_id"])
    return Cut(
        as_of,
        item_frame(lines, as_of),
        pairs,
        pairs[pairs["customer_id"].isin(set(truth["customer_id"]))].reset_index(drop=True),
        truth.reset_index(drop=True),
        segments(pairs),
    )


def segments(pairs: pd.DataFrame) -> pd.DataFrame:
    """What :func:`jobs.recommendations.for_newcomer.segment_popularity` gives, for countries."""
    rows = pairs.groupby(["country", "item_id"])["decayed_90d"].sum().rename("weight").reset_index()
    rows = rows.rename(columns={"country": "value"})
    rows["customers"] = rows["value"].map(pairs.groupby("country")["customer_id"].nunique())
    rows.insert(0, "kind", "country")
    return rows


def _aged(lines: pd.DataFrame, as_of: date) -> pd.DataFrame:
    known = lines[lines["day"] <= as_of].copy()
    known["age"] = [float((as_of - day).days) for day in known["day"]]
    return known
