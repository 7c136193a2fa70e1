"""Session-level detail goes after its days, once the weekly tables hold it; everything else stays."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from jobs.lib import lineage
from jobs.lib.stores import Known, Source
from jobs.maintenance import stage
from tests.jobs.validated.shop import Shop, line

EVENTS = """
SELECT id AS event_id, at AS event_at, kind AS event_type, who AS visitor_id, what AS item_id,
       _file, _file_version, _row, _known_day FROM clicks
"""


@pytest.fixture
def shop(spark, home, tmp_path):
    made = Shop(spark, home, tmp_path / "shop")
    made.mapping("events", EVENTS)
    known = Known("name", pattern=r"(\d{4}-\d{2}-\d{2})")
    columns = ("id", "at", "kind", "who", "what")
    made.sources["clicks"] = Source("clicks", "clicks-*.csv", "csv", known, columns=columns)
    for day in ("2026-01-05", "2026-04-13"):
        made.deliver("clicks", day, [(f"{day}-{at}", f"{day} 10:00:00", "view", "v", "A") for at in range(3)])
    made.deliver_all("sales", {day: [line(day, day=day)] for day in ("2026-01-05", "2026-04-13")})
    made.validate("2026-04-13")
    return made


def test_expired_events_go_once_the_weekly_tables_hold_them(shop):
    night = replace(shop.night("2026-04-14"), stage="maintenance")
    stage.run(night)
    assert shop.read("validated.events", "2026-04-13").count() == 6
    lineage.complete(shop.tables, "features", night.as_of, [], 0.0, datetime.now(UTC), None)
    stage.run(night)
    assert [
        str(row[0]) for row in shop.read("validated.events", "2026-04-13").select("event_date").distinct().collect()
    ] == ["2026-04-13"]
    assert shop.read("validated.order_lines", "2026-04-13").count() == 2
    landed = shop.tables.read_landed("clicks")
    assert (landed.where("_row = 0").count(), landed.where("_row > 0").count()) == (2, 3)
