"""The file of events: JSON lines as a web shop's tracker writes them, with late, repeated and broken ones."""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from jobs.store.behaviour import query_text
from jobs.store.block import BlockDay
from jobs.store.customers import FIRST_ID
from jobs.store.shop import PLACEMENTS, Shop
from jobs.store.story import IMPRESSION, PURCHASE, Events
from jobs.store.world import CHANNELS, WorldParams, chance, utc_offset

NAMES = ("impression", "click", "pageview", "add_to_cart", "remove_from_cart", "purchase", "search")


def event_lines(
    params: WorldParams, shop: Shop, release: str, ids: np.ndarray, of: BlockDay, events: Events
) -> tuple[list[str], dict[int, list[str]], dict[str, int]]:
    """The block's lines of today, lines that later days' files will bring (by day), and how many of each fault."""
    lines = _lines(shop, release, ids, of, events)
    rng, rates = chance(params, "event faults", of.block, shop.day), params.rates
    luck = rng.random(len(lines))
    late = np.flatnonzero(luck < rates.late_events)
    bound = rates.late_events + rates.broken_events
    broken = np.flatnonzero((luck >= rates.late_events) & (luck < bound))
    twice = np.flatnonzero((luck >= bound) & (luck < bound + rates.events_twice))
    kind = rng.integers(0, 3, len(lines))
    for at in broken.tolist():
        lines[at] = _broken(lines[at], int(kind[at]))
    later: dict[int, list[str]] = defaultdict(list)
    for at in late.tolist():
        later[shop.day + 1 + int(kind[at])].append(lines[at])
    gone = set(late.tolist())
    now = [line for at, line in enumerate(lines) if at not in gone] + [lines[at] for at in twice.tolist()]
    return (
        now,
        later,
        {"late_event": len(late), "broken_event": len(broken), "event_twice": len(twice), "events": len(lines)},
    )


def _lines(shop: Shop, release: str, ids: np.ndarray, of: BlockDay, events: Events) -> list[str]:
    day = np.datetime64(shop.date, "ms") - np.timedelta64(int(utc_offset(shop.date).total_seconds()), "s")
    stamps = np.datetime_as_string(day + (events.seconds * 1000).astype("timedelta64[ms]"), unit="ms").tolist()
    uid = ["null" if number < 0 else str(FIRST_ID + number) for number in of.customer.tolist()]
    known = np.array([uid[at] if signed else "null" for at, signed in enumerate(of.signed_in.tolist())], dtype=object)
    uids = np.where(
        events.type == PURCHASE, np.array(uid, dtype=object)[events.session], known[events.session]
    ).tolist()
    tag = f"{shop.date:%y%m%d}B{of.block}"
    sessions = [f'"{visitor}","sid":"s{tag}N{at}","app":"{CHANNELS[channel]}"' for at, (visitor, channel) in
                enumerate(zip(of.visitor, of.channel.tolist(), strict=True))]  # fmt: skip
    skus = [f'"{name}"' for name in ids.tolist()] + ["null"]  # -1 is the last
    prices = [f"{price:.2f}" for price in shop.price.tolist()] + ["null"]
    priced = np.where((events.type == IMPRESSION) | (events.item < 0), -1, events.item).tolist()
    asked = {code: f'"{query_text(code)}"' for code in np.unique(events.query[events.query >= 0]).tolist()} | {
        -1: "null"
    }
    listed = events.placement >= 0
    places = [
        f'"rel":"{release}","slot":"{PLACEMENTS[place]}","pos":{rank},"p":{chance:.6g}'
        if there
        else '"rel":null,"slot":null,"pos":null,"p":null'
        for there, place, rank, chance in zip(
            listed.tolist(), events.placement.tolist(), events.rank.tolist(), events.propensity.tolist(), strict=True
        )
    ]
    return [
        f'{{"eid":"e{tag}N{at}","ts":"{stamp}Z","type":"{NAMES[kind]}","vid":{sessions[session]},"uid":{who},"sku":{skus[item]},'
        f'"q":{asked[query]},"price":{prices[price]},{place}}}'
        for at, (stamp, kind, session, who, item, query, price, place) in enumerate(
            zip(
                stamps,
                events.type.tolist(),
                events.session.tolist(),
                uids,
                events.item.tolist(),
                events.query.tolist(),
                priced,
                places,
                strict=True,
            )
        )
    ]


def _broken(line: str, kind: int) -> str:
    """A line whose JSON is whole and whose content is not: no time, no id, or a type that nobody knows."""
    start, end = [('"ts":"', '"'), ('"eid":"', '"'), ('"type":"', '"')][kind]
    at = line.index(start) + len(start)
    return line[:at] + ("" if kind < 2 else "hover") + line[line.index(end, at) :]
