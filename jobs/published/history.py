"""What people decided about a product's releases: the rollbacks, who asked for them, when and why.

``<publish>/<store>/<product>/rollbacks.json`` beside the pointer, the oldest first, replaced whole by a conditional
write. They say what is withdrawn: a night that is run again never points readers to that.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass

from jobs.lib.errors import DaybreakError
from jobs.lib.objects import ObjectStore, PreconditionFailed

KEY = "rollbacks.json"
ATTEMPTS = 20
LIFT = "lift"  # asked for where a decision leaves readers, and what is withdrawn, where they are


@dataclass(frozen=True)
class Rollback:
    """One decision: ``asked`` in the person's words (a release, a day, previous), ``before`` and ``to`` releases;
    ``withdrawn`` those newer than ``to`` at that time, ``withdrawn_models`` what made them and not ``to``; ``champion``
    is in force from ``champion_from`` on (None: the release has none in the registry); ``done_at`` stays None until
    everything has gone back (moments in UTC)."""

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
    withdrawn_models: tuple[str, ...] = ()


def rollbacks(product: ObjectStore) -> list[Rollback]:
    """All decisions about a product, the oldest first."""
    return _read(product)[0]


def unfinished(product: ObjectStore) -> Rollback | None:
    """The last decision where not everything has gone back yet; an earlier one has been overtaken by it."""
    last = next(reversed(rollbacks(product)), None)
    return last if last is not None and last.done_at is None else None


def withdrawing(
    decisions: Sequence[Rollback], release: str, as_of: str, model_versions: Collection[str]
) -> Rollback | None:
    """The decision by which a release is withdrawn: by name, or as the work of a withdrawn model; None where it is not.

    A night that was left keeps its champion when it is run again, and other content gives it another name: so the model
    is withdrawn with it, also for the first night of the reinstated champion, which may have been on its way out when
    that was decided. Going to a release, or on to the newest, takes a withdrawal back.
    """
    standing = None
    for one in decisions:
        if release == one.to or not (one.withdrawn or one.asked == LIFT):
            standing = None
        is_left = one.as_of <= as_of < one.champion_from or (one.champion is not None and as_of == one.champion_from)
        if release in one.withdrawn or (is_left and set(one.withdrawn_models) & set(model_versions)):
            standing = one
    return standing


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
    lists = ("withdrawn", "withdrawn_models")
    return [Rollback(**{**one, **{name: tuple(one.get(name, ())) for name in lists}}) for one in found], etag
