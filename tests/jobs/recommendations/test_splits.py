"""Parts of a window by hand: who is in a group, which items are the head, what was bought again."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from jobs.recommendations import splits
from jobs.recommendations.learning import Cut

from . import small_shop

DAY = date(2025, 9, 1)


@pytest.fixture(scope="module")
def cut() -> Cut:
    return small_shop.cut(small_shop.orders(), DAY)


def frame(**columns) -> pd.DataFrame:
    return pd.DataFrame(columns)


def by_hand(**changed) -> Cut:
    """Ten items that sold 1 to 10 units; the last is new, one more was not sold yet."""
    names = [f"i{n}" for n in range(1, 11)]
    items = frame(item_id=[*names, "later"], first_age=[90.0] * 9 + [27.0, np.nan], category=None, customers_all=1)
    sample = frame(item_id=names, units=range(1, 11))
    truth = frame(customer_id=["a", "a"], item_id=["i10", "unknown"])
    parts = {"day": DAY, "items": items, "sample": sample, "pairs": sample, "truth": truth, "segments": sample}
    return Cut(**{**parts, **changed})


def test_head_and_tail_new_and_established_divide_all_items():
    found = splits.item_groups(by_hand())
    assert sorted(found["head items"]) == ["i10", "i9"]
    assert sorted(found["new items"]) == ["i10", "later", "unknown"]
    for one, other in (("head items", "tail items"), ("new items", "established items")):
        assert not set(found[one]) & set(found[other])
        assert len(found[one]) + len(found[other]) == 12


def test_categories_are_the_tops_of_their_paths(cut):
    assert {name for name in splits.item_groups(cut) if "=" in name} == {"category=home"}


def test_groups_are_of_thirty_customers_and_kinds_with_several_values(cut):
    groups = splits.customer_groups(cut)
    assert set(groups) == {"age_band=18-39", "age_band=40-99", "country=Britain", "is_business=False"}
    assert all(len(ids) >= 30 and len(set(ids)) == len(ids) for ids in groups.values())
    few, many = splits.activity(cut).values()
    orders = cut.pairs.drop_duplicates("customer_id").set_index("customer_id")["customer_orders"]
    assert orders[few].max() < 5 <= orders[many].min()


def test_repeat_and_discovery_divide_what_customers_with_history_bought(cut):
    new, again = cut.bought("discovery"), dict(splits.parts(cut))["repeat"]
    own = set(zip(cut.pairs["customer_id"], cut.pairs["item_id"], strict=True))
    assert len(again) and all(pair in own for pair in zip(again["customer_id"], again["item_id"], strict=True))
    assert len(again) + len(new) == cut.truth["customer_id"].isin(cut.pairs["customer_id"]).sum()
