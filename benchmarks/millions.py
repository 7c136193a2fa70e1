"""Lists for a million customers of a hundred thousand items, bought from fifty million times, on this machine.

The customers, tastes and items are the simulated store's; what each bought within a year is drawn from taste and
popularity as that store's shoppers browse (three glances at a leaf), without simulating their visits. Features, lists
and publication are the night's own stages; raw files and their validation are not in it (`BENCH=scale` has those).
The model is trained on a small world of the same kind: its quality is not measured here.

Beside it: implicit's ALS recommending for as many customers, a bare product of factors; its seconds do not depend on
the factors' values, so they are random, and a tenth of the customers is timed. ``DAYBREAK_BENCH_CUSTOMERS`` makes all
of it smaller; the other size is always a tenth. A run that was cut off goes on with the step that it was in where
``DAYBREAK_BENCH_HOME`` keeps its home.
"""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import sparse

from benchmarks import published
from benchmarks.figures import Figure
from benchmarks.homes import Cost, fresh_home, once, run
from jobs.lib import contracts
from jobs.store import catalogue, customers
from jobs.store.world import COUNTRIES, WorldParams, chance

CUSTOMERS = int(os.environ.get("DAYBREAK_BENCH_CUSTOMERS") or 1_000_000)
ITEMS = 100_000
LINES = 50  # a customer, on average
TAUGHT = (5_000, 2_000)  # customers and items of the world that the model learns from
DAY = date(2026, 3, 31)
DAYS = 365
AGAIN = 0.3  # chance that something is bought once more
GLANCES = 3
STORE_YML = """\
name: millions
currency: EUR
timezone: Europe/Amsterdam
country: NL
period: day
landing: .
files:
  rows: {where: "*.csv", format: csv, delivers: events, ids: [id], known: {name: '(\\d{4}-\\d{2}-\\d{2})\\.csv'}}
"""
SOLD = (
    "order_id string, line_number int, ordered_at timestamp, order_date date, customer_id string, item_id string, "
    "units int, price double, country string"
)


def measure() -> Iterator[Figure]:
    """Hours at the full size: features of 50 million lines come before the lists."""
    small = CUSTOMERS // 10
    with fresh_home(goes_on=True) as home:
        _world(home / "taught", *TAUGHT)
        for stage in (["features"], ["train"]):
            _stage(home / "taught", stage)
        costs = {many: of_size(home, many) for many in (small, CUSTOMERS)}
        kept = published.manifest(home / str(CUSTOMERS), "millions", "recommendations", str(DAY))
    name = f"{CUSTOMERS:,} customers × {ITEMS:,} items"
    whole = {many: _lists(cost) for many, cost in costs.items()}
    bare = als_seconds(CUSTOMERS)
    most = max(cost.peak_gib for cost in costs[CUSTOMERS].values())
    yield Figure("millions", f"{name}: peak memory of any stage, GiB", most, target=8, better="lower")
    yield Figure("millions", f"{name}: seconds, scored and published", whole[CUSTOMERS], bare,
                 "implicit ALS recommend", 10 * bare, "lower")  # fmt: skip
    yield Figure("millions", f"{name}: customers a second (three lists each)", CUSTOMERS / whole[CUSTOMERS])
    table = kept["tables"]["for_customer"]
    size = sum(file["bytes"] for file in table["files"])
    yield Figure("millions", "bytes a list of twenty places, reasons and all", size / (table["rows"] / 20))
    yield Figure("millions", f"times the seconds of {small:,} customers", whole[CUSTOMERS] / whole[small], target=12,
                 better="lower")  # fmt: skip
    yield Figure("millions", f"{name}: seconds of features", costs[CUSTOMERS]["features"].seconds)


def of_size(home: Path, many: int) -> dict[str, Cost]:
    """What each stage of a night with so many customers costs; each is a process of its own, its start included."""
    own = home / str(many)
    _world(own, many, ITEMS)
    registry = Path("lake", "millions", "registry")
    shutil.copytree(home / "taught" / registry, own / registry, dirs_exist_ok=True)
    return {stage: _stage(own, [stage]) for stage in ("features", "recommendations", "published")}


