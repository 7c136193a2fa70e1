"""Lists of a night through Spark: no number of partitions changes them, and the table keeps its contract."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest
from pyspark.sql import functions as F

from jobs.recommendations.for_customer import for_customer

from .conftest import AS_OF, STORE, collected, kept


@pytest.mark.parametrize("kind", ["champion", "trained_champion"])
def test_lists_do_not_depend_on_partitions_and_keep_their_contracts(tables, kind, home, request):
    """By baselines, and by a model, whose trees and places among a customer's candidates see the rows of a block."""
    champion = request.getfixturevalue(kind)
    inputs = {name: tables[name] for name in ("customer_item", "item", "customer", "order_lines")}
    settings = replace(home, control_share=0.1)
    found = for_customer(**inputs, as_of=AS_OF, store=STORE, champion=champion, settings=settings)
    lists = collected(found, "recommendations.for_customer")
    for name in ("customer_item", "order_lines"):
        inputs[name] = inputs[name].orderBy(F.desc("item_id")).repartition(3)
    other = for_customer(
        **inputs, as_of=AS_OF, store=STORE, champion=champion, settings=replace(settings, shuffle_partitions=3)
    )
    pd.testing.assert_frame_equal(collected(other, "recommendations.for_customer"), lists)
    assert set(lists["variant"]) == {"model", "control"}
    kept(lists, "recommendations.for_customer")
