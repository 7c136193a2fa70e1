"""Session-level detail goes after its days, once the weekly tables hold it; everything else stays."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from jobs.lib import lineage, retention, stages
from jobs.lib.errors import DaybreakError
from jobs.lib.stores import Known, Source
from jobs.maintenance import stage
from jobs.published import releases
from jobs.recommendations import position
from jobs.recommendations import train as training
from jobs.recommendations.fitting import TrainParams
from jobs.recommendations.position import PositionParams
from jobs.validated.stage import pending
from tests.conftest import settings_of
from tests.jobs.validated.shop import Shop, line

EVENTS = """
SELECT id AS event_id, at AS event_at, kind AS event_type, who AS visitor_id, who AS customer_id, what AS item_id,
       _file, _file_version, _row, _known_day FROM clicks
"""


@pytest.fixture(scope="module")
def delivered(spark, tmp_path_factory):
    """The home of a shop after one validated night, made once for all tests here."""
    folder = tmp_path_factory.mktemp("delivered")
    made = of_home(spark, folder / "home", folder / "shop")
    for day in ("2026-01-05", "2026-04-13"):
        kinds = enumerate(("view", "cart", "impression"))
        made.deliver("clicks", day, [(f"{day}-{at}", f"{day} 10:00:00", kind, "v", "A") for at, kind in kinds])
    made.deliver_all("sales", {day: [line(day, day=day)] for day in ("2026-01-05", "2026-04-13")})
    made.validate("2026-04-13")
    return made.settings.home


@pytest.fixture
def shop(spark, delivered, tmp_path):
    shutil.copytree(delivered, tmp_path / "home")
    return of_home(spark, tmp_path / "home", tmp_path / "shop")


def of_home(spark, home, folder):
    """A shop with a mapping and a source of events."""
    made = Shop(spark, settings_of(home), folder)
    made.mapping("events", EVENTS)
    known = Known("name", pattern=r"(\d{4}-\d{2}-\d{2})")
    columns = ("id", "at", "kind", "who", "what")
    made.sources["clicks"] = Source("clicks", "clicks-*.csv", "csv", known, columns=columns)
    return made


def test_expired_events_go_once_the_weekly_tables_hold_them(shop):
    night = replace(shop.night("2026-04-14"), stage="maintenance")
    stage.run(night)
    assert shop.read("validated.events", "2026-04-13").count() == 6
    lineage.complete(shop.tables, "features", night.as_of, [], 0.0, None, datetime.now(UTC), None)
    stage.run(night)
    assert [
        str(row[0]) for row in shop.read("validated.events", "2026-04-13").select("event_date").distinct().collect()
    ] == ["2026-04-13"]
    assert shop.read("validated.order_lines", "2026-04-13").count() == 2
    landed = shop.tables.read_landed("clicks")
    assert (landed.where("_row = 0").count(), landed.where("_row > 0").count()) == (2, 3)


def test_a_night_made_again_after_events_went_keeps_the_sums_that_were_made_of_them(shop):
    first = replace(shop.night("2026-04-13"), stage="features")
    stages.build(first, ["item_weekly"])
    before = sorted(map(str, shop.tables.raw("features.item_weekly").collect()))
    assert "2026-01-05" in str(before) or "2026, 1, 5" in str(before)
    assert first.events_from() is None
    lineage.complete(shop.tables, "features", first.as_of, [], 0.0, None, datetime.now(UTC), None)
    expired = first.as_of - timedelta(days=90)
    assert stage.drop_detail(replace(first, stage="maintenance"), expired)
    assert first.events_from() == expired
    stages.build(first, ["item_weekly"])
    assert sorted(map(str, shop.tables.raw("features.item_weekly").collect())) == before
    with pytest.raises(DaybreakError, match="events before 2026-01-13 were dropped"):
        shop.validate("2026-01-12")


def test_features_of_a_day_whose_events_are_gone_keep_what_people_looked_at(shop):
    """What a training cut sixteen weeks back is made of: views and carts of its 28 days, though detail goes after 90
    days."""
    tonight = replace(shop.night("2026-05-02"), stage="features")
    stages.build(tonight, ["item_weekly", "customer_item_weekly"])
    lineage.complete(shop.tables, "features", tonight.as_of, [], 0.0, None, datetime.now(UTC), None)
    cut = tonight.as_of - timedelta(days=112)
    tables = ("features.customer_item", "features.item", "features.customer")

    def made():
        with tonight.at(cut) as then:
            return {name: sorted(map(str, then.tables.read(name, cut).collect())) for name in tables}

    before = made()
    assert any("customer_id='v'" in row and "views_28d=1, carts_28d=1" in row for row in before[tables[0]])
    assert "impressions_28d=1" in before[tables[1]][0] and len(before[tables[2]]) == 2
    # Of a version from before the sweep, too, each event counts once.
    retention.dropping(tonight.place, date(2026, 2, 1))
    assert made() == before
    assert stage.drop_detail(replace(tonight, stage="maintenance"), date(2026, 2, 1))
    assert shop.read("validated.events", "2026-01-31").isEmpty()
    assert made() == before


def test_a_training_window_that_has_lost_events_takes_nothing_for_not_shown(shop):
    night = shop.night("2026-05-02")
    tonight = replace(night, stage="features", settings=replace(night.settings, is_interest_graded=True))
    stages.build(tonight, ["item_weekly", "customer_item_weekly"])
    retention.dropping(tonight.place, date(2026, 4, 14))
    params = TrainParams(position=PositionParams(powers={"home": 0.5}))
    cut = training._cut(tonight, date(2026, 4, 12), params)
    assert len(cut.truth) == 1 and (position.credits(cut.truth, params.position) == 1).all()
    assert "shown_rank" not in cut.truth and cut.looked is not None and not len(cut.looked)


def test_where_nothing_was_dropped_every_night_can_be_made_again(shop):
    lineage.complete(shop.tables, "features", date(2026, 4, 13), [], 0.0, None, datetime.now(UTC), None)
    assert not stage.drop_detail(replace(shop.night("2026-04-14"), stage="maintenance"), date(2025, 4, 14))
    assert shop.night("2026-04-14").events_from() is None
    assert pending(shop.night("2025-01-01")).last == date(2025, 1, 1)


def test_many_small_files_become_few_with_the_same_content(shop, monkeypatch):
    night = replace(shop.night("2026-04-14"), stage="maintenance")
    few, many = "validated.order_lines", "validated.events"
    path = night.tables.path(many)
    for _ in range(3):  # the same rows once more, in a commit and files of their own
        night.spark.read.format("delta").load(path).limit(6).repartition(2).write.format("delta").mode("append").save(
            path
        )

    def looked(name):
        table = night.spark.read.format("delta").load(night.tables.path(name))
        files = night.spark.sql(f"DESCRIBE DETAIL delta.`{night.tables.path(name)}`").first()["numFiles"]
        return files, sorted(map(str, table.collect()))

    before = {name: looked(name) for name in (few, many)}
    monkeypatch.setattr(stage, "MOST_FILES", before[few][0])
    assert before[many][0] > before[few][0]
    stage.compact(night, few)
    stage.compact(night, many)
    files, content = looked(many)
    assert files <= before[few][0] < before[many][0] and content == before[many][1]
    assert looked(few) == before[few], "few files are left as they are"


def test_daily_features_go_after_two_weeks_and_the_weekly_ones_stay(shop):
    for day in ("2026-04-13", "2026-04-20"):
        night = replace(shop.night(day), stage="features")
        stages.build(night, ["item", "customer_item", "item_weekly"])
        lineage.complete(shop.tables, "features", night.as_of, night.tables.written, 0.0, None, datetime.now(UTC), None)

    def kept():
        return sorted(str(row[0]) for row in shop.tables.raw("features.item").select("as_of").distinct().collect())

    # As of today by default, while the nights lie in the past.
    stage.run(replace(shop.night("2026-11-29"), stage="maintenance"))
    assert kept() == ["2026-04-13", "2026-04-20"]
    lineage.complete(shop.tables, "features", date(2026, 4, 28), [], 0.0, None, datetime.now(UTC), None)
    stage.run(replace(shop.night("2026-04-28"), stage="maintenance"))
    assert kept() == ["2026-04-20"]
    assert shop.tables.raw("features.item_weekly").count() > 0
    # A trainer's view of a day that is gone makes it anew, and asks for no version that Delta has forgotten.
    tonight = shop.night("2026-04-28")
    for day, is_kept in ((date(2026, 4, 13), False), (date(2026, 4, 20), True)):
        with tonight.at(day) as then:
            assert then.tables.read("features.item", day).count() > 0
            assert ("features.item" not in then.tables.made) == is_kept and then.tables.pins == tonight.tables.pins


def test_what_a_killed_publication_left_is_removed_and_what_is_published_stays(shop):
    night = replace(shop.night("2026-04-14"), stage="maintenance")
    product = releases.open_product(night.settings, night.store.name, "recommendations")
    told = {"release": "20260401-aaaaaaaaaaaa", "as_of": "2026-04-01", "created_at": "2026-04-01", "tables": {}}
    told |= {"model_versions": [], "verdict": None}
    product.put(releases.manifest_key("20260401-aaaaaaaaaaaa"), json.dumps(told).encode(), if_absent=True)
    for day, release in (("2026-04-01", "20260401-aaaaaaaaaaaa"), ("2026-04-02", "killed"), ("2026-04-14", "now")):
        product.put(f"for_customer/as_of={day}/release={release}/part-0.parquet", b"rows", if_absent=True)
    stage.run(night)
    left = sorted(entry.key.split("release=")[1] for entry in product.list("for_customer/"))
    assert left == ["20260401-aaaaaaaaaaaa/part-0.parquet", "now/part-0.parquet"]


def test_old_releases_go_and_never_what_readers_see_or_a_rollback_within_the_nights_needs(shop):
    night = replace(shop.night("2026-04-14"), stage="maintenance")
    night = replace(night, settings=replace(night.settings, release_retention_days=10))
    product = releases.open_product(night.settings, night.store.name, "recommendations")
    days = ["2026-03-01", "2026-03-02", "2026-03-03", "2026-04-04", "2026-04-10"]
    for day in days:
        release, part = day.replace("-", "") + "-aaaaaaaaaaaa", f"for_customer/as_of={day}/release={day}/part-0.parquet"
        product.put(part, b"rows", if_absent=True)
        told = {"release": release, "as_of": day, "created_at": day, "model_versions": [], "verdict": None}
        told["tables"] = {"for_customer": {"rows": 1, "files": [{"key": part, "bytes": 4}]}}
        product.put(releases.manifest_key(release), json.dumps(told).encode(), if_absent=True)

    def kept():
        stage.drop_releases(night, "recommendations")
        known = releases.list_releases(night.settings, night.store.name, ["recommendations"])
        assert {entry.key.split("release=")[1][:10] for entry in product.list("for_customer/")} == {
            one.as_of for one in known
        }
        return [one.as_of for one in known]

    assert kept() == days, "nothing is removed while readers see no release"
    # A person went back to an old night: it and the one before it stay.
    releases.advance(product, "20260303-aaaaaaaaaaaa", "2026-03-03")
    assert kept() == days[1:]
    releases.advance(product, "20260410-aaaaaaaaaaaa", "2026-04-10")
    assert kept() == ["2026-04-04", "2026-04-10"]
