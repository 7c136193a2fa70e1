"""The file of orders: what was sold, what was taken back, and all that goes wrong between a shop's till and a file."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, timedelta

import numpy as np

from jobs.store.customers import FIRST_ID
from jobs.store.shop import Shop
from jobs.store.world import CHANNELS, COUNTRIES, CURRENCY, WorldParams, chance

HEADER = "OrderNo;Pos;OrderDate;CustomerNo;SKU;Qty;UnitPrice;Curr;ShipCountry;Channel;Status;RefOrder;Note"
TEST_NOTES = ("TEST - do not ship", "test order checkout v2", "Please ignore: TEST")


@dataclass
class Sales:
    """Lines that were filled, arrays over lines in order of block and time."""

    order: list[str]
    position: np.ndarray
    seconds: np.ndarray
    customer: np.ndarray  # number, -1 for a guest
    item: np.ndarray
    units: np.ndarray
    country: np.ndarray
    channel: np.ndarray


@dataclass
class Rows:
    """Text rows of a day's order file, and of later days' files; what was done to them, for the truth."""

    now: list[str] = field(default_factory=list)
    later: dict[int, list[str]] = field(default_factory=lambda: defaultdict(list))  # day: rows
    corrected: list[str] | None = None  # the rows as they should have been, where the file is corrected later
    corrected_on: int = -1
    again_on: int = -1  # the day on which the file comes again under another name
    faults: list[tuple[str, str]] = field(default_factory=list)  # kind, key


def fill(on_hand: np.ndarray, item: np.ndarray, units: np.ndarray, seconds: np.ndarray) -> np.ndarray:
    """Which lines stock can fill, first come first served; bool over the lines."""
    order = np.lexsort((seconds, item))
    wanted = units[order].cumsum()
    starts = np.concatenate([[True], item[order][1:] != item[order][:-1]]) if len(item) else np.zeros(0, bool)
    before = np.where(starts, wanted - units[order], 0)
    before = np.maximum.accumulate(before) if len(item) else before
    filled = np.zeros(len(item), dtype=bool)
    filled[order] = wanted - before <= on_hand[item[order]]
    return filled


def order_rows(params: WorldParams, shop: Shop, ids: np.ndarray, sales: Sales) -> Rows:
    """The day's rows with their faults, as drawn for the day."""
    rng, rates = chance(params, "order faults", shop.day), params.rates
    rows, out = _clean(shop, ids, sales), Rows()
    _cancel(rng, rates.cancellations, shop, sales, rows, out)
    _shipping(rng, shop, sales, rows)
    many = rng.binomial(len(set(sales.order)), rates.test_orders)
    for number in range(many):
        out.faults.append(("test_order", f"T{shop.date:%y%m%d}N{number}"))
        rows.append(_test_order(rng, shop, ids, number))
    whole = {order for order in dict.fromkeys(sales.order) if rng.random() < rates.orders_twice}
    twice = [row for row in rows if row[0] in whole]
    luck, kinds = rng.random(len(rows)), rng.integers(0, 6, len(rows))
    for number, row in enumerate(rows):
        if luck[number] < rates.broken_lines:
            rows[number] = _broken(row, int(kinds[number]))
            out.faults.append(("broken_line", f"{row[0]}/{row[1]}"))
        elif luck[number] < rates.broken_lines + rates.late_lines and row[0] not in whole:
            out.later[shop.day + 1 + int(kinds[number]) % 3].append(";".join(row))
            out.faults.append(("late_line", f"{row[0]}/{row[1]}"))
            rows[number] = []
    kept = [row for row in rows if row]
    for order in sorted(whole):
        out.faults.append(("order_twice", order))
    same_file = [row for row in twice if ord(row[0][-1]) % 2]
    next_file = [";".join(row) for row in twice if not ord(row[0][-1]) % 2]
    if next_file:
        out.later[shop.day + 1] += next_file
    out.now = [";".join(row) for row in kept + same_file]
    _file_faults(rng, params, shop, kept + same_file, out)
    return out


def _clean(shop: Shop, ids: np.ndarray, sales: Sales) -> list[list[str]]:
    return [
        [
            sales.order[at],
            str(sales.position[at]),
            local(shop.date, sales.seconds[at]),
            number(int(sales.customer[at])),
            str(ids[sales.item[at]]),
            str(sales.units[at]),
            comma(shop.price[sales.item[at]]),
            CURRENCY,
            COUNTRIES[sales.country[at]],
            CHANNELS[sales.channel[at]],
            "paid",
            "",
            "",
        ]
        for at in range(len(sales.order))
    ]


