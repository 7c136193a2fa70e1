"""Readers go back to a release and forward again; a release that is not there changes nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from jobs.lib.errors import DaybreakError
from jobs.lib.settings import Settings
from jobs.published import releases, rollback
from tests.shop import Shop

PRODUCT = "recommendations"


@pytest.fixture
def published(tmp_path: Path, home: Settings) -> Settings:
    """A shop with the releases a and b of two nights, b in force."""
    settings = Shop.create(tmp_path, home).settings
    place = releases.open_product(settings, "shop", PRODUCT)
    for release, day in (("a", "2026-03-01"), ("b", "2026-03-02")):
        key = f"for_newcomer/as_of={day}/release={release}/part-0.parquet"
        place.put(key, b"1234")
        table = {"rows": 1, "files": [{"key": key, "bytes": 4}]}
        facts = {"release": release, "as_of": day, "created_at": day, "model_versions": [], "verdict": None}
        place.put(releases.manifest_key(release), json.dumps({**facts, "tables": {"for_newcomer": table}}).encode())
        releases.advance(place, release, day)
    return settings


def seen(settings: Settings) -> str:
    current = releases.current(releases.open_product(settings, "shop", PRODUCT))
    assert current is not None
    return current["release"]


@pytest.mark.parametrize("to", ["a", "2026-03-01", "previous"])
def test_back_by_release_day_or_previous_and_forward_again(published: Settings, to: str) -> None:
    rollback.run(published, PRODUCT, to)
    assert seen(published) == "a"
    rollback.run(published, PRODUCT, "b")
    assert seen(published) == "b"


@pytest.mark.parametrize("to", ["c", "2026-03-03"])
def test_an_unknown_release_is_refused_with_those_that_there_are(published: Settings, to: str) -> None:
    with pytest.raises(DaybreakError, match="there are a, b"):
        rollback.run(published, PRODUCT, to)
    assert seen(published) == "b"


def test_a_release_with_a_file_missing_is_refused(published: Settings) -> None:
    Path(published.publish, "shop", PRODUCT, "for_newcomer/as_of=2026-03-01/release=a/part-0.parquet").unlink()
    with pytest.raises(DaybreakError, match="no longer whole"):
        rollback.run(published, PRODUCT, "previous")
    assert seen(published) == "b"


def test_nothing_before_the_first(published: Settings) -> None:
    rollback.run(published, PRODUCT, "a")
    with pytest.raises(DaybreakError, match="no release before"):
        rollback.run(published, PRODUCT, "previous")
