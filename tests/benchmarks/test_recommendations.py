"""What counts as the tail, by hand."""

from __future__ import annotations

import pandas as pd

from benchmarks.recommendations import tails


def test_a_tail_is_outside_the_fifth_that_is_ordered_most_or_of_which_most_units_are_sold():
    """Of five items one is ordered most (thrice in a basket counts once), and another sold in the greatest number."""
    lines = [("a", "o1", 1), ("a", "o2", 1), ("b", "o1", 1), ("b", "o1", 1), ("b", "o1", 1), ("c", "o1", 90)]
    lines += [("d", "o1", 2), ("e", "o2", 2)]
    history = pd.DataFrame(lines, columns=["item_id", "order_id", "units"])
    truth = pd.DataFrame({"customer_id": ["known", "new", "new", "known"], "item_id": list("acbx")})
    by_orders, by_units = tails(history, truth)
    assert list(by_orders["item_id"]) == ["c", "b", "x"]
    assert list(by_units["item_id"]) == ["a", "b", "x"]