def _cancel(rng: np.random.Generator, rate: float, shop: Shop, sales: Sales, rows: list[list[str]], out: Rows) -> None:
    """Some lines are taken back one to ten days later, some with the number of the order, all with negative units."""
    for at in np.flatnonzero(rng.random(len(sales.order)) < rate).tolist():
        days, moment = int(rng.integers(1, 11)), float(rng.uniform(8, 20)) * 3600
        row = list(rows[at])
        when = local(shop.date + timedelta(days=days), moment)
        row[0], row[1], row[2], row[5] = f"S{sales.order[at][1:]}P{row[1]}", "1", when, f"-{row[5]}"
        row[10], row[11] = "storno", sales.order[at] if rng.random() < 0.7 else ""
        out.later[shop.day + days].append(";".join(row))
        out.faults.append(("cancellation", f"{sales.order[at]}/{rows[at][1]}"))


def _shipping(rng: np.random.Generator, shop: Shop, sales: Sales, rows: list[list[str]]) -> None:
    """One order in twelve pays for postage or wrapping: a line that is no product."""
    last: dict[str, int] = {}
    for at, order in enumerate(sales.order):
        last[order] = at
    for at in last.values():
        if rng.random() < 0.08:
            row = list(rows[at])
            code, price = ("SHIP", 4.95) if rng.random() < 0.8 else ("GIFTWRAP", 2.5)
            row[1], row[4], row[5], row[6] = str(int(row[1]) + 1), code, "1", comma(price)
            rows.append(row)


def _test_order(rng: np.random.Generator, shop: Shop, ids: np.ndarray, count: int) -> list[str]:
    item = int(rng.choice(shop.popular)) if len(shop.popular) else 0
    status, note = ("test", "") if rng.random() < 0.5 else ("paid", TEST_NOTES[int(rng.integers(len(TEST_NOTES)))])
    return [
        f"T{shop.date:%y%m%d}N{count}",
        "1",
        local(shop.date, float(rng.uniform(8, 20)) * 3600),
        "",
        str(ids[item]),
        str(int(rng.integers(1, 100))),
        comma(shop.price[item]),
        CURRENCY,
        "NL",
        "web",
        status,
        "",
        note,
    ]


def _broken(row: list[str], kind: int) -> list[str]:
    """One cell that no contract lets through."""
    column, text = [(6, "n/a"), (5, f"-{row[5]}"), (4, ""), (2, "31.02.2026 10:00:00"), (6, "0,00"), (7, "EURO")][kind]
    return [text if at == column else cell for at, cell in enumerate(row)]


def _file_faults(rng: np.random.Generator, params: WorldParams, shop: Shop, rows: list[list[str]], out: Rows) -> None:
    """Some files come again under another name; some hold misplaced commas and are replaced some days later."""
    rates, luck = params.rates, rng.random()
    if luck < rates.files_twice:
        out.again_on = shop.day + 1
        out.faults.append(("file_twice", shop.date.isoformat()))
    elif luck < rates.files_twice + rates.files_corrected:
        out.corrected, out.corrected_on = out.now, shop.day + int(rng.integers(2, 6))
        wrong = rng.random(len(rows)) < rates.wrong_prices
        wrong[: min(1, len(rows))] = True
        out.now = [";".join(_misplaced(row) if bad else row) for row, bad in zip(rows, wrong.tolist(), strict=True)]
        out.faults.append(("file_corrected", shop.date.isoformat()))


def _misplaced(row: list[str]) -> list[str]:
    return [cell.replace(",", "") + ",00" if at == 6 and "," in cell else cell for at, cell in enumerate(row)]


def local(day: date, seconds: float) -> str:
    """A moment of the shop's own clock, as its till writes it."""
    whole = int(seconds)
    return f"{day:%d.%m.%Y} {whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}"


def number(customer: int) -> str:
    """A customer's number as a spreadsheet once spelled it; blank for a guest."""
    return "" if customer < 0 else f"{FIRST_ID + customer}.0"


def comma(price: float) -> str:
    """A price with a decimal comma."""
    return f"{price:.2f}".replace(".", ",")
