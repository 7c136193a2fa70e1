"""Rates come out as stated, position matters, the oracle is the best, and the truth tells machines from people."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from datetime import timedelta
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from jobs.lib.errors import DaybreakError
from jobs.store.truth import Truth


@lru_cache(maxsize=1)
def events(landing: Path) -> pd.DataFrame:
    """All events as they were delivered."""
    files = sorted(landing.glob("events-*.gz"))
    rows = [json.loads(line) for path in files for line in gzip.decompress(path.read_bytes()).splitlines()]
    return pd.DataFrame(rows)


def landing(truth: Truth) -> Path:
    return truth.folder.parent / "landing"


@pytest.mark.parametrize(
    ("fault", "of", "rate"),
    [
        ("test_order", "orders", "test_orders"),
        ("order_twice", "orders", "orders_twice"),
        ("late_line", "lines", "late_lines"),
        ("broken_line", "lines", "broken_lines"),
        ("cancellation", "lines", "cancellations"),
        ("late_event", "events", "late_events"),
        ("broken_event", "events", "broken_events"),
        ("event_twice", "events", "events_twice"),
        ("bots", "sessions", "bot_sessions"),
    ],
)
def test_faults_come_at_their_rates(month: Truth, fault: str, of: str, rate: str) -> None:
    counts = month.counts()
    chances, stated = counts[of].sum(), getattr(month.params.rates, rate)
    assert counts[fault].sum() == pytest.approx(
        chances * stated, abs=4 * np.sqrt(chances * stated) + chances * stated * 0.1
    )


def test_files_come_twice_and_corrected_under_the_names_they_should(tmp_path: Path) -> None:
    from jobs.store.delivery import deliver
    from jobs.store.world import FaultRates, WorldParams
    from tests.jobs.store.conftest import START, said_nothing

    rates = FaultRates(files_twice=0.4, files_corrected=0.4)
    params = WorldParams(customers=200, items=80, rates=rates)
    versions: dict[str, set[bytes]] = {}
    for many in range(12):
        deliver(tmp_path, None, params, START, START + timedelta(days=many), said_nothing)
        for path in (tmp_path / "landing").glob("orders-*"):
            versions.setdefault(path.name, set()).add(gzip.decompress(path.read_bytes()))
    faults = Truth(tmp_path).faults()
    last = str(START + timedelta(days=6))
    twice = faults[(faults["kind"] == "file_twice") & (faults["day"] <= last)]["day"]
    corrected = faults[(faults["kind"] == "file_corrected") & (faults["day"] <= last)]["day"]
    assert len(twice) and len(corrected)
    assert all(versions[f"orders-{day}_resend.csv.gz"] <= versions[f"orders-{day}.csv.gz"] for day in twice)
    for day in corrected:
        first, second = versions[f"orders-{day}.csv.gz"]
        assert first.count(b"\n") == second.count(b"\n")
        rows = zip(first.decode().splitlines(), second.decode().splitlines(), strict=True)
        changed = [(a.split(";"), b.split(";")) for a, b in rows if a != b]
        assert changed and all(a[:6] == b[:6] and a[7:] == b[7:] for a, b in changed)


def test_higher_places_are_clicked_more_for_the_same_items(month: Truth) -> None:
    seen = events(landing(month))
    seen = seen[~seen["vid"].isin(set(month.bots()["visitor_id"])) & (seen["slot"] == "search")]
    shown = seen[seen["type"] == "impression"].groupby("pos").size()
    clicked = seen[seen["type"] == "click"].groupby("pos").size()
    rate = clicked / shown
    assert rate[1] > 1.5 * rate[3] > 1.5 * rate[6] > 0
    # The same item clicked at another place: an item's own rate at places 1-2 against 4-6, of items seen at both.
    seen = seen.assign(high=seen["pos"] <= 2, low=seen["pos"] >= 4)
    high, low = (
        seen[seen[side]]
        .groupby("sku")["type"]
        .agg(lambda kinds: (kinds == "click").sum() / max(1, (kinds == "impression").sum()))
        for side in ("high", "low")
    )
    both = high.index.intersection(low.index)
    assert len(both) >= 10 and high[both].mean() > 1.3 * low[both].mean()


def test_examination_falls_with_rank_in_every_placement() -> None:
    for placement in ("home", "buy_again", "discover", "related", "search"):
        looks = Truth.examination(placement, np.arange(1, 9))
        assert (np.diff(looks) < 0).all() and looks.min() > 0 and looks.max() <= 1


def test_bots_are_machines_that_buy_nothing_and_people_are_none(month: Truth) -> None:
    bots = month.bots()
    seen = events(landing(month))
    assert set(bots["kind"]) == {"crawler", "scraper", "carter", "slow_crawler"}
    theirs = seen[seen["vid"].isin(set(bots["visitor_id"]))]
    assert len(theirs) and "purchase" not in set(theirs["type"]) and theirs["uid"].isna().all()
    assert month.testers()["visitor_id"].str.startswith("qa-").all()


def test_what_was_sold_is_what_was_delivered(month: Truth) -> None:
    days = month.days()
    true = pd.concat([month.sales(day) for day in days])
    frames = [pd.read_csv(path, sep=";", dtype=str) for path in sorted(landing(month).glob("orders-????-??-??.csv.gz"))]
    rows = pd.concat(frames)
    # A broken line may have lost its article: it could have been postage.
    is_sold = rows["OrderNo"].str.startswith("A") & rows["SKU"].notna() & ~rows["SKU"].isin(["SHIP", "GIFTWRAP"])
    rows = rows[is_sold].drop_duplicates(["OrderNo", "Pos"])
    faults = Counter(month.faults()["kind"])
    expected = len(true) - faults["late_line"] - faults["broken_line"]
    assert expected <= len(rows) <= len(true)


def test_the_oracle_is_the_best_list_and_regret_is_counted_from_it(month: Truth) -> None:
    day = month.days()[-1] + timedelta(days=1)
    who = month.customer_ids(day)[:200]
    best = month.oracle(day, who)
    popular = list(month.item_ids(day)[month.shop(day).popular[:10]])
    plain = pd.DataFrame(
        [(one, rank + 1, item) for one in who for rank, item in enumerate(popular)],
        columns=["customer_id", "rank", "item_id"],
    )
    oracle, popularity = month.judged(day, best), month.judged(day, plain)
    assert oracle["ndcg"].min() > 0.999 and oracle["regret"].abs().max() < 1e-9
    assert popularity["ndcg"].mean() < 0.7 and (popularity["regret"] > 0).mean() > 0.95
    known = month.remembered(day, who)
    column = {item: at for at, item in enumerate(month.item_ids(day))}
    again = month.oracle(day, who, placement="buy_again")
    fresh = month.oracle(day, who, placement="discover")
    row = {one: at for at, one in enumerate(who)}
    assert all(known[row[one], column[item]] for one, item in zip(again["customer_id"], again["item_id"], strict=True))
    assert not any(
        known[row[one], column[item]] for one, item in zip(fresh["customer_id"], fresh["item_id"], strict=True)
    )


def test_relevance_tells_who_buys_what(month: Truth) -> None:
    """Over the last days, items that were bought had far more relevance than a customer's other items."""
    ratios = []
    for day in month.days()[-10:]:
        sold = month.sales(day).dropna()
        who = list(dict.fromkeys(sold["customer_id"]))
        worth = month.relevance(day, who)
        column = {item: at for at, item in enumerate(month.item_ids(day))}
        bought = [
            worth[who.index(one), column[item]] for one, item in zip(sold["customer_id"], sold["item_id"], strict=True)
        ]
        ratios.append(np.mean(bought) / worth.mean())
    assert np.mean(ratios) > 4


def test_memory_is_replayed_as_it_was(month: Truth) -> None:
    """What the state kept of the last evening equals the replay of all sales from the beginning."""
    day = month.days()[-1] + timedelta(days=1)
    kept = month._memory(day, 0)
    (month.folder / "state").rename(month.folder / "hidden")
    try:
        replayed = Truth(month.folder.parent)._memory(day, 0)
    finally:
        (month.folder / "hidden").rename(month.folder / "state")
    assert (kept.item == replayed.item).all() and (kept.day == replayed.day).all()


def test_a_day_that_is_not_there_has_no_truth(month: Truth, tmp_path: Path) -> None:
    with pytest.raises(DaybreakError, match="neither delivered nor the day after"):
        month.shop(month.days()[-1] + timedelta(days=9))
    with pytest.raises(DaybreakError, match="holds no simulated store"):
        Truth(tmp_path)


def test_stock_runs_out_at_times_and_is_refilled(month: Truth) -> None:
    demand = pd.concat([month.demand(day) for day in month.days()])
    assert 0.003 < 1 - demand["in_stock"].mean() < 0.15
    assert demand.loc[~demand["in_stock"], "units"].sum() == 0 and demand["missed"].sum() > 0
