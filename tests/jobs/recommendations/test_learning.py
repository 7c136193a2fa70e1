"""What a ranker is told of a pair, bought above put into a cart above viewed above nothing, and of whom it is told."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from jobs.recommendations import frames
from jobs.recommendations.learning import Window, together, window
from jobs.recommendations.ranker import RankerParams
from jobs.recommendations.score import BLOCK_CUSTOMERS
from tests.jobs.recommendations import small_shop

DAY = small_shop.FIRST_DAY + timedelta(days=250)


@pytest.fixture(scope="module")
def seen() -> Window:
    return window(small_shop.cut(small_shop.orders(), DAY))


def looked(seen: Window) -> pd.DataFrame:
    """A candidate that was viewed, one put into a cart, one bought after a view, and one that is no candidate."""
    bought, other = np.flatnonzero(seen.is_bought)[0], np.flatnonzero(~seen.is_bought)[:2]
    at = [*other, bought]
    who = [*seen.customer_ids[seen.found.row[at]], "nobody"]
    what = [*seen.catalogue.item_ids[seen.found.column[at]], "nothing"]
    return pd.DataFrame({"customer_id": who, "item_id": what, "grade": [1, 2, 1, 2]})


def test_grades_come_to_the_pairs_they_are_of(seen: Window) -> None:
    graded = replace(seen, cut=replace(seen.cut, looked=looked(seen)))
    params = RankerParams(negatives=10**6)
    examples = graded.examples("all", params)
    assert examples.grade is not None and (examples.grade[examples.is_bought] == frames.BOUGHT).all()
    rest = examples.grade[~examples.is_bought]
    buyers = graded.customer_ids[np.unique(graded.found.row[graded.is_bought])]
    two = looked(seen).iloc[:2]
    expected = two.loc[two["customer_id"].isin(buyers), "grade"]
    assert sorted(rest[rest > 0]) == sorted(expected) and len(expected)
    assert seen.examples("all", params).grade is None
    both = together([examples, examples])
    assert both.grade is not None and len(both.grade) == 2 * len(examples.grade)
    # Of a window whose events are gone only the purchases are told, and the others stay graded.
    gone = replace(seen, cut=replace(seen.cut, looked=looked(seen).iloc[:0].astype(object))).examples("all", params)
    assert (gone.grade == np.where(gone.is_bought, frames.BOUGHT, 0)).all()


def test_a_block_of_customers_of_whose_items_none_is_known_brings_nothing(seen: Window) -> None:
    stranger = seen.cut.pairs.iloc[:1].assign(item_id="gone")
    strangers = pd.concat([stranger.assign(customer_id=f"a{number:03d}") for number in range(BLOCK_CUSTOMERS)])
    found = window(replace(seen.cut, pairs=pd.concat([strangers, seen.cut.pairs])))
    assert list(found.customer_ids) == list(seen.customer_ids)
    pd.testing.assert_frame_equal(found.found.features, seen.found.features)
    assert (found.is_bought == seen.is_bought).all()
    nobody = window(replace(seen.cut, pairs=strangers))
    assert not len(nobody.customer_ids) and not len(nobody.is_bought)
