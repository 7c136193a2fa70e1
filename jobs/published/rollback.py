"""The way back: readers see an earlier release again, or a later one, by the same command.

Three things go together, the one that most readers depend on first: the pointer, the warehouse, the champion. No file
of any release is touched. The releases that were left are withdrawn with the models that made them, so that running
their night again, or repairing it, does not bring them back; later nights are published, with the champion of the
release that readers were taken to, until the hold is lifted (``latest``, ``lift``, or the gate, by setting). The
decision is recorded before anything moves: a rollback that was killed is finished by running it again.
"""

from __future__ import annotations

import json
import time
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from jobs.lib import registry, stores
from jobs.lib.errors import DaybreakError
from jobs.lib.objects import ObjectStore, PreconditionFailed
from jobs.lib.settings import Settings
from jobs.published import history, releases
from jobs.published.history import LIFT, Rollback
from jobs.published.releases import Release
from jobs.warehouse import connections, load

PREVIOUS, LATEST = "previous", "latest"
POLL_SECONDS = 5.0


def run(settings: Settings, product: str, to: str, by: str, why: str = "") -> None:
    """Takes ``product`` to the release that ``to`` names, for ``by`` and because of ``why``, and prints what was done.

    Raises DaybreakError where ``to`` names none, or names one whose files are no longer all there as they were
    published; nothing has moved then.
    """
    store = stores.load(settings).name
    place = releases.open_product(settings, store, product)
    known = releases.list_releases(settings, store, [product])
    begun = _begun(place, known, to)
    if begun is not None:
        print(f"{product}: finishing what {begun.by} began at {begun.at}", flush=True)
        _check_unchanged(place, begun.to)
    decision = begun or _decide(settings, store, product, place, known, to, by, why)
    _check_whole(place, decision.to)  # once more now that the decision is noted, which keeps it from maintenance
    print(f"{product}: {_point(place, decision)}", flush=True)
    if settings.warehouse != connections.NONE:
        print(f"{product}: {_bring(settings, store, product)}", flush=True)
    print(f"{product}: {_reinstate(settings, store, product, decision)}", flush=True)
    history.note(place, replace(decision, done_at=_now()))


def only_product(settings: Settings) -> str:
    """The product that a rollback means where none is named: the store's only published one; raises DaybreakError
    where there are several, since the readers of the wrong one would go back."""
    store = stores.load(settings).name
    found = [name for name in settings.products if releases.current(releases.open_product(settings, store, name))]
    if not found:
        raise DaybreakError(f"nothing of {store} has been published yet.{releases.elsewhere(settings, store)}")
    if len(found) > 1:
        raise DaybreakError(f"{store} publishes {' and '.join(found)}: say which with PRODUCT= (--product)")
    return found[0]


def chosen(known: list[Release], to: str) -> Release:
    """The release that ``to`` means: its id, the newest one of a day, ``previous`` (the one before the current that
    nobody has withdrawn), ``latest``, or with ``lift`` the current one."""
    if not known:
        raise DaybreakError("nothing has been published yet")
    if to == PREVIOUS:
        before = releases.previous(known)
        if before is None:
            raise DaybreakError("there is no release before the current one (`make releases` lists them)")
        return before
    if to == LATEST:
        return known[-1]
    if to == LIFT:
        return next((one for one in known if one.is_current), known[0])
    named = [one for one in known if to in (one.release, one.as_of)]
    if not named:
        told = ", ".join(one.release for one in known)
        raise DaybreakError(f"{to!r} is no release, day, {PREVIOUS!r}, {LATEST!r} or {LIFT!r}: there are {told}")
    return named[-1]


def _begun(place: ObjectStore, known: list[Release], to: str) -> Rollback | None:
    """The last decision where it is this one, was not finished, and no night has gone on without it."""
    last = history.unfinished(place)
    if last is None or to not in (last.asked, last.to):
        return None
    return last if all(one.as_of < last.champion_from for one in known) else None


