"""All blocks of a day, here or in Spark tasks: first what people do, then, once stock has spoken, what is written.

A block's result is the same wherever it is made. Between the two steps it lies in the day's work folder, which Spark's
workers must see, as they must see the store's folder.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pyspark.sql import SparkSession

from jobs.store import block as one_block
from jobs.store import snapshots
from jobs.store.block import BlockDay
from jobs.store.eventlog import event_lines
from jobs.store.lists import Lists
from jobs.store.shop import HOUSE, Shop
from jobs.store.state import read_memory, write_memory
from jobs.store.world import WorldParams

Step = Callable[[int, Any], Any]


@dataclass(frozen=True)
class Day:
    """What every block's task must know of the day: small, but for the arrays over items in ``shop``."""

    params: WorldParams
    shop: Shop
    ids: np.ndarray
    release: str
    work: Path  # the day's files are made here
    late: Path  # what earlier days left for this one
    memories: Path | None  # yesterday's evening


@dataclass(frozen=True)
class Till:
    """What a block brings to the till: lines in order, each with its order's session; arrays over lines."""

    block: int
    sessions: int
    session: np.ndarray
    item: np.ndarray
    units: np.ndarray
    seconds: np.ndarray
    customer: np.ndarray
    country: np.ndarray
    channel: np.ndarray
    missed: np.ndarray
    wanted_item: np.ndarray
    wanted_units: np.ndarray
    customer_rows: list[str]
    consent_rows: list[str]


@dataclass(frozen=True)
class Told:
    """What was written of a block: counts of events and their faults, bots as (visitor, kind, events)."""

    counts: dict[str, int]
    machines: list[tuple[str, str, int]]


def each(spark: SparkSession | None, step: Step, arguments: list[tuple[int, Any]]) -> list[Any]:
    """``step(block, argument)`` for each pair, in order of the pairs; in Spark's tasks where there is a session."""
    if spark is None:
        return [step(block, argument) for block, argument in arguments]
    rows = [(block, pickle.dumps(argument)) for block, argument in arguments]

    def run(batches: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        for batch in batches:
            for block, packed in zip(batch["block"], batch["argument"], strict=True):
                done = pickle.dumps(step(int(block), pickle.loads(packed)))
                yield pd.DataFrame({"block": [block], "result": [done]})

    frame = spark.createDataFrame(rows, "block int, argument binary").repartition(len(rows), "block")
    results = {
        row["block"]: pickle.loads(row["result"])
        for row in frame.mapInPandas(run, "block int, result binary").collect()
    }
    return [results[block] for block, _ in arguments]


def live(day: Day) -> Step:
    """The first step: a block's day is simulated and kept, its lines are brought to the till."""

    def step(block: int, lists: Lists | None) -> Till:
        memory = read_memory(day.params, day.memories, block, day.shop.day)
        done = one_block.simulate(day.params, day.shop, lists, block, memory, first_day=day.shop.day == 0)
        _kept(day, block).write_bytes(pickle.dumps(done))
        at = done.line_session
        return Till(
            block, len(done.visitor), at, done.line_item, done.line_units, done.line_seconds, done.customer[at],
            done.country[at], done.channel[at], done.missed, done.wanted_item, done.wanted_units, done.customer_rows,
            done.consent_rows,
        )  # fmt: skip

    return step


def tell(day: Day, blocks: int) -> Step:
    """The second step: events are written, customers remember what they got; ``filled`` is over the block's lines."""

    def step(block: int, filled: np.ndarray) -> Told:
        done: BlockDay = pickle.loads(_kept(day, block).read_bytes())
        _kept(day, block).unlink()
        memory = read_memory(day.params, day.memories, block, day.shop.day)
        bought = filled & (done.customer[done.line_session] >= 0)
        start = block * day.params.block_customers
        memory.remember(done.customer[done.line_session][bought] - start, done.line_item[bought], day.shop.day)
        write_memory(_folder(day.work / "truth" / "state" / str(day.shop.date)), block, memory)
        events = one_block.kept_events(done, filled)
        now, later, counts = event_lines(day.params, day.shop, day.release or HOUSE, day.ids, done, events)
        for path in sorted(day.late.glob(f"events-*-{block:05d}.jsonl")):
            now += path.read_text().splitlines()
        for due, lines in later.items():
            when = day.shop.date.fromordinal(day.shop.date.toordinal() + due - day.shop.day)
            folder = _folder(day.work / "truth" / "late" / str(when))
            (folder / f"events-{day.shop.date}-{block:05d}.jsonl").write_bytes(snapshots.lines_file(lines))
        part = f"-{block:05d}" if blocks > 1 else ""
        name = f"events-{day.shop.date}{part}.jsonl.gz"
        (_folder(day.work / "landing") / name).write_bytes(snapshots.packed(snapshots.lines_file(now)))
        many = np.bincount(events.session, minlength=len(done.visitor))
        machines = [(done.visitor[at], kind, int(many[at])) for at, kind in enumerate(done.kind) if kind]
        return Told(counts, machines)

    return step


def _kept(day: Day, block: int) -> Path:
    return _folder(day.work / "blocks") / f"{block:05d}.pickle"


def _folder(path: Path) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    return path
