"""What the shop sells: every item's place, style, latent vector, price level, cycle, and the days on which it was sold.

Items come in chunks, each drawn by itself: items launched later never change those that were there before. Numbers
(what shoppers feel) and texts (what the shop says) are made apart, since only files need texts.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from jobs.store import words
from jobs.store.world import COUNTRIES, WorldParams, chance

CHUNK = 500
NEVER = 32_000  # a day index past every world's end
LEAVES = words.leaves()
STYLE_NAMES = tuple(words.STYLES)
SPIRITS = next(number for number, leaf in enumerate(LEAVES) if leaf[2] == "Spirits")


@dataclass(frozen=True)
class Items:
    """Arrays over items by their number; days count from the world's first (negative: before it)."""

    leaf: np.ndarray  # int16
    style: np.ndarray  # int8
    brand: np.ndarray  # int8
    noun: np.ndarray  # int8
    colour: np.ndarray  # int8
    size: np.ndarray  # int8
    material: np.ndarray  # int8
    parent: np.ndarray  # int32, number of the family's first item, -1 without a family
    vector: np.ndarray  # float32 [items, dims], length about 1
    quality: np.ndarray  # float32, utility
    cycle: np.ndarray  # float32 days between purchases; 0 for what is not used up
    base_price: np.ndarray  # float64
    margin: np.ndarray  # float64, share of the base price
    launched: np.ndarray  # int32 day
    ended: np.ndarray  # int32 day from which it is no longer sold
    sold_in: np.ndarray  # uint8, a bit per country; 255: everywhere
    restricted: np.ndarray  # bool
    drift: np.ndarray  # float32 [items, 4]: amplitude, period, phase, day of a fashion (or far away)

    def __len__(self) -> int:
        return len(self.leaf)

    def on_sale(self, day: int) -> np.ndarray:
        """Whether each item is listed on the day, bool."""
        return (self.launched <= day) & (day < self.ended)


@lru_cache(maxsize=8)
def directions(params: WorldParams) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Latent directions of leaves, styles and brands, and each leaf's season: amplitude and phase over the year."""
    rng = chance(params, "directions")
    dims = 8
    department = {name: rng.normal(size=dims) for name in words.TREE}
    leaf = np.stack([department[row[0]] * 0.7 + rng.normal(size=dims) * 0.8 for row in LEAVES]) / np.sqrt(dims)
    style = rng.normal(size=(len(STYLE_NAMES), dims)) / np.sqrt(dims)
    brand = rng.normal(size=(len(words.BRANDS), dims)) / np.sqrt(dims)
    amplitude = rng.uniform(0.0, 0.45, len(LEAVES))
    phase = rng.uniform(0, 365, len(LEAVES))
    return leaf, style, brand, amplitude, phase