def _decide(
    settings: Settings, store: str, product: str, place: ObjectStore, known: list[Release], to: str, by: str, why: str
) -> Rollback:
    """Works out and records what is to happen; from here on it will."""
    target = chosen(known, to)
    _check_unchanged(place, target.release)
    pointer = releases.current(place)
    champion = registry.crowned(settings, store, product, target.model_versions)
    # The nights up to the newest keep the champion that they had: what they published can be made again.
    after = date.fromisoformat(max(one.as_of for one in known)) + timedelta(days=1)
    left = [] if to == LIFT else known[known.index(target) + 1 :]
    models = {model for one in left for model in one.model_versions} - set(target.model_versions)
    decision = Rollback(
        asked=to,
        before=pointer["release"] if pointer else "",
        to=target.release,
        as_of=target.as_of,
        by=by,
        why=why,
        at=_now(),
        withdrawn=tuple(one.release for one in left),
        champion=champion.version if champion else None,
        champion_from=after.isoformat(),
        withdrawn_models=tuple(sorted(models)),
    )
    history.note(place, decision)
    return decision


def _check_whole(place: ObjectStore, release: str) -> dict[str, Any]:
    """The release's manifest, whose files are all there."""
    found = releases.manifest(place, release)
    if found is None or not releases.is_whole(place, found):
        raise DaybreakError(f"{release} is no longer whole: choose another one (`make releases`)")
    return found


def _check_unchanged(place: ObjectStore, release: str) -> None:
    found = _check_whole(place, release)
    if not releases.is_unchanged(place, found):
        raise DaybreakError(
            f"{release} has files that are not what was published: publish the night of {found['as_of']} again, or "
            "choose another one (`make releases`)"
        )


def _point(place: ObjectStore, decision: Rollback) -> str:
    """Moves the pointer from where it was when the decision was taken; a night published since then stays."""
    etag = place.etag(releases.POINTER)
    seen = releases.current(place) or {"release": ""}
    if seen["release"] == decision.to:
        return f"readers see {decision.to} of {decision.as_of}"
    if seen["release"] != decision.before:
        return f"readers see {seen['release']}, published since; the pointer stays there"
    content = json.dumps({"release": decision.to, "as_of": decision.as_of}).encode()
    try:
        place.put(releases.POINTER, content, if_match=etag, if_absent=etag is None)
    except PreconditionFailed:
        return _point(place, decision)
    return f"readers now see {decision.to} of {decision.as_of}, no longer {decision.before}"


def _bring(settings: Settings, store: str, product: str) -> str:
    """Takes the warehouse to where the pointer is. A load that is writing it is waited for: the pointer has moved, and
    two kinds of readers should not see two releases until somebody runs this again."""
    until = time.monotonic() + connections.LOAD_SECONDS
    while True:
        try:
            return load.bring(settings, store, product)
        except connections.Busy as error:
            if time.monotonic() >= until:
                raise
            print(f"{product}: waiting, {error}", flush=True)
            time.sleep(POLL_SECONDS)


def _reinstate(settings: Settings, store: str, product: str, decision: Rollback) -> str:
    """Crowns the champion of the release for the nights to come; what leaves nothing withdrawn lifts the hold."""
    champion = registry.crowned(settings, store, product, [decision.champion]) if decision.champion else None
    if champion is None:
        return "the registry has no model of that release: the champion in force stays"
    lifts = decision.asked == LIFT or not decision.withdrawn
    reason = f"{registry.LIFTED if lifts else registry.ROLLED_BACK}: {decision.to} by {decision.by}: {decision.why}"
    night = date.fromisoformat(decision.champion_from)
    registry.crown(settings, store, product, night, champion.path, champion.metrics, champion.verdict, reason)
    until = "and is trained anew as ever" if lifts else "until a person lifts it (TO=latest, TO=lift)"
    return f"champion {champion.version} from the night of {night} on, {until}"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")
