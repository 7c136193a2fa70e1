"""One block of customers on one day: what is simulated first, and, once stock has spoken, what is written of it."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np

from jobs.store import behaviour, bots
from jobs.store.customers import FIRST_ID, Customers, Memory, customers
from jobs.store.lists import Lists
from jobs.store.shop import Shop
from jobs.store.story import PURCHASE, Events
from jobs.store.world import AGE_BANDS, CHANNELS, COUNTRIES, SEGMENTS, WorldParams

GENDERS = ("f", "m", "")


@dataclass(frozen=True)
class BlockDay:
    """What a block did. Sessions of people come first, then those of machines and testers."""

    block: int
    visitor: list[str]  # by session
    customer: np.ndarray  # by session: the customer's number, -1 without an account
    signed_in: np.ndarray  # by session
    country: np.ndarray  # by session
    channel: np.ndarray  # by session
    kind: list[str]  # by session: "" for people
    events: Events
    line_session: np.ndarray
    line_item: np.ndarray
    line_units: np.ndarray
    line_seconds: np.ndarray
    missed: np.ndarray  # items wanted while out of stock
    wanted_item: np.ndarray  # those that would have been bought, and how many pieces
    wanted_units: np.ndarray
    customer_rows: list[str]  # of the file of customers' changes
    consent_rows: list[str]


def simulate(
    params: WorldParams, shop: Shop, lists: Lists | None, block: int, memory: Memory, first_day: bool
) -> BlockDay:
    """The block's day, before stock decides which lines can be filled. ``lists`` are the block's own."""
    of = customers(params, block, shop.day)
    done = behaviour.visits(params, shop, lists, block, of, memory)
    machines = bots.machines(params, shop, block, len(done.sessions))
    people = len(done.sessions)
    parts = [done.events]
    for number, machine in enumerate(machines):
        moved = machine.events.session + people + number
        parts.append(Events(**{**machine.events.__dict__, "session": moved}))
    extra = len(machines)
    index = np.where(done.sessions.customer >= 0, of.index[done.sessions.customer], -1)
    return BlockDay(
        block=block,
        visitor=[f"v{number:016x}" for number in done.sessions.visitor.tolist()]
        + [machine.visitor for machine in machines],
        customer=_more(index, extra, -1),
        signed_in=_more(done.sessions.signed_in, extra, False),
        country=_more(done.sessions.country, extra, 0),
        channel=_more(done.sessions.channel, extra, 0),
        kind=[""] * people + [machine.kind for machine in machines],
        events=Events.joined(parts),
        line_session=done.lines.session,
        line_item=done.lines.item,
        line_units=done.lines.units,
        line_seconds=done.lines.seconds,
        missed=done.missed,
        wanted_item=done.wanted_item,
        wanted_units=done.wanted_units,
        customer_rows=_customer_rows(of, shop, first_day),
        consent_rows=_consent_rows(of, shop.day, first_day),
    )


def kept_events(of: BlockDay, filled: np.ndarray) -> Events:
    """The events in order of time, without purchases that stock could not fill (``filled`` is over the lines)."""
    wanted = of.events.type == PURCHASE
    fits = ~wanted | (filled[of.events.line] if len(filled) else ~wanted)
    kept = of.events.taken(fits)
    return kept.taken(np.argsort(kept.seconds, kind="stable"))


def _more(values: np.ndarray, extra: int, value: int | bool) -> np.ndarray:
    return np.concatenate([values, np.full(extra, value, dtype=values.dtype)])


def _customer_rows(of: Customers, shop: Shop, first_day: bool) -> list[str]:
    """JSON lines of accounts that are new to the file or were closed today."""
    new = (of.registered <= shop.day) & (of.erased > shop.day) if first_day else of.registered == shop.day
    closed = np.zeros(len(of), bool) if first_day else (of.erased == shop.day) & (of.registered < shop.day)
    rows = []
    for at in np.flatnonzero(new | closed).tolist():
        number = FIRST_ID + int(of.index[at])
        opened = shop.date.fromordinal(shop.date.toordinal() - shop.day + int(of.registered[at]))
        row = {
            "customer": number,
            "country": COUNTRIES[of.country[at]],
            "channel": CHANNELS[of.channel[at]],
            "segment": SEGMENTS[of.segment[at]],
            "age": AGE_BANDS[of.age[at]],
            "gender": GENDERS[of.gender[at]],
            "registered": opened.isoformat(),
            "email": f"kunde{number}@example.com",
            "business": int(of.business[at]),
            "closed": int(closed[at]),
        }
        if closed[at]:
            row |= {"country": None, "channel": None, "segment": None, "age": None, "gender": None, "email": None}
        rows.append(json.dumps(row, separators=(",", ":")))
    return rows


def _consent_rows(of: Customers, day: int, first_day: bool) -> list[str]:
    """CSV rows of consents given or taken back today; people who closed their account say nothing more."""
    fresh = (of.registered <= day) if first_day else (of.registered == day)
    turned = (of.changes_mind == day) & (of.registered < day)
    said = (fresh | turned) & (of.erased > day)
    granted = of.consent(day)
    return [
        f"{FIRST_ID + int(of.index[at])},personalisation,{'Y' if granted[at] else 'N'}"
        for at in np.flatnonzero(said).tolist()
    ]
