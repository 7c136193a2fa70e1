"""Delivers the store's raw files day by day, and the truth beside them; a delivered day is never made again.

A day is made whole in a work folder, which then becomes the day's ``ready`` folder by one rename: from there on it is
moved into place, also after a crash. A day interrupted before the rename is made anew.

    <folder>/landing/…          what a system that learns from this store reads
    <folder>/truth/…            what it never reads: world.json, days, bots, faults, items, sales, state, late
"""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import time
from collections import Counter
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import numpy as np
from pyspark.sql import SparkSession

from jobs.lib.errors import DaybreakError
from jobs.store import catalogue, counter, crowd, customers, orders, prices, returns, snapshots, suppliers
from jobs.store.lists import Reader, folder_reader, published, release_of
from jobs.store.orders import Sales
from jobs.store.shop import POPULARITY_DAYS, Shop, open_shop
from jobs.store.state import Evening, read_evening, write_evening
from jobs.store.world import FaultRates, WorldParams

SPARK_FROM = 200_000  # customers from which blocks are made in Spark's tasks, where there is a session
STATES_KEPT = 2  # evenings
PROGRESS_DAYS = 10


def deliver(
    folder: Path,
    publish_root: str | None,
    params: WorldParams,
    first_day: date,
    last_day: date,
    progress: Callable[[str], None] = print,
    spark: Callable[[], SparkSession] | None = None,
    read: Reader | None = None,
) -> list[date]:
    """Delivers what is missing of the days up to ``last_day`` and returns those days.

    ``first_day`` begins a new world; one that is there goes on after its last day. What shoppers see is read from
    ``publish_root`` (a folder) or by ``read`` (any other place). Raises DaybreakError when the world that is there has
    other parameters.
    """
    truth = folder / "truth"
    start = _open_world(truth, params, first_day)
    reader = read or (folder_reader(publish_root) if publish_root else None)
    done: list[date] = []
    day = start
    while day <= last_day:
        if not (truth / "days" / f"{day}.json").exists():
            began = time.monotonic()
            if not (truth / f"ready-{day}").exists():
                session = spark() if spark and params.customers_through((day - start).days) > SPARK_FROM else None
                _make(folder, reader, params, start, day, session)
            _move(folder, day)
            done.append(day)
            if len(done) % PROGRESS_DAYS == 1 or day == last_day:
                progress(_said(truth, day, time.monotonic() - began))
        day += timedelta(days=1)
    return done


def world_of(truth: Path) -> tuple[WorldParams, date] | None:
    """The parameters and the first day of the world that is there, None where there is none."""
    path = truth / "world.json"
    if not path.exists():
        return None
    kept = json.loads(path.read_text())
    rates = FaultRates(**kept["params"].pop("rates"))
    return WorldParams(**kept["params"], rates=rates), date.fromisoformat(kept["start"])


def _open_world(truth: Path, params: WorldParams, first_day: date) -> date:
    there = world_of(truth)
    if there is None:
        truth.mkdir(parents=True, exist_ok=True)
        kept = {"start": first_day.isoformat(), "params": dataclasses.asdict(params)}
        (truth / "world.tmp").write_text(json.dumps(kept, indent=1))
        (truth / "world.tmp").replace(truth / "world.json")
        return first_day
    if there[0] != params:
        others = [
            field.name
            for field in dataclasses.fields(params)
            if getattr(there[0], field.name) != getattr(params, field.name)
        ]
        raise DaybreakError(
            f"the simulated store in {truth.parent} was begun with other parameters ({', '.join(others)}): "
            "deliver on with those, or begin another in an empty home"
        )
    return there[1]


