"""What was published for a day, read as the shop's site would: pointer, manifest, files."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow.parquet as parquet

from jobs.store.customers import FIRST_ID
from jobs.store.shop import BUY_AGAIN, DISCOVER, HOME, HOUSE, SHOWN
from jobs.store.world import COUNTRIES, WorldParams

PRODUCT = "simulated/recommendations"
CUSTOMER_PLACEMENTS = {"home": HOME, "buy_again": BUY_AGAIN, "discover": DISCOVER}
MOST_SHOWN = max(SHOWN)
BATCH = 500_000  # rows of a published table held at a time

#: Reads one object by its key below the publication's root; None when there is none.
Reader = Callable[[str], bytes | None]


@dataclass(frozen=True)
class Lists:
    """Published lists as arrays of item numbers (-1: no such place) with the propensities beside them."""

    release: str
    as_of: date
    personal: np.ndarray  # int32 [3 placements, customers, MOST_SHOWN]
    personal_chance: np.ndarray  # float32, as personal
    newcomer: dict[str, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)  # segment: items, propensities
    related: np.ndarray | None = None  # int32 [items, MOST_SHOWN]

    def of_block(self, start: int, size: int) -> Lists:
        """The lists that the customers of one block need."""
        part = slice(start, start + size)
        return Lists(
            self.release, self.as_of, self.personal[:, part], self.personal_chance[:, part], self.newcomer, self.related
        )


def folder_reader(root: str | Path) -> Reader:
    """Reads published objects from a folder."""

    def read(key: str) -> bytes | None:
        path = Path(root) / key
        return path.read_bytes() if path.is_file() else None

    return read


def in_force(read: Reader, day: date) -> dict | None:
    """The manifest of the release that shoppers see on the day: the pointer's, when it was made before the day."""
    pointer = read(f"{PRODUCT}/current.json")
    if pointer is None:
        return None
    current = json.loads(pointer)
    if date.fromisoformat(str(current["as_of"])) >= day:
        return None
    text = read(f"{PRODUCT}/releases/{current['release']}.json")
    return {**json.loads(text), "release": current["release"], "as_of": current["as_of"]} if text else None


def published(read: Reader, day: date, params: WorldParams, customers: int, item_ids: np.ndarray) -> Lists | None:
    """The lists in force on the day for the first ``customers`` accounts; None before any was published."""
    manifest = in_force(read, day)
    if manifest is None:
        return None
    number = {name: at for at, name in enumerate(item_ids.tolist())}
    tables = _keys(manifest)
    personal = np.full((3, customers, MOST_SHOWN), -1, dtype=np.int32)
    likely = np.ones((3, customers, MOST_SHOWN), dtype=np.float32)
    for frame in _frames(
        read, tables.get("for_customer", []), ["customer_id", "placement", "rank", "item_id", "propensity"]
    ):
        who = _numbers(frame["customer_id"]) - FIRST_ID
        where = frame["placement"].map(CUSTOMER_PLACEMENTS).fillna(-1).astype(int).to_numpy()
        rank = frame["rank"].to_numpy(dtype=int) - 1
        fits = (who >= 0) & (who < customers) & (where >= 0) & (rank < MOST_SHOWN)
        places = where[fits], who[fits], rank[fits]
        personal[places] = frame["item_id"].map(number).fillna(-1).astype(int).to_numpy()[fits]
        likely[places] = frame["propensity"].fillna(1.0).to_numpy()[fits]
    newcomer: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    for frame in _frames(read, tables.get("for_newcomer", []), ["segment", "rank", "item_id", "propensity"]):
        frame = frame[frame["rank"] <= MOST_SHOWN].sort_values("rank")
        for segment, rows in frame.groupby("segment"):
            newcomer[str(segment)] = _places(rows["rank"], rows["item_id"].map(number), rows["propensity"])
    related = np.full((len(item_ids), MOST_SHOWN), -1, dtype=np.int32)
    for frame in _frames(read, tables.get("related_items", []), ["item_id", "relation", "rank", "related_item_id"]):
        frame = frame[(frame["relation"] == "similar") & (frame["rank"] <= MOST_SHOWN) & frame["item_id"].isin(number)]
        at = frame["item_id"].map(number).astype(int).to_numpy(), frame["rank"].to_numpy(dtype=int) - 1
        related[at] = frame["related_item_id"].map(number).fillna(-1).astype(int).to_numpy()
    return Lists(manifest["release"], date.fromisoformat(str(manifest["as_of"])), personal, likely, newcomer, related)


def newcomer_list(lists: Lists, country: int) -> tuple[np.ndarray, np.ndarray] | None:
    """The list of a country's newcomers, else everyone's."""
    return lists.newcomer.get(f"country={COUNTRIES[country]}") or lists.newcomer.get("all")


def release_of(lists: Lists | None) -> str:
    """The release as events name it."""
    return HOUSE if lists is None else lists.release


def _keys(manifest: dict) -> dict[str, list[str]]:
    """Table name → keys of its Parquet files, below the publication's root."""
    return {
        name: [f"{PRODUCT}/{file['key']}" for file in table["files"] if file["key"].endswith(".parquet")]
        for name, table in manifest["tables"].items()
    }


def _frames(read: Reader, keys: list[str], columns: list[str]):
    for key in keys:
        content = read(key)
        if content is None:
            raise FileNotFoundError(f"the release's manifest names {key}, which is not there")
        for batch in parquet.ParquetFile(io.BytesIO(content)).iter_batches(BATCH, columns=columns):
            yield batch.to_pandas()


def _numbers(ids) -> np.ndarray:
    return ids.astype(str).str.extract(r"^(\d+)$", expand=False).fillna("-1").astype(int).to_numpy()


def _places(rank, item, propensity) -> tuple[np.ndarray, np.ndarray]:
    items, likely = np.full(MOST_SHOWN, -1, dtype=np.int32), np.ones(MOST_SHOWN, dtype=np.float32)
    items[rank.to_numpy(dtype=int) - 1] = item.fillna(-1).astype(int).to_numpy()
    likely[rank.to_numpy(dtype=int) - 1] = propensity.fillna(1.0).to_numpy()
    return items, likely
