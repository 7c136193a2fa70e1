"""What people decided about a product's releases: the rollbacks, who asked for them, when and why.

``<publish>/<store>/<product>/rollbacks.json`` beside the pointer, the oldest first, replaced whole by a conditional
write. The last one says which releases are withdrawn: a night that is run again never points readers to those.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from jobs.lib.errors import DaybreakError
from jobs.lib.objects import ObjectStore, PreconditionFailed

KEY = "rollbacks.json"
ATTEMPTS = 20


@dataclass(frozen=True)
class Rollback:
    """One decision: ``asked`` in the person's words (a release, a day, previous), ``before`` and ``to`` releases;
    ``withdrawn`` those newer than ``to`` at that time; ``champion`` is in force from ``champion_from`` on (None: the
    release has none in the registry); ``done_at`` stays None until everything has gone back (moments in UTC)."""

    asked: str
    before: str
    to: str
    as_of: str
    by: str
    why: str
    at: str
    withdrawn: tuple[str, ...]
    champion: str | None
    champion_from: str
    done_at: str | None = None


def rollbacks(product: ObjectStore) -> list[Rollback]:
    """All decisions about a product, the oldest first."""
    return _read(product)[0]


def withdrawn(product: ObjectStore) -> dict[str, Rollback]:
    """Release → the decision by which it is withdrawn."""
    last = rollbacks(product)[-1:]
    return {release: decision for decision in last for release in decision.withdrawn}


def note(product: ObjectStore, decision: Rollback) -> None:
    """Adds a decision, or takes the place of the same one when it is done."""
    for _ in range(ATTEMPTS):
        known, etag = _read(product)
        others = [one for one in known if (one.at, one.to) != (decision.at, decision.to)]
        content = json.dumps({"rollbacks": [asdict(one) for one in (*others, decision)]}, indent=1).encode()
        try:
            product.put(KEY, content, if_match=etag, if_absent=etag is None)
        except PreconditionFailed:
            continue
        return
    raise DaybreakError(f"{product.uri(KEY)} keeps changing: another run is writing it. Run this again.")


def _read(product: ObjectStore) -> tuple[list[Rollback], str | None]:
    """The decisions and the etag to replace them by, taken first, so that a change in between is noticed."""
    etag = product.etag(KEY)
    if etag is None:
        return [], None
    found = json.loads(product.read(KEY))["rollbacks"]
    return [Rollback(**{**one, "withdrawn": tuple(one["withdrawn"])}) for one in found], etag