def _lists(cost: dict[str, Cost]) -> float:
    return cost["recommendations"].seconds + cost["published"].seconds


def _world(home: Path, many: int, items: int) -> None:
    print(f"  {many:,} customers, {items:,} items …", flush=True)
    store = home / "store"
    store.mkdir(parents=True, exist_ok=True)
    (store / "store.yml").write_text(STORE_YML)
    (store / "order_lines.sql").write_text("SELECT * FROM rows\n")
    once(home, "world", lambda: run(["-m", "benchmarks.millions", str(many), str(items)], home, **_variables(home)))


def _stage(home: Path, stage: list[str]) -> Cost:
    cost = once(home, stage[0], lambda: run(["-m", "jobs", *stage, "--as-of", str(DAY)], home, **_variables(home)))
    print(f"    {stage[0]}: {cost.seconds:.0f} s, {cost.peak_gib:.1f} GiB", flush=True)
    return cost


def _variables(home: Path) -> dict[str, str]:
    return {"DAYBREAK_STORE": str(home / "store"), "PRODUCTS": "recommendations"}


def als_seconds(many: int) -> float:
    """Seconds that implicit takes to recommend 20 of the items to so many customers, from a tenth of them."""
    from implicit.als import AlternatingLeastSquares

    luck, some = np.random.default_rng(7), max(many // 10, 1)
    model = AlternatingLeastSquares(factors=128, num_threads=0)
    model.item_factors = luck.normal(size=(ITEMS, 128)).astype(np.float32)
    model.user_factors = luck.normal(size=(some, 128)).astype(np.float32)
    bought = luck.integers(0, ITEMS, some * LINES)
    own = sparse.csr_matrix((np.ones(len(bought), np.float32), bought, np.arange(some + 1) * LINES), (some, ITEMS))
    started = time.monotonic()
    for first in range(0, some, 1000):
        rows = np.arange(first, min(first + 1000, some))
        model.recommend(rows, own[rows], N=20, filter_already_liked_items=True)
    return (time.monotonic() - started) * many / some


def write_world(many: int, items: int) -> None:
    """The validated lines and items of a home, and the word that landing and validation are complete."""
    from pyspark.sql import functions as F

    from jobs.lib import lineage, stages
    from jobs.lib import settings as environment

    params = WorldParams(seed=43, customers=many, items=items, history_days=DAYS)
    night = stages.looking("benchmark", environment.load(), DAY)
    blocks = -(-many // params.block_customers)

    def drawn(frames: Iterable[pd.DataFrame]) -> Iterable[pd.DataFrame]:
        for frame in frames:
            for block in frame["id"]:
                yield from sold(params, int(block))

    lines = night.spark.range(0, blocks, 1, blocks).mapInPandas(drawn, SOLD)
    facts = {"currency": F.lit("EUR"), "is_cancellation": F.lit(False), "is_product": F.lit(True)}
    facts |= {"is_test": F.lit(False), "known_day": F.col("order_date")}
    catalogue = night.spark.createDataFrame(listed(params))
    first = {"known_day": F.lit(DAY - timedelta(days=DAYS)), "is_deleted": F.lit(False), "is_restricted": F.lit(False)}
    for name, frame, rows in (
        ("validated.order_lines", lines.withColumns(facts), many * LINES),
        ("validated.items", catalogue.withColumns(first), items),
    ):
        there = [
            (F.col(column.name) if column.name in frame.columns else F.lit(None))
            .cast(column.dataType)
            .alias(column.name)
            for column in contracts.load(name).schema()
        ]
        night.tables.replace_where(name, frame.select(*there), "known_day IS NOT NULL", rows)
    now = datetime.now(UTC)
    lineage.complete(night.tables, "landed", DAY, [], 0.0, None, now, None)
    lineage.complete(night.tables, "validated", DAY, night.tables.written, 0.0, None, now, None)


def sold(params: WorldParams, block: int) -> Iterator[pd.DataFrame]:
    """The lines of a block's customers, a thousand customers at a time; one order a day that they bought on."""
    goods = catalogue.items(params, DAYS - 1)
    ids = catalogue.item_ids(goods)
    order = np.lexsort((-goods.quality, goods.leaf))
    start = np.searchsorted(goods.leaf[order], np.arange(len(catalogue.LEAVES) + 1))
    # Few items of a leaf get most of the looks.
    place = np.arange(len(order)) - start[goods.leaf[order]]
    weight = np.concatenate([[0.0], np.cumsum((place + 1.0) ** -0.8)])
    people = customers.customers(params, block, DAYS - 1)
    for first in range(0, len(people), 1000):
        rows = slice(first, first + 1000)
        rng = chance(params, "a year", block, first)
        taste = people.taste[rows]
        many = 1 + rng.poisson(rng.gamma(1.2, (LINES / (1 + AGAIN) - 1) / 1.2, len(taste)))
        who = np.repeat(np.arange(len(taste)), many)
        cumulated = customers.leaf_preference(params, taste).cumsum(axis=1)
        leaf = np.minimum((cumulated[who] < rng.random(len(who))[:, None]).sum(axis=1), len(catalogue.LEAVES) - 1)
        low, high = weight[start[leaf]], weight[start[leaf + 1]]
        looked = [
            np.searchsorted(weight, low + rng.random(len(who)) * (high - low), "right") - 1 for _ in range(GLANCES)
        ]
        seen = order[np.clip(np.stack(looked), 0, len(order) - 1)]
        liking = params.taste_weight * np.einsum("rd,grd->gr", taste[who], goods.vector[seen]) + goods.quality[seen]
        item = seen[(liking + rng.gumbel(size=liking.shape)).argmax(axis=0), np.arange(len(who))]
        again = rng.random(len(who)) < AGAIN
        who, item = np.concatenate([who, who[again]]), np.concatenate([item, item[again]])
        # People come on some dozen days of the year, more of them lately.
        days = np.floor(DAYS * rng.beta(1.0, 1.6, (len(taste), 12))).astype(int)
        back = days[who, rng.integers(0, 12, len(who))]
        yield _lines(people, first, who, ids[item], goods.base_price[item], back)


def _lines(
    people: customers.Customers, first: int, who: np.ndarray, item: np.ndarray, price: np.ndarray, back: np.ndarray
) -> pd.DataFrame:
    number = (customers.FIRST_ID + people.index[first + who]).astype(str)
    day = pd.Timestamp(DAY) - pd.to_timedelta(back, unit="D")
    frame = pd.DataFrame(
        {"customer_id": number, "item_id": item, "price": price, "ordered_at": day + pd.Timedelta("12h")}
    )
    frame["order_date"], frame["country"] = day.date, np.array(COUNTRIES)[people.country[first + who]]
    frame["order_id"] = frame["customer_id"] + "-" + day.strftime("%Y%m%d")
    frame = frame.drop_duplicates(["order_id", "item_id"])
    frame["line_number"] = frame.groupby("order_id").cumcount() + 1
    return frame.assign(units=1)


def listed(params: WorldParams) -> pd.DataFrame:
    """The catalogue as the store tells it."""
    goods = catalogue.items(params, DAYS - 1)
    told = [catalogue.texts(catalogue.chunk(params, n // catalogue.CHUNK), n) for n in range(len(goods))]
    names = {"title": "name", "description": "text", "category": "path", "brand": "brand", "attributes": "attrs"}
    columns = {ours: [one[theirs] for one in told] for ours, theirs in names.items()}
    return pd.DataFrame({"item_id": catalogue.item_ids(goods), "price": goods.base_price, **columns})


if __name__ == "__main__":
    write_world(int(sys.argv[1]), int(sys.argv[2]))