def _make(
    folder: Path, read: Reader | None, params: WorldParams, start: date, today: date, spark: SparkSession | None
) -> None:
    """Makes one day in a work folder and declares it ready."""
    truth, number = folder / "truth", (today - start).days
    work = truth / f"work-{today}"
    shutil.rmtree(work, ignore_errors=True)
    for part in (
        "landing",
        "truth/days",
        "truth/bots",
        "truth/faults",
        "truth/items",
        "truth/sales",
        f"truth/state/{today}",
    ):
        (work / part).mkdir(parents=True)
    yesterday = truth / "state" / str(today - timedelta(days=1))
    before = read_evening(yesterday / "evening.npz") if number else Evening.before_the_first_day()
    morning, shop, changed, running = open_day(params, before, number, today)
    ids = catalogue.item_ids(shop.items)
    lists = published(read, today, params, params.customers_through(number), ids) if read else None
    late = truth / "late" / str(today)
    day = crowd.Day(params, shop, ids, release_of(lists), work, late, yesterday if number else None)
    blocks = range(customers.blocks(params, number))
    size = params.block_customers
    tills = crowd.each(
        spark, crowd.live(day), [(block, lists.of_block(block * size, size) if lists else None) for block in blocks]
    )
    filled = counter.filled(morning.stock.on_hand, tills)
    told = crowd.each(spark, crowd.tell(day, len(blocks)), list(zip(blocks, filled, strict=True)))
    sales = counter.sales(shop, tills, filled)
    rows = orders.order_rows(params, shop, ids, sales)
    sold = np.bincount(sales.item, weights=sales.units, minlength=len(ids)).astype(np.int64)
    by = suppliers.supply(params, number)
    returned = returns.sent_back(params, shop, ids, sales)
    evening = Evening(
        morning.prices,
        morning.stock.evening(params, shop.items, by, number, sold, returned.back),
        morning.sales * 0.5 ** (1 / POPULARITY_DAYS) + sold,
    )
    write_evening(work / "truth" / "state" / str(today) / "evening.npz", evening)
    write_evening(work / "truth" / "items" / f"{today}.npz", morning)
    _write_orders(work, late, shop, rows)
    landing = {
        f"catalogue-{today}.csv": snapshots.catalogue_file(params, shop, ids, morning.prices),
        f"stock-{today}.csv": snapshots.stock_file(shop, ids, evening.stock.on_hand),
        f"prices-{today}.parquet": snapshots.prices_file(
            shop, ids, morning.prices, changed, prices.announced(params, morning.prices, number)
        ),
        f"promotions-{today}.csv": snapshots.promotions_file(shop, ids, running),
        f"customers-{today}.jsonl": snapshots.lines_file([row for till in tills for row in till.customer_rows]),
        f"consents-{today}.csv": snapshots.consents_file([row for till in tills for row in till.consent_rows]),
        f"inbound-{today}.csv": snapshots.inbound_file(shop, ids, evening.stock, by),
    }
    if not number or today.weekday() == suppliers.TERMS_WEEKDAY:
        landing[f"suppliers-{today}.csv"] = suppliers.terms_file(by, ids, shop.on_sale)
    for due, lines in returned.rows.items():
        (_late(work, shop, due) / f"returns-{today}.txt").write_bytes(snapshots.lines_file(lines))
    if today.weekday() == returns.TOLD_WEEKDAY:
        told_back = [line for path in sorted(late.glob("returns-*.txt")) for line in path.read_text().splitlines()]
        landing[f"returns-{today}.csv"] = snapshots.lines_file([returns.HEADER, *told_back])
    for name, content in landing.items():
        (work / "landing" / name).write_bytes(content)
    missed = np.concatenate([till.missed for till in tills])
    _write_truth(work / "truth", shop, sales, missed, counter.unmet(tills, filled, len(ids)), rows, told)
    counts = Counter(
        {"sessions": sum(till.sessions for till in tills), "orders": len(set(sales.order)), "lines": len(sales.order)}
    )
    counts.update(Counter(kind for kind, _ in rows.faults))
    for one in told:
        counts.update(one.counts)
        counts.update(Counter({"bots": sum(kind != "tester" for _, kind, _ in one.machines)}))
    marker = {
        "day": str(today),
        "release": day.release,
        "as_of": str(lists.as_of) if lists else None,
        "counts": dict(sorted(counts.items())),
    }
    (work / "truth" / "days" / f"{today}.json").write_text(json.dumps(marker, indent=1))
    shutil.rmtree(work / "blocks", ignore_errors=True)
    work.rename(truth / f"ready-{today}")


