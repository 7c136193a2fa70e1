"""From which day on session-level events are still there: what was dropped is written down before it goes.

``<lake>/<store>/retention.json``. Nights before that day cannot be made again, nor weekly sums of what was known until
then.
"""

from __future__ import annotations

import json
from datetime import date

from jobs.lib.objects import ObjectMissing, ObjectStore

NOTE = "retention.json"


def events_from(lake: ObjectStore) -> date | None:
    """The first day whose events are all there; None where none were ever dropped. ``lake`` is the store's own."""
    try:
        return date.fromisoformat(json.loads(lake.read(NOTE))["events_from"])
    except ObjectMissing:
        return None


def dropping(lake: ObjectStore, before: date) -> None:
    """Notes that events before this day are about to be dropped; the latest such day stays noted."""
    noted = events_from(lake)
    if noted is None or noted < before:
        lake.put(NOTE, json.dumps({"events_from": before.isoformat()}).encode())
