"""Thirty nights of a simulated store that shows what Daybreak publishes, judged by what is true of that store.

Three worlds begin alike, with 120 days in which the store showed its own lists: ``plain`` shows Daybreak's without
exploration, ``exploring`` those with the default share of it, ``house`` goes on as before. Two more stop after their
first night: their models were trained without position-bias correction and with graded labels, and are held against
the plain one's. ``DAYBREAK_BENCH_NIGHTS`` makes it fewer nights. Where ``DAYBREAK_BENCH_HOME`` keeps the home, a run
that was cut off goes on with the night that it was in.
Truth is the chance that a customer buys an item looked at alone (jobs/store/truth.py); the system never reads it.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path
from typing import Literal

import pandas as pd
import yaml
from scipy import stats

from benchmarks import peers, published
from benchmarks.figures import Figure
from benchmarks.homes import fresh_home, run
from jobs.lib import settings as environment
from jobs.lib.spark import session
from jobs.lib.tables import Tables
from jobs.recommendations import position
from jobs.store import choice
from jobs.store import stage as store
from jobs.store.shop import HOME, PLACEMENTS, SHOWN
from jobs.store.truth import Truth
from jobs.store.world import WorldParams

FIRST = date(2026, 3, 3)
NIGHTS = int(os.environ.get("DAYBREAK_BENCH_NIGHTS") or 30)
LATE = min(10, NIGHTS)  # nights at the end over which expectations are averaged
JUDGED = 500  # customers
# Four times the launches of the store that `make demo` runs on: an item that nobody bought is what exploration is for.
WORLD = WorldParams(seed=41, customers=1500, items=500, history_days=120, launches_per_day=0.003)
PLAIN, EXPLORING, HOUSE = "plain", "exploring", "house"
TRAINED_OTHERWISE = {"uncorrected": "without position correction", "graded": "with graded labels"}
VARIABLES = {
    PLAIN: {"DAYBREAK_EXPLORATION_SHARE": "0"},
    EXPLORING: {},
    "uncorrected": {"DAYBREAK_EXPLORATION_SHARE": "0", "DAYBREAK_POSITION_CORRECTION": "0"},
    "graded": {"DAYBREAK_EXPLORATION_SHARE": "0", "DAYBREAK_GRADED_LABELS": "1"},
}
# What lists are made from: sources that only prices and reorders need would double a night here.
TABLES = ("consents", "customers", "events", "items", "order_lines", "stock_levels")
FILES = ("orders", "clicks", "catalogue", "accounts", "stock", "consent_log")
SOURCES = Path(__file__).parents[1] / "sql" / "sources" / "simulated"


def measure() -> Iterator[Figure]:
    """About two hours on two cores: two worlds at a time."""
    last = FIRST + timedelta(days=NIGHTS - 1)
    with fresh_home(goes_on=True) as home:
        with ThreadPoolExecutor(2) as pool:
            lived = [
                pool.submit(_live, home / arm, FIRST if arm in TRAINED_OTHERWISE else last, variables)
                for arm, variables in VARIABLES.items()
            ]
            for one in lived:
                one.result()
        store.run(home / HOUSE, None, last, FIRST - _history(), WORLD, progress=lambda text: None)
        yield from of_worlds(home)


def of_worlds(home: Path) -> Iterator[Figure]:
    """All figures of worlds that have been lived."""
    last = FIRST + timedelta(days=NIGHTS - 1)
    for day in sorted({FIRST, last}):
        for placement in ("home", "discover"):
            yield from _regret(home / PLAIN, day, placement)
    if NIGHTS > 1:
        yield from _exploration(home)
    yield from _positions(home)
    yield from _trained_otherwise(home)


def _figure(
    measure: str, ours: float, peer: float, peer_name: str, better: Literal["higher", "lower"] = "higher"
) -> Figure:
    return Figure("loop", measure, ours, peer, peer_name, better=better)


def _history() -> timedelta:
    return timedelta(days=WORLD.history_days - 1)


def _live(home: Path, last: date, variables: dict[str, str]) -> None:
    print(f"  {home.name}: to the night of {last} …", flush=True)
    mapped = home / "simulated"
    mapped.mkdir(parents=True, exist_ok=True)
    told = yaml.safe_load((SOURCES / "store.yml").read_text())
    told["files"] = {name: told["files"][name] for name in FILES}
    (mapped / "store.yml").write_text(yaml.safe_dump(told))
    for table in TABLES:
        shutil.copy(SOURCES / f"{table}.sql", mapped)
    store.run(home, None, FIRST, FIRST - _history(), WORLD, progress=lambda text: None)
    whole = {"DAYBREAK_STORE": str(mapped), "PRODUCTS": "recommendations", "DAYBREAK_CONTROL_SHARE": "0"}
    whole |= {"DAYBREAK_DRIVER_MEMORY": "2g", "DAYBREAK_SETTLE_SECONDS": "0"}
    # Small nights are short jobs, each with code of its own: compiling it well costs more than it gives.
    whole["JDK_JAVA_OPTIONS"] = "-XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=512m"
    run(["-m", "benchmarks.whole_nights", str(FIRST), str(last)], home, **whole, **variables)


def _truth(home: Path) -> Truth:
    return Truth(home / "stores" / "simulated")


def _lists(home: Path, night: date) -> pd.DataFrame:
    return published.table(home, "simulated", "recommendations", "for_customer", str(night))


def _judged(truth: Truth, night: date, lists: pd.DataFrame, placement: str, places: int) -> pd.DataFrame:
    """The lists of a night on the day after it, when they are shown."""
    return truth.judged(night + timedelta(days=1), lists, places, placement)


def _some(lists: pd.DataFrame) -> pd.DataFrame:
    """Those of the same customers in each world."""
    customers = sorted(lists["customer_id"].unique(), key=int)[:JUDGED]
    return lists[lists["customer_id"].isin(customers)]


def _regret(home: Path, night: date, placement: str) -> Iterator[Figure]:
    truth = _truth(home)
    ours = _some(_lists(home, night).query("placement == @placement"))
    history = _sales(truth, night)
    # What was in stock that morning; ours knows the evening's count. What sells out overnight nobody knows.
    history = history[history["item_id"].isin(truth.item_ids(night)[truth.shop(night).in_stock])]
    given = _peers(history, ours, night, placement)
    found = {name: _judged(truth, night, lists, placement, 10) for name, lists in {"": ours, **given}.items()}
    lost = {name: 1 - one["value"].sum() / one["best"].sum() for name, one in found.items()}
    least = min(given, key=lambda name: lost[name])
    yield _figure(
        f"{night} {placement}: regret, share of the oracle's sales", lost[""], lost[least], least, better="lower"
    )
    near = {name: float(one["ndcg"].mean()) for name, one in found.items()}
    best = max(given, key=lambda name: near[name])
    yield _figure(f"{night} {placement}: NDCG@10 of true relevance", near[""], near[best], best)


def _peers(history: pd.DataFrame, ours: pd.DataFrame, night: date, placement: str) -> dict[str, pd.DataFrame]:
    popular = peers.popularity(history, ours, night)
    if placement == "home":
        return {"popularity 28 d": popular, "own frequency + popularity": peers.frequency(history, ours, night)}
    fresh = peers.without_own(popular, history)
    fresh = fresh.assign(rank=fresh.groupby("customer_id")["rank"].rank().astype(int))
    return {"popularity 28 d": fresh, "BM25 item-kNN": peers.bm25(history, ours)}


def _sales(truth: Truth, night: date) -> pd.DataFrame:
    days = [day for day in truth.days() if day <= night]
    rows = pd.concat([truth.sales(day).assign(day=day) for day in days], ignore_index=True)
    return rows.dropna(subset=["customer_id"]).assign(order_id=lambda sold: sold["day"].astype(str))


def _exploration(home: Path) -> Iterator[Figure]:
    arms = {arm: _truth(home / arm) for arm in (PLAIN, EXPLORING, HOUSE)}
    nights = [FIRST + timedelta(days=n) for n in range(NIGHTS)]
    # What a night published is shown on the next day.
    shown_days = [night + timedelta(days=1) for night in nights[:-1]]
    sold = {arm: pd.concat([truth.demand(day) for day in shown_days]) for arm, truth in arms.items()}
    whole = {arm: rows["units"].sum() for arm, rows in sold.items()}
    listed = {arm: rows["item_id"].nunique() for arm, rows in sold.items()}
    variety = {arm: rows.loc[rows["units"] > 0, "item_id"].nunique() / listed[arm] for arm, rows in sold.items()}
    for arm in (PLAIN, EXPLORING):
        name = f"{len(shown_days)} days, {arm}"
        yield _figure(f"{name}: units sold", whole[arm], whole[HOUSE], "the store's own lists")
        yield _figure(f"{name}: share of the items that sold", variety[arm], variety[HOUSE], "the store's own lists")
    gain, chance = whole[EXPLORING] / whole[PLAIN] - 1, _chance([arms[PLAIN], arms[EXPLORING]], shown_days)
    yield _figure("units sold with exploration, gain over without", gain, chance, "one standard deviation of chance")
    seen = {arm: _on_a_first_page(home / arm, nights) for arm in (PLAIN, EXPLORING)}
    for name, since in {"all items": None, "items launched since": FIRST}.items():
        known = {arm: _launched(arms[arm], nights[-1], since) for arm in seen}
        covered = {arm: len(seen[arm] & known[arm]) / len(known[arm]) for arm in seen}
        yield _figure(
            f"share of {name} ever on a first page, exploring",
            covered[EXPLORING],
            covered[PLAIN],
            "without exploration",
        )
    new = {arm: _new_sold(truth, shown_days) for arm, truth in arms.items()}
    yield _figure(
        "share of items launched since that sold, exploring", new[EXPLORING], new[PLAIN], "without exploration"
    )
    late = nights[-LATE:]
    value = {
        arm: 1000 * sum(_value(home / arm, arms[arm], night) for night in late) / LATE for arm in (PLAIN, EXPLORING)
    }
    name = f"sales expected of 1,000 home lists, last {LATE} nights, exploring"
    yield _figure(name, value[EXPLORING], value[PLAIN], "without exploration")


def _chance(worlds: list[Truth], days: list[date]) -> float:
    """Standard deviation of the difference of two worlds' units, as a share of the first one's, if nothing but chance
    told them apart: purchases come independently, each of some units."""
    units = [pd.concat([truth.sales(day)["units"] for day in days]) for truth in worlds]
    return float(sum((sold**2).sum() for sold in units) ** 0.5 / units[0].sum())


def _on_a_first_page(home: Path, nights: list[date]) -> set[str]:
    """The items that stood on the part of a home list that shoppers see."""
    seen: set[str] = set()
    for night in nights:
        lists = _lists(home, night)
        seen |= set(lists[(lists["placement"] == "home") & (lists["rank"] <= SHOWN[HOME])]["item_id"])
    return seen


def _launched(truth: Truth, day: date, since: date | None) -> set[str]:
    shop = truth.shop(day)
    is_wanted = shop.on_sale if since is None else shop.on_sale & (shop.items.launched > (since - truth.start).days)
    return set(truth.item_ids(day)[is_wanted])


def _new_sold(truth: Truth, days: list[date]) -> float:
    known = _launched(truth, days[-1], FIRST)
    sold = pd.concat([truth.sales(day) for day in days])
    return len(known & set(sold["item_id"])) / len(known)


def _value(home: Path, truth: Truth, night: date) -> float:
    lists = _some(_lists(home, night).query("placement == 'home'"))
    return float(_judged(truth, night, lists, "home", SHOWN[HOME])["value"].mean())


def _positions(home: Path) -> Iterator[Figure]:
    """How fast looks fall, learnt from the history that the store showed, and what that does to clicks."""
    settings = environment.load({"DAYBREAK_HOME": str(home / PLAIN), "DAYBREAK_STORE": "simulated"})
    spark = session(settings, "daybreak benchmark of positions")
    counted = position.counts(Tables(spark, settings.lake, "simulated").read("validated.events", FIRST), FIRST)
    spark.stop()
    learnt = position.powers(counted, position.PositionParams())
    for placement, power in sorted(learnt.items()):
        true = float(choice.FALLS_BY[PLACEMENTS.index(placement)])
        yield _figure(f"looks fall by rank to the power, {placement}: learnt", power, true, "the truth")
    truth, tomorrow = _truth(home / PLAIN), FIRST + timedelta(days=1)
    customers = truth.customer_ids(FIRST)[:JUDGED]
    relevance = truth.relevance(tomorrow, customers).mean(axis=0)
    liked = dict(zip(truth.item_ids(tomorrow).tolist(), relevance.tolist(), strict=True))
    for placement in sorted(set(learnt) & {"home", "discover", "related", "search"}):
        shown = counted[counted["placement"] == placement]
        likeness = [_likeness(shown, liked, power) for power in (learnt[placement], 0.0)]
        yield _figure(
            f"clicks by item against true relevance (Spearman), {placement}: corrected",
            likeness[0],
            likeness[1],
            "clicks as they are",
        )


def _trained_otherwise(home: Path) -> Iterator[Figure]:
    """The first night's lists by how its model was trained."""
    for placement in ("home", "discover"):
        near = {arm: _nearness(home / arm, placement) for arm in (PLAIN, *TRAINED_OTHERWISE)}
        for arm, how in TRAINED_OTHERWISE.items():
            name = f"{FIRST} {placement}: NDCG@10 of true relevance, {how}"
            yield _figure(name, near[arm], near[PLAIN], "as by default")


def _nearness(home: Path, placement: str) -> float:
    lists = _some(_lists(home, FIRST).query("placement == @placement"))
    return float(_judged(_truth(home), FIRST, lists, placement, 10)["ndcg"].mean())


def _likeness(shown: pd.DataFrame, liked: dict[str, float], power: float) -> float:
    """Rank correlation of clicks by look (impressions weighed by rank ** -power) with the truth, over items that are
    on sale and were shown often enough to say anything."""
    looks = shown["impressions"] * shown["rank"].astype(float) ** -power
    by_item = pd.DataFrame({"looks": looks, "clicks": shown["clicks"], "shown": shown["impressions"]})
    by_item = by_item.groupby(shown["item_id"]).sum().query("shown >= 100")
    by_item = by_item[[liked.get(item, 0) > 0 for item in by_item.index]]
    true = [liked[item] for item in by_item.index]
    return float(stats.spearmanr(by_item["clicks"] / by_item["looks"], true).statistic)
