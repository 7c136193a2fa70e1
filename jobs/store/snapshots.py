"""The shop's other files: catalogue, stock, prices, promotions, customers and consents, each in a form of its own."""

from __future__ import annotations

import csv
import gzip
import io
from datetime import date, timedelta
from functools import lru_cache

import numpy as np
import pyarrow as arrow
import pyarrow.parquet as parquet

from jobs.store import catalogue
from jobs.store.prices import ANNOUNCED_DAYS, Prices, Promotion
from jobs.store.shop import Shop
from jobs.store.stock import Stock
from jobs.store.suppliers import Supply
from jobs.store.world import CURRENCY, WorldParams

CATALOGUE = (
    "sku",
    "parent",
    "name",
    "text",
    "path",
    "brand",
    "attrs",
    "price",
    "cost",
    "curr",
    "launched",
    "ended",
    "restricted",
    "sold_in",
)
REMEMBERED_DAYS = 30  # a delisted item stays in the catalogue as ended, then is gone


def catalogue_file(params: WorldParams, shop: Shop, ids: np.ndarray, prices: Prices) -> bytes:
    """A snapshot, CSV with quotes where they are needed, prices before promotions."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(CATALOGUE)
    of = shop.items
    listed = (of.launched <= shop.day) & (shop.day < of.ended + REMEMBERED_DAYS)
    for number in np.flatnonzero(listed).tolist():
        parent, name, text, path, brand, attrs, sold_in = _texts(params, number)
        started = _day(shop, int(of.launched[number]))
        ended = _day(shop, int(of.ended[number])) if of.ended[number] <= shop.day else ""
        writer.writerow(
            (
                ids[number],
                parent,
                name,
                text,
                path,
                brand,
                attrs,
                f"{prices.price[number]:.2f}",
                f"{prices.cost[number]:.2f}",
                CURRENCY,
                started,
                ended,
                int(of.restricted[number]),
                sold_in,
            )
        )
    return out.getvalue().encode()


def stock_file(shop: Shop, ids: np.ndarray, on_hand: np.ndarray) -> bytes:
    """A snapshot of the evening, separated by bars: what is listed, at the one warehouse."""
    rows = [f"{ids[at]}|main|{on_hand[at]}" for at in np.flatnonzero(shop.on_sale).tolist()]
    return ("\n".join(["SKU|Warehouse|Available", *rows]) + "\n").encode()


def inbound_file(shop: Shop, ids: np.ndarray, stock: Stock, by: Supply) -> bytes:
    """A snapshot of the evening: what suppliers owe the shop, with the day on which they said it would be there."""
    rows = ["po,sku,warehouse,qty,ordered,due"]
    for at, pieces, placed in zip(*(column.tolist() for column in stock.on_way()), strict=True):
        due = placed + int(by.announced()[at])
        rows.append(f"PO{placed}S{by.supplier[at]},{ids[at]},main,{pieces},{_day(shop, placed)},{_day(shop, due)}")
    return lines_file(rows)


def prices_file(
    shop: Shop, ids: np.ndarray, prices: Prices, changed: np.ndarray, planned: tuple[np.ndarray, np.ndarray]
) -> bytes:
    """Changes, Parquet, typed: prices and costs that are others than yesterday, valid from today, and the ``planned``
    prices of :func:`jobs.store.prices.announced`, with today's costs."""
    out = io.BytesIO()
    items, price = planned
    told = np.concatenate([changed, items])
    begins = [shop.date] * len(changed) + [shop.date + timedelta(days=ANNOUNCED_DAYS)] * len(items)
    table = arrow.table(
        {
            "sku": arrow.array(ids[told].tolist(), arrow.string()),
            "valid_from": arrow.array(begins, arrow.date32()),
            "price": arrow.array(np.round(np.concatenate([prices.price[changed], price]), 2), arrow.float64()),
            "cost": arrow.array(np.round(prices.cost[told], 2), arrow.float64()),
            "currency": arrow.array([CURRENCY] * len(told), arrow.string()),
        }
    )
    parquet.write_table(table, out, compression="snappy")
    return out.getvalue()


def promotions_file(shop: Shop, ids: np.ndarray, running: list[Promotion]) -> bytes:
    """A snapshot of the campaigns that run, days in the shop's own notation, depth in percent."""
    rows = ["promo_id;sku;from;to;discount_pct;featured"]
    for promotion in running:
        starts, ends = _local(shop, promotion.starts), _local(shop, promotion.ends)
        for item, depth, featured in zip(
            promotion.items.tolist(), promotion.depth.tolist(), promotion.featured.tolist(), strict=True
        ):
            rows.append(
                f"P{promotion.number};{ids[item]};{starts};{ends};{depth * 100:.0f};{'yes' if featured else 'no'}"
            )
    return ("\n".join(rows) + "\n").encode()


def consents_file(rows: list[str]) -> bytes:
    """Changes, CSV."""
    return ("\n".join(["customer_no,purpose,granted", *rows]) + "\n").encode()


def lines_file(rows: list[str]) -> bytes:
    """Rows of text, one a line, without a header: JSON lines."""
    return "".join(f"{row}\n" for row in rows).encode()


def packed(content: bytes) -> bytes:
    """Gzip whose bytes depend on the content alone."""
    return gzip.compress(content, compresslevel=5, mtime=0)


@lru_cache(maxsize=200_000)
def _texts(params: WorldParams, number: int) -> tuple[str, ...]:
    return tuple(catalogue.texts(catalogue.chunk(params, number // catalogue.CHUNK), number).values())


def _day(shop: Shop, day: int) -> str:
    return (shop.date + timedelta(days=day - shop.day)).isoformat()


def _local(shop: Shop, day: int) -> str:
    moment: date = shop.date + timedelta(days=day - shop.day)
    return f"{moment:%d/%m/%Y}"
