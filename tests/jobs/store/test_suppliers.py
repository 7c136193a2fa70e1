"""What people wanted beside what was sold, who delivers, what is on its way and what comes back."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
from pyspark.sql import SparkSession

from jobs.store import suppliers
from jobs.store.truth import Truth
from jobs.store.world import WorldParams


def landed(month: Truth, kind: str, day: date, separator: str) -> pd.DataFrame:
    """A raw file of the day."""
    return pd.read_csv(month.folder.parent / "landing" / f"{kind}-{day}.csv", sep=separator, dtype=str)


def test_demand_is_what_was_sold_and_what_people_went_without(month: Truth) -> None:
    every = pd.concat([month.demand(day).assign(day=day) for day in month.days()])
    assert (every["demand"] >= every["units"]).all() and every["demand"].sum() > every["units"].sum()
    # Who finds an empty shelf in the morning buys nothing; the evening's count of nothing flags the day as censored.
    assert every.loc[~every["in_stock"], "units"].sum() == 0
    for day in month.days()[::13]:
        counted = landed(month, "stock", day, "|").set_index("SKU")["Available"].astype(int)
        told = month.demand(day).set_index("item_id")
        unmet = told.index[told["demand"] > told["units"]]
        # A line for more pieces than there were is the one way to go without beside some left.
        assert (counted.reindex(unmet) <= told.loc[unmet, "demand"]).all()


def test_items_launched_later_do_not_change_who_delivers_the_others() -> None:
    params = WorldParams(items=450, launches_per_day=0.01)
    early, late = suppliers.supply(params, 3), suppliers.supply(params, 90)
    assert len(late.lead) > len(early.lead)
    assert all((late.__dict__[name][: len(early.lead)] == values).all() for name, values in early.__dict__.items())


def test_lead_times_have_the_mean_and_the_spread_of_the_terms() -> None:
    params = WorldParams(items=400)
    by = suppliers.supply(params, 0)
    drawn = np.stack([by.leads(params, day) for day in range(600)])
    assert drawn.min() >= 1 and drawn.max() <= suppliers.LONGEST_LEAD
    assert abs(drawn.mean(axis=0) - by.lead).max() < 0.6
    assert np.corrcoef(drawn.std(axis=0), by.lead_sd)[0, 1] > 0.9


def test_orders_come_in_packs_and_not_below_the_least() -> None:
    by = suppliers.supply(WorldParams(items=400), 0)
    wanted = np.arange(400) % 7
    lots = by.lots(wanted)
    assert (lots[wanted == 0] == 0).all() and (lots % by.pack == 0).all()
    assert ((lots >= wanted) & ((lots >= by.least) | (wanted == 0))).all()


def test_what_is_on_the_way_arrives_and_then_is_no_longer_told_of(month: Truth) -> None:
    days = month.days()[20:36]
    told = {day: landed(month, "inbound", day, ",").set_index(["po", "sku"]) for day in days}
    for before, day in pairwise(days):
        new = told[day].index.difference(told[before].index)
        assert (told[day].loc[new, "ordered"] == str(day)).all()
    first = told[days[0]]
    gone = first.index.difference(told[days[-1]].index)
    assert len(first) > 5 and len(gone) == len(first)  # no lead time is longer than these days
    late = [day for day in days for due in told[day]["due"] if due < str(day)]
    assert late and (first["ordered"] <= str(days[0])).all()


def test_terms_come_weekly_for_what_is_on_sale(month: Truth) -> None:
    files = sorted((month.folder.parent / "landing").glob("suppliers-*.csv"))
    assert len(files) == 6  # begun on a Monday, forty days
    told = landed(month, "suppliers", month.start, ";").set_index("sku")
    true = month.terms(month.start).set_index("item_id").loc[told.index]
    assert (told["pack"].astype(int) == true["pack"]).all()
    assert (told["lead_days"].astype(float) - true["lead_days"]).abs().max() < 0.051
    assert 0 < told["lead_sd"].isna().mean() < 0.6


def test_the_next_morning_is_no_day_of_lead_time_to_the_contract(spark: SparkSession) -> None:
    columns = "supplier, sku, lead_days, lead_sd, every_days, pack, least, _file, _file_version, _row, _known_day"
    rows = [("S1", f"i{n}", lead, *("0",) * 8) for n, lead in enumerate(["5.3", "1.0", "soon", None])]
    spark.createDataFrame(rows, columns.replace(",", " string,") + " string").createOrReplaceTempView("terms")
    told = spark.sql(Path("sql/sources/simulated/suppliers.sql").read_text()).orderBy("item_id").collect()
    # A bad cell stays one: it is quarantined by the contract, not here.
    assert [row["lead_time_days"] for row in told] == ["4.300", "0.000", "soon", None]


def test_returns_are_lines_that_were_sold_and_come_days_later(month: Truth) -> None:
    mondays = [day for day in month.days() if day.weekday() == 0]
    back = pd.concat([landed(month, "returns", day, ";").assign(told=str(day)) for day in mondays])
    sold = sum(len(month.sales(day)) for day in month.days())
    assert 0.01 < len(back) / sold < 0.05 and back["RetourNr"].is_unique
    assert (back["Date"] <= back["told"]).all()
    week = pd.to_datetime(back["told"]) - pd.to_datetime(back["Date"])
    assert week.max() < timedelta(days=7) and set(back["State"]) == {"ok", "defect"}
    one = back.iloc[0]
    ordered = date(2000 + int(one["OrderNo"][1:3]), int(one["OrderNo"][3:5]), int(one["OrderNo"][5:7]))
    assert one["SKU"] in set(month.sales(ordered)["item_id"])
