"""What is true of a simulated store, for tests and benchmarks; the system itself never reads it.

Relevance is the chance that a customer buys an item once they look at it alone: taste, need, price and season as the
choice model has them, and no position, no list, no luck.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd

from jobs.lib.errors import DaybreakError
from jobs.store import catalogue, choice, customers, suppliers
from jobs.store.bots import TESTER
from jobs.store.customers import FIRST_ID, MEMORY, Memory
from jobs.store.delivery import open_day, world_of
from jobs.store.prices import depth_of, promotions
from jobs.store.shop import PLACEMENTS, Shop, open_shop
from jobs.store.state import Evening, read_evening, read_memory
from jobs.store.world import sigmoid

HORIZON_STEP = 7  # days between the moments over which a longer horizon is averaged


class Truth:
    """The truth of the store in ``folder`` (the one that holds ``landing`` and ``truth``)."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "truth"
        world = world_of(self.folder)
        if world is None:
            raise DaybreakError(f"{folder} holds no simulated store: run `python -m jobs store --through DAY` first")
        self.params, self.start = world

    def days(self) -> list[date]:
        """The days delivered."""
        return sorted(date.fromisoformat(path.stem) for path in (self.folder / "days").glob("*.json"))

    def counts(self) -> pd.DataFrame:
        """One row a day: the release shown, sessions, orders, lines, events, and how many of each fault."""
        rows = [pd.read_json(self.folder / "days" / f"{day}.json", typ="series") for day in self.days()]
        return pd.DataFrame([{"day": row["day"], "release": row["release"], **row["counts"]} for row in rows]).fillna(0)

    def bots(self) -> pd.DataFrame:
        """One row a bot and day: day, visitor_id, kind, events; without the shop's own testers."""
        found = self._table("bots")
        return found[found["kind"] != TESTER].reset_index(drop=True)

    def testers(self) -> pd.DataFrame:
        """As bots, the shop's own testers."""
        found = self._table("bots")
        return found[found["kind"] == TESTER].reset_index(drop=True)

    def faults(self) -> pd.DataFrame:
        """One row a fault in a file of orders: day, kind, key (order, order/line or the file's day)."""
        return self._table("faults")

    def sales(self, day: date) -> pd.DataFrame:
        """What was really sold on the day: customer_id (None for a guest), item_id, units."""
        with np.load(self.folder / "sales" / f"{day}.npz") as kept:
            who = [str(FIRST_ID + one) if one >= 0 else None for one in kept["customer"].tolist()]
            return pd.DataFrame(
                {"customer_id": who, "item_id": self.item_ids(day)[kept["item"]], "units": kept["units"]}
            )

    def demand(self, day: date) -> pd.DataFrame:
        """By item: sold pieces; ``demand``, pieces that would have been sold with stock without end (and all else as it
        was); how often it was wanted while there was none; item_id, units, demand, missed, in_stock."""
        shop = self.shop(day)
        with np.load(self.folder / "sales" / f"{day}.npz") as kept:
            size = len(shop.items)
            units = np.bincount(kept["item"], weights=kept["units"], minlength=size)
            missed = np.bincount(kept["missed"].astype(np.int64), minlength=size)
            demand = units + kept["unmet"]
        frame = pd.DataFrame(
            {
                "item_id": self.item_ids(day),
                "units": units.astype(int),
                "demand": demand.astype(int),
                "missed": missed,
                "in_stock": shop.in_stock,
            }
        )
        return frame[shop.on_sale].reset_index(drop=True)

    def terms(self, day: date) -> pd.DataFrame:
        """What suppliers really do, a row an item: item_id, supplier, lead_days, lead_sd_days, pack, least."""
        by = suppliers.supply(self.params, self._number(day))
        return pd.DataFrame(
            {
                "item_id": self.item_ids(day),
                "supplier": by.supplier,
                "lead_days": by.lead,
                "lead_sd_days": by.lead_sd,
                "pack": by.pack,
                "least": by.least,
            }
        )

    def item_ids(self, day: date) -> np.ndarray:
        """The ids of all items ever listed by the day; columns of ``relevance``."""
        return catalogue.item_ids(catalogue.items(self.params, self._number(day)))

    def customer_ids(self, day: date) -> list[str]:
        """Customers who still come on the day."""
        found = []
        for block in range(customers.blocks(self.params, self._number(day))):
            of = customers.customers(self.params, block, self._number(day))
            found += (
                FIRST_ID + of.index[(of.leaves > self._number(day)) & (of.registered <= self._number(day))]
            ).tolist()
        return [str(one) for one in found]

    def shop(self, day: date) -> Shop:
        """The shop on a delivered day, or on the day after the last one."""
        number = self._number(day)
        kept = self.folder / "items" / f"{day}.npz"
        if kept.exists():
            morning = read_evening(kept)
            running = promotions(self.params, catalogue.items(self.params, number), number, day.weekday())
            return open_shop(self.params, number, day, morning.prices, running, morning.stock, morning.sales)
        yesterday = self.folder / "state" / str(day - timedelta(days=1)) / "evening.npz"
        before = read_evening(yesterday) if yesterday.exists() else Evening.before_the_first_day()
        if number and not yesterday.exists():
            raise DaybreakError(f"{day} is neither delivered nor the day after the last: there is no truth of it yet")
        return open_day(self.params, before, number, day)[1]

    def relevance(self, day: date, customer_ids: Sequence[str], horizon_days: int = 1) -> np.ndarray:
        """Chance to buy an item looked at alone, [customers, items ever listed], on the mean of the ``horizon_days``
        from ``day`` on (needs ripen, all else as on ``day``); 0 for what cannot be bought: not on sale, out of stock,
        not sold in the country, restricted. Memory: 16 bytes a cell; ask for some thousand customers at a time."""
        shop = self.shop(day)
        result = np.zeros((len(customer_ids), len(shop.items)))
        index = np.array([int(one) for one in customer_ids], dtype=np.int64) - FIRST_ID
        unknown = index[(index < 0) | (index >= self.params.customers_through(shop.day))]
        if len(unknown):
            raise DaybreakError(f"customer {FIRST_ID + unknown[0]} has no account on {day}: ask for customer_ids(day)")
        for block in np.unique(index // self.params.block_customers).tolist():
            rows = np.flatnonzero(index // self.params.block_customers == block)
            result[rows] = self._relevance(
                shop, day, block, index[rows] - block * self.params.block_customers, horizon_days
            )
        return result

    def remembered(self, day: date, customer_ids: Sequence[str]) -> np.ndarray:
        """Whether each customer had bought each item by the morning of the day, bool [customers, items ever listed]."""
        known = np.zeros((len(customer_ids), len(catalogue.items(self.params, self._number(day)))), dtype=bool)
        for row, one in enumerate(customer_ids):
            block, at = divmod(int(one) - FIRST_ID, self.params.block_customers)
            item = self._memory(day, block).item[at]
            known[row, item[item >= 0]] = True
        return known

    def oracle(
        self, day: date, customer_ids: Sequence[str], places: int = 10, placement: str = "home", horizon_days: int = 1
    ) -> pd.DataFrame:
        """The best lists there are: customer_id, rank, item_id, relevance; ``placement``: home, buy_again, discover."""
        worth = self._placed(day, customer_ids, placement, horizon_days)
        order = np.argsort(-worth, axis=1, kind="stable")[:, :places]
        ids = self.item_ids(day)
        best = np.take_along_axis(worth, order, axis=1)
        frame = pd.DataFrame(
            {
                "customer_id": np.repeat(list(customer_ids), order.shape[1]),
                "rank": np.tile(np.arange(order.shape[1]) + 1, len(customer_ids)),
                "item_id": ids[order.ravel()],
                "relevance": best.ravel(),
            }
        )
        return frame[frame["relevance"] > 0].reset_index(drop=True)

    def judged(
        self, day: date, lists: pd.DataFrame, places: int = 10, placement: str = "home", horizon_days: int = 1
    ) -> pd.DataFrame:
        """How near lists (customer_id, rank from 1, item_id) come to the oracle's, a row a customer: ``ndcg`` with true
        relevance as gain; ``value`` and ``best``: expected purchases under true examination; ``regret``: what
        lies between.
        """
        who = list(dict.fromkeys(lists["customer_id"].astype(str)))
        worth = self._placed(day, who, placement, horizon_days)
        number = {name: at for at, name in enumerate(self.item_ids(day).tolist())}
        row_of = {name: at for at, name in enumerate(who)}
        kept = lists[(lists["rank"] <= places) & lists["item_id"].isin(number)].drop_duplicates(
            ["customer_id", "item_id"]
        )
        rows = kept["customer_id"].astype(str).map(row_of).to_numpy()
        rank = kept["rank"].to_numpy(dtype=int)
        gain = worth[rows, kept["item_id"].map(number).to_numpy(dtype=int)]
        ideal = -np.sort(-worth, axis=1)[:, :places]
        ranks = np.arange(ideal.shape[1]) + 1
        looks = self.examination(placement, ranks)
        value, best = np.bincount(rows, gain * self.examination(placement, rank), len(who)), (ideal * looks).sum(axis=1)
        dcg, top = np.bincount(rows, gain / np.log2(rank + 1), len(who)), (ideal / np.log2(ranks + 1)).sum(axis=1)
        ndcg = np.divide(dcg, top, out=np.zeros_like(dcg), where=top > 0)
        return pd.DataFrame({"customer_id": who, "ndcg": ndcg, "value": value, "best": best, "regret": best - value})

    @staticmethod
    def examination(placement: str, rank: np.ndarray) -> np.ndarray:
        """Chance that a shopper looks at the place; ``rank`` from 1."""
        return choice.examination(np.full(np.shape(rank), PLACEMENTS.index(placement)), rank)

    def promoted(self, day: date) -> pd.DataFrame:
        """Items in a promotion on the day: item_id, depth."""
        of = catalogue.items(self.params, self._number(day))
        depth, _ = depth_of(promotions(self.params, of, self._number(day), day.weekday()), len(of))
        return pd.DataFrame({"item_id": catalogue.item_ids(of)[depth > 0], "depth": depth[depth > 0]})

    def _placed(self, day: date, customer_ids: Sequence[str], placement: str, horizon_days: int) -> np.ndarray:
        worth = self.relevance(day, customer_ids, horizon_days)
        if placement == "home":
            return worth
        known = self.remembered(day, customer_ids)
        return np.where(known if placement == "buy_again" else ~known, worth, 0.0)

    def _relevance(self, shop: Shop, day: date, block: int, at: np.ndarray, horizon_days: int) -> np.ndarray:
        of = customers.customers(self.params, block, shop.day)
        memory = self._memory(day, block)
        item, since = memory.item[at], shop.day - memory.day[at].astype(float)
        base = self.params.taste_weight * of.taste[at] @ shop.items.vector.T + shop.appeal[None, :]
        base += of.mood[at][:, None] - of.price_sense[at][:, None] * shop.dearness[None, :]
        total, steps = np.zeros(base.shape), range(0, horizon_days, HORIZON_STEP)
        rows = np.repeat(np.arange(len(at)), MEMORY)
        known = item.ravel() >= 0
        for step in steps:
            needed = choice.need(since + step, shop.items.cycle[item.clip(0)], of.pace[at][:, None]).ravel()
            worth = base.copy()
            worth[rows[known], item.ravel()[known]] += needed[known]
            total += sigmoid(worth - self.params.outside_utility)
        size = len(shop.items)
        fits = choice.allowed(
            shop, np.repeat(of.country[at], size), np.repeat(of.age[at], size), np.tile(np.arange(size), len(at))
        ).reshape(base.shape)
        return np.where(fits & shop.in_stock[None, :], total / len(steps), 0.0)

    @lru_cache(maxsize=64)  # noqa: B019 - a Truth lives as long as a test or a benchmark
    def _memory(self, day: date, block: int) -> Memory:
        """What a block's customers remembered on the morning of the day: replayed from what was sold."""
        yesterday = self.folder / "state" / str(day - timedelta(days=1))
        if yesterday.exists():
            return read_memory(self.params, yesterday, block, self._number(day))
        memory = read_memory(self.params, None, block, 0)
        start, size = block * self.params.block_customers, self.params.block_customers
        for number in range(self._number(day)):
            memory = memory.extended(len(customers.customers(self.params, block, number)))
            with np.load(self.folder / "sales" / f"{self.start + timedelta(days=number)}.npz") as kept:
                mine = (kept["customer"] >= start) & (kept["customer"] < start + size)
                memory.remember(kept["customer"][mine] - start, kept["item"][mine], number)
        return memory.extended(len(customers.customers(self.params, block, self._number(day))))

    def _number(self, day: date) -> int:
        return (day - self.start).days

    def _table(self, kind: str) -> pd.DataFrame:
        frames = [pd.read_csv(path, dtype=str).assign(day=path.stem) for path in self._kept(kind)]
        return pd.concat(frames, ignore_index=True)

    def _kept(self, kind: str) -> Iterable[Path]:
        return sorted((self.folder / kind).glob("*.csv"))