@lru_cache(maxsize=4)
def items(params: WorldParams, day: int) -> Items:
    """All items that were ever listed by the day."""
    wanted = params.items_through(day)
    parts = [chunk(params, place) for place in range(-(-wanted // CHUNK))]
    columns = {name: np.concatenate([part[name] for part in parts])[:wanted] for name in parts[0]}
    return Items(**columns)


@lru_cache(maxsize=4096)
def chunk(params: WorldParams, place: int) -> dict[str, np.ndarray]:
    """The columns of Items for the CHUNK items from ``place`` * CHUNK on."""
    rng = chance(params, "items", place)
    number = np.arange(place * CHUNK, (place + 1) * CHUNK)
    leaf = rng.permutation(np.arange(CHUNK) % len(LEAVES)).astype(np.int16)
    style = rng.integers(0, len(STYLE_NAMES), CHUNK).astype(np.int8)
    brand = rng.integers(0, len(words.BRANDS), CHUNK).astype(np.int8)
    noun = (rng.integers(0, 1000, CHUNK) % np.array([len(LEAVES[at][3]) for at in leaf])).astype(np.int8)
    parent = _families(params, rng, leaf, style, brand, noun, number)
    leaf_at, style_at, brand_at, _, _ = directions(params)
    vector = leaf_at[leaf] * 0.75 + style_at[style] * 0.7 + brand_at[brand] * 0.25 + rng.normal(size=(CHUNK, 8)) * 0.12
    vector /= np.linalg.norm(vector, axis=1, keepdims=True)
    usual = np.array([LEAVES[at][4] for at in leaf], dtype=float)
    luxury = 1 + 0.5 * (style == STYLE_NAMES.index("luxury"))
    price = np.maximum(np.round(usual * luxury * np.exp(rng.normal(0, 0.32, CHUNK))) - 0.05, 1.95)
    used_up = np.array([LEAVES[at][5] for at in leaf])
    cycle = np.where(used_up, rng.uniform(14, 75, CHUNK), 0)
    launched, ended = _lives(params, rng, number)
    somewhere = rng.integers(1, 2 ** len(COUNTRIES) - 1, CHUNK) | 1
    fashion = np.where(rng.random(CHUNK) < 0.25, launched.clip(0) + rng.uniform(0, 400, CHUNK), 1e6)
    drift = np.stack(
        [rng.uniform(0, 0.4, CHUNK), rng.uniform(40, 200, CHUNK), rng.uniform(0, 6.3, CHUNK), fashion], axis=1
    )
    return {
        "leaf": leaf, "style": style, "brand": brand, "noun": noun,
        "colour": rng.integers(0, len(words.COLOURS), CHUNK).astype(np.int8),
        "size": rng.integers(0, len(words.SIZES), CHUNK).astype(np.int8),
        "material": rng.integers(0, len(words.MATERIALS), CHUNK).astype(np.int8),
        "parent": parent, "vector": vector.astype(np.float32),
        "quality": rng.normal(0, 0.45, CHUNK).astype(np.float32), "cycle": cycle.astype(np.float32),
        "base_price": price, "margin": rng.uniform(0.25, 0.6, CHUNK), "launched": launched, "ended": ended,
        "sold_in": np.where(rng.random(CHUNK) < 0.06, somewhere, 255).astype(np.uint8),
        "restricted": leaf == SPIRITS, "drift": drift.astype(np.float32),
    }  # fmt: skip


def _families(params: WorldParams, rng: np.random.Generator, leaf, style, brand, noun, number) -> np.ndarray:
    """Makes some items variants of an earlier one (same leaf, style, brand, noun); returns the family's first item."""
    parent = np.full(CHUNK, -1, dtype=np.int32)
    starts = np.sort(rng.choice(CHUNK - 3, round(CHUNK * params.variant_share / 3), replace=False))
    taken = -1
    for start in starts:
        if start <= taken:
            continue
        taken = start + int(rng.integers(1, 3))
        for member in range(start, taken + 1):
            parent[member] = number[start]
            leaf[member], style[member], brand[member], noun[member] = (
                leaf[start],
                style[start],
                brand[start],
                noun[start],
            )
    return parent


def _lives(params: WorldParams, rng: np.random.Generator, number: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """First and last days: the first ``items`` are there from the start, the others launch one after another."""
    per_day = max(params.items * params.launches_per_day, 1e-9)
    later = np.ceil((number - params.items + 1) / per_day)
    launched = np.where(number < params.items, -rng.integers(10, 900, CHUNK), np.clip(later, 0, NEVER - 1)).astype(
        np.int32
    )
    life = rng.exponential(1 / params.launches_per_day if params.launches_per_day else 1e6, CHUNK) + 25
    ended = np.clip(np.maximum(launched, 0) + life, 0, NEVER).astype(np.int32)
    return launched, ended


def day_appeal(params: WorldParams, of: Items, day: int, day_of_year: int) -> np.ndarray:
    """What each item is worth on the day before price and taste, float32: quality, drift, fashion, season, novelty."""
    _, _, _, amplitude, phase = directions(params)
    drift = of.drift[:, 0] * np.sin(2 * np.pi * day / of.drift[:, 1] + of.drift[:, 2])
    since = day - of.drift[:, 3]
    fashion = np.where(since >= 0, 1.1 * np.exp(-np.maximum(since, 0) / 18), 0)
    season = (amplitude * np.sin(2 * np.pi * (day_of_year - phase) / 365.25))[of.leaf]
    novelty = np.where(of.launched > 0, 0.6 * np.exp(-np.maximum(day - of.launched, 0) / 15), 0)
    return (of.quality + drift + fashion + season + novelty).astype(np.float32)


def item_ids(of: Items) -> np.ndarray:
    """The shop's article numbers, text: two letters of the leaf, a number, and a letter for a variant."""
    texts = []
    for number, (leaf, parent) in enumerate(zip(of.leaf.tolist(), of.parent.tolist(), strict=True)):
        family = number if parent < 0 else parent
        suffix = "" if parent < 0 else "-" + "ABCDEF"[number - parent]
        texts.append(f"{LEAVES[leaf][2][:2].upper()}{10_000 + family}{suffix}")
    return np.array(texts, dtype=object)


def texts(of: dict[str, np.ndarray], number: int) -> dict[str, str]:
    """What the catalogue says of the item of this number, in its chunk: parent, name, text, path, brand, attributes as
    JSON, countries."""
    at = number % CHUNK
    department, category, leaf, nouns, _, _ = LEAVES[of["leaf"][at]]
    style = STYLE_NAMES[of["style"][at]]
    adjectives = words.STYLES[style]
    noun, brand = nouns[of["noun"][at]], words.BRANDS[of["brand"][at]]
    colour, size, material = (
        words.COLOURS[of["colour"][at]],
        words.SIZES[of["size"][at]],
        words.MATERIALS[of["material"][at]],
    )
    parent = int(of["parent"][at])
    variant = f", {colour}" if parent >= 0 else ""
    first, second = adjectives[number % 3], adjectives[(number + 1) % 3]
    bits = int(of["sold_in"][at])
    return {
        "parent": "" if parent < 0 else f"{leaf[:2].upper()}{10_000 + parent}",
        "name": f"{brand} {first} {noun}{variant}".capitalize()
        if number % 9 == 0
        else f"{brand} {first} {noun}{variant}",
        "text": f"{first.capitalize()} {noun} of {material} by {brand}; a {second} piece "
        f"for {category.lower()} and {leaf.lower()}, {colour}, {size}.",
        "path": f"{department} > {category} > {leaf}",
        "brand": brand,
        "attrs": json.dumps(
            {"style": style, "colour": colour, "size": size, "material": material}, separators=(",", ":")
        ),
        "sold_in": "" if bits == 255 else " ".join(name for bit, name in enumerate(COUNTRIES) if bits >> bit & 1),
    }
