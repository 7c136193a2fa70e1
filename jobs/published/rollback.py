"""The way back: points readers to an earlier release, or forward to a later one, by the same command.

Only the pointer moves; no file of any release is touched. The next night publishes and moves it forward again.
"""

from __future__ import annotations

import json

from jobs.lib import stores
from jobs.lib.errors import DaybreakError
from jobs.lib.settings import Settings
from jobs.published import releases
from jobs.published.releases import Release

PREVIOUS = "previous"


def run(settings: Settings, product: str, to: str) -> None:
    """Points readers of ``product`` to the release that ``to`` names and prints what was done.

    Raises DaybreakError where ``to`` names none, or names one whose files are no longer all there.
    """
    store = stores.load(settings).name
    place = releases.open_product(settings, store, product)
    target = chosen(releases.list_releases(settings, store, [product]), to)
    found = releases.manifest(place, target.release)
    if found is None or not releases.is_whole(place, found):
        raise DaybreakError(f"{target.release} is no longer whole: choose another one (`make releases`)")
    content = json.dumps({"release": target.release, "as_of": target.as_of}).encode()
    etag = place.etag(releases.POINTER)
    place.put(releases.POINTER, content, if_match=etag, if_absent=etag is None)
    print(f"{product}: readers now see {target.release} of {target.as_of}")


def chosen(known: list[Release], to: str) -> Release:
    """The release that ``to`` means: its id, the newest one of a day, or ``previous`` (the one before the current)."""
    if to == PREVIOUS:
        at = next((place for place, one in enumerate(known) if one.is_current), 0)
        if at == 0:
            raise DaybreakError("there is no release before the current one (`make releases` lists them)")
        return known[at - 1]
    named = [one for one in known if to in (one.release, one.as_of)]
    if not named:
        told = ", ".join(one.release for one in known) or "nothing has been published yet"
        raise DaybreakError(f"{to!r} is no release, day or {PREVIOUS!r}: there are {told}")
    return named[-1]