def open_day(
    params: WorldParams, before: Evening, number: int, today: date
) -> tuple[Evening, Shop, np.ndarray, list[prices.Promotion]]:
    """The morning after an evening, the shop of the day, the items whose prices moved, and the campaigns."""
    of = catalogue.items(params, number)
    now, changed = prices.moved(params, of, before.prices, number)
    arrived = before.stock.extended(params, of, number).morning(number)
    counted = np.concatenate([before.sales, np.zeros(len(of) - len(before.sales))])
    running = prices.promotions(params, of, number, today.weekday())
    return (
        Evening(now, arrived, counted),
        open_shop(params, number, today, now, running, arrived, counted),
        changed,
        running,
    )


def _write_orders(work: Path, late: Path, shop: Shop, rows: orders.Rows) -> None:
    """Today's order file with what earlier days left for it, and what it leaves for later days."""
    left = [line for path in sorted(late.glob("orders-*.txt")) for line in path.read_text().splitlines()]
    name = f"orders-{shop.date}.csv.gz"
    today = _order_file(rows.now + left)
    (work / "landing" / name).write_bytes(today)
    for path in sorted((late / "landing").glob("*")):
        shutil.copyfile(path, work / "landing" / path.name)
    for due, lines in rows.later.items():
        (_late(work, shop, due) / f"orders-{shop.date}.txt").write_bytes(snapshots.lines_file(lines))
    if rows.again_on >= 0:
        (_late(work, shop, rows.again_on, "landing") / f"orders-{shop.date}_resend.csv.gz").write_bytes(today)
    if rows.corrected is not None:
        (_late(work, shop, rows.corrected_on, "landing") / name).write_bytes(_order_file(rows.corrected + left))


def _order_file(rows: list[str]) -> bytes:
    return snapshots.packed(snapshots.lines_file([orders.HEADER, *rows]))


def _late(work: Path, shop: Shop, due: int, part: str = "") -> Path:
    folder = work / "truth" / "late" / str(shop.date + timedelta(days=due - shop.day)) / part
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _write_truth(
    truth: Path,
    shop: Shop,
    sales: Sales,
    missed: np.ndarray,
    unmet: np.ndarray,
    rows: orders.Rows,
    told: list[crowd.Told],
) -> None:
    day = str(shop.date)
    bots = [f"{visitor},{kind},{events}" for one in told for visitor, kind, events in one.machines]
    (truth / "bots" / f"{day}.csv").write_bytes(snapshots.lines_file(["visitor_id,kind,events", *bots]))
    (truth / "faults" / f"{day}.csv").write_bytes(
        snapshots.lines_file(["kind,key", *(f"{kind},{key}" for kind, key in rows.faults)])
    )
    with (truth / "sales" / f"{day}.npz").open("wb") as file:
        np.savez_compressed(
            file, customer=sales.customer, item=sales.item, units=sales.units, missed=missed, unmet=unmet
        )


def _move(folder: Path, day: date) -> None:
    """Moves a ready day into place, its marker last; may be begun again at any point."""
    truth = folder / "truth"
    ready = truth / f"ready-{day}"
    marker = ready / "truth" / "days" / f"{day}.json"
    for path in sorted(ready.rglob("*")):
        if path.is_file() and path != marker:
            target = folder / path.relative_to(ready)
            target.parent.mkdir(parents=True, exist_ok=True)
            os.replace(path, target)
    (truth / "days").mkdir(exist_ok=True)
    if marker.exists():
        os.replace(marker, truth / "days" / marker.name)
    shutil.rmtree(ready)
    shutil.rmtree(truth / "late" / str(day), ignore_errors=True)
    for old in sorted((truth / "state").iterdir())[:-STATES_KEPT]:
        shutil.rmtree(old)


def _said(truth: Path, day: date, seconds: float) -> str:
    marker = json.loads((truth / "days" / f"{day}.json").read_text())
    counts = {name: f"{count:,}" for name, count in marker["counts"].items()}
    many = ", ".join(f"{counts[name]} {name}" for name in ("sessions", "orders", "events"))
    return f"{day}: {many}, shown {marker['release']}, {seconds:.2f} s"
