"""Order lines, cleaned: whole orders sent twice dropped, test orders marked, cancellations paired with their orders.

One row is one line of an order as sold or as cancelled. Both lines of a pair stay: what was known before the
cancellation was right then.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime

import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.window import Window


@dataclass(frozen=True)
class Params:
    """``test_item``: items by which a store's own people try the till, beside what the mapping says of test orders.
    ``buckets``: pieces in which customers are paired, each on one core."""

    test_item: str = r"(?i)^test([-_ ]?\d*)$"
    buckets: int = 16


PARAMS = Params()
ROW_ID = ("order_id", "line_number", "_file", "_file_version", "_row")
PAIR_COLUMNS = (
    *ROW_ID,
    "customer_id",
    "item_id",
    "ordered_at",
    "units",
    "is_cancellation",
    "known_day",
    "_until",
    "_is_new",
)
PAIRED = "cancels_order_id string, cancels_line_number int"


def order_lines(order_lines: DataFrame, past: DataFrame, params: Params = PARAMS) -> DataFrame:
    """``order_lines`` new to this batch with ``is_test`` and ``cancels_*`` filled; ``past``: the lines known before.

    Both with the contract's columns and ``_until``, the day from which a row no longer stands (null while it does).
    A cancellation takes back the latest line, no later than itself and known by then, of the same customer and item
    of which enough units are not yet cancelled. What the mapping already paired stays so.
    """
    tested = order_lines.withColumn(
        "is_test", F.col("is_test") | F.coalesce(F.col("item_id").rlike(params.test_item), F.lit(False))
    )
    open_cancellation = F.col("is_cancellation") & F.col("customer_id").isNotNull() & F.col("cancels_order_id").isNull()
    wanted = tested.where(open_cancellation).select("customer_id", "item_id").distinct()
    columns = [*PAIR_COLUMNS, "cancels_order_id", "cancels_line_number"]
    lines = (
        tested.withColumn("_is_new", F.lit(True))
        .select(*columns)
        .unionByName(past.withColumn("_is_new", F.lit(False)).select(*columns))
        .join(wanted, ["customer_id", "item_id"], "left_semi")
    )
    bucket = F.pmod(F.xxhash64("customer_id", "item_id"), F.lit(params.buckets))
    schema = f"order_id string, line_number int, _file string, _file_version int, _row long, {PAIRED}"
    pairs = lines.groupBy(bucket.alias("bucket")).applyInPandas(_paired_bucket, schema)
    found = pairs.withColumnsRenamed({"cancels_order_id": "_found_order", "cancels_line_number": "_found_line"})
    return (
        tested.join(found, list(ROW_ID), "left")
        .withColumn(
            "cancels_line_number",
            F.when(F.col("cancels_order_id").isNull(), F.col("_found_line")).otherwise(F.col("cancels_line_number")),
        )
        .withColumn("cancels_order_id", F.coalesce("cancels_order_id", "_found_order"))
        .select(*order_lines.columns)
    )


def sent_twice(order_lines: DataFrame, past: DataFrame) -> DataFrame:
    """(order_id, _file, _file_version) of orders that another file had already delivered, the same lines in any order.

    Catches what the key cannot: exports that number their lines by file. An order spread over several files has other
    lines in each and is not meant. ``past``: the lines known before.
    """
    said = F.xxhash64(
        F.coalesce("customer_id", F.lit("")), "item_id", "units", "price", "ordered_at", "is_cancellation"
    )
    columns = [*map(F.col, ["order_id", "_file", "_file_version", "known_day"]), said.alias("said")]
    before = past.join(order_lines.select("order_id").distinct(), "order_id", "left_semi")
    lines = order_lines.select(*columns, F.lit(True).alias("is_new")).unionByName(
        before.select(*columns, F.lit(False).alias("is_new"))
    )
    several = Window.partitionBy("order_id")
    lines = lines.withColumn("files", F.size(F.collect_set("_file").over(several))).where(F.col("files") > 1)
    orders = lines.groupBy("order_id", "_file", "_file_version", "is_new").agg(
        F.array_sort(F.collect_list("said")).alias("lines"), F.max("known_day").alias("known_day")
    )
    # Against the delivery just before: one that says again what was corrected since is a correction itself.
    ordered = Window.partitionBy("order_id").orderBy("known_day", "_file", "_file_version")
    same = (F.lag("lines").over(ordered) == F.col("lines")) & (F.lag("_file").over(ordered) != F.col("_file"))
    again = orders.withColumn("is_again", same).where(F.col("is_new") & F.col("is_again"))
    return again.select("order_id", "_file", "_file_version")


@dataclass
class _Line:
    key: tuple[str, int]
    row: tuple
    at: datetime
    units: int
    is_cancellation: bool
    known: date
    until: date | None
    is_new: bool
    cancels: tuple[str, int] | None

    def stands(self, day: date) -> bool:
        """Whether the line counts on ``day``."""
        return self.known <= day and (self.until is None or self.until > day)


def _paired_bucket(lines: pd.DataFrame) -> pd.DataFrame:
    groups: dict[tuple, list[_Line]] = defaultdict(list)
    for record in lines.astype(object).where(lines.notna(), None).to_dict("records"):
        cancels = (
            (record["cancels_order_id"], record["cancels_line_number"])
            if record["cancels_order_id"] is not None
            else None
        )
        groups[record["customer_id"], record["item_id"]].append(
            _Line(
                key=(record["order_id"], int(record["line_number"])),
                row=tuple(record[name] for name in ROW_ID),
                at=record["ordered_at"],
                units=int(record["units"]),
                is_cancellation=bool(record["is_cancellation"]),
                known=record["known_day"],
                until=record["_until"],
                is_new=bool(record["_is_new"]),
                cancels=cancels,
            )
        )
    found = [line for group in groups.values() for line in paired(group)]
    rows = [(*line.row, *line.cancels) for line in found if line.cancels is not None]
    frame = pd.DataFrame(rows, columns=[*ROW_ID, "cancels_order_id", "cancels_line_number"])
    return frame.astype(
        {"line_number": "int32", "_file_version": "Int32", "_row": "Int64", "cancels_line_number": "int32"}
    )


def paired(lines: Iterable[_Line]) -> Iterator[_Line]:
    """The new cancellations among the lines of one customer and item that found their order, ``cancels`` filled."""
    lines = sorted(lines, key=lambda line: (line.known, line.at, line.key))
    sold = [line for line in lines if not line.is_cancellation]
    cancellations = [line for line in lines if line.is_cancellation]
    for line in cancellations:
        if line.cancels is not None or not line.is_new:
            continue
        taken: dict[tuple[str, int], int] = defaultdict(int)
        for other in cancellations:
            if other is not line and other.cancels is not None and other.stands(line.known):
                taken[other.cancels] += other.units
        fitting = [
            original
            for original in sold
            if original.stands(line.known)
            and original.at <= line.at
            and original.units - taken[original.key] >= line.units
        ]
        if fitting:
            line.cancels = max(fitting, key=lambda original: (original.at, original.key)).key
            yield line
