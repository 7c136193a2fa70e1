"""A night waits for its day's files until the deadline, and never for what will not come."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from jobs.landed import waiting
from jobs.lib import stores
from jobs.lib.objects import ObjectStore, open_store
from jobs.lib.settings import Settings
from tests.conftest import settings_of


@pytest.fixture
def store(home: Settings) -> stores.Store:
    return stores.load(settings_of(home.home, DAYBREAK_STORE="online_retail", DAYBREAK_DATA=str(home.home)))


def place(home: Settings, *names: str) -> ObjectStore:
    folder = home.home / "files"
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).touch()
    return open_store(str(folder), home)


def test_a_file_that_carries_the_day_is_waited_for(store: stores.Store, home: Settings) -> None:
    (name,) = store.sources
    assert waiting.missing(store, place(home, "2011-10-30.csv"), date(2011, 10, 31)) == [name]
    assert waiting.missing(store, place(home, "2011-10-31.csv.part", ".2011-10-31.csv"), date(2011, 10, 31)) == [name]
    assert waiting.missing(store, place(home, "2011-10-31.csv"), date(2011, 10, 31)) == []


def test_each_source_waits_for_a_file_of_its_own_whatever_order_its_day_is_written_in(
    store: stores.Store, home: Settings
) -> None:
    (one,) = store.sources.values()
    known = replace(one.known, pattern=r"(\d{8})", format="ddMMyyyy")
    sources = {name: replace(one, name=name, where=f"{name}-*.csv", known=known) for name in ("orders", "clicks")}
    two, day = replace(store, sources=sources), date(2011, 10, 31)
    assert waiting.missing(two, place(home, "orders-31102011.csv", "clicks-30102011.csv"), day) == ["clicks"]
    assert waiting.missing(two, place(home, "clicks-31102011.csv"), day) == []


def test_a_closed_day_is_not_waited_for(store: stores.Store, home: Settings) -> None:
    assert waiting.missing(store, place(home), date(2011, 10, 29)) == []


def test_the_deadline_counts_from_the_end_of_the_stores_own_day(store: stores.Store) -> None:
    assert waiting.deadline(store, date(2011, 7, 4), 6) == datetime(2011, 7, 5, 5, tzinfo=UTC)
    assert waiting.deadline(store, date(2011, 12, 4), 6) == datetime(2011, 12, 5, 6, tzinfo=UTC)


def test_a_day_long_past_is_not_waited_for(home: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAYBREAK_HOME", str(home.home))
    monkeypatch.setenv("DAYBREAK_DATA", str(home.home))
    assert waiting.main(["--store", "online_retail", "--as-of", "2011-10-31"]) == 0


def test_the_day_that_has_not_ended_is_waited_for(home: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    landing = home.home / "landing"
    landing.mkdir(parents=True)
    monkeypatch.setenv("DAYBREAK_HOME", str(home.home))
    monkeypatch.setenv("DAYBREAK_LANDING", str(landing))
    assert waiting.main(["--store", "online_retail", "--as-of", str(datetime.now(UTC).date())]) == waiting.WAIT


def test_an_unknown_store_is_an_answer_in_words(home: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    assert waiting.main(["--store", "online_retial", "--as-of", "2011-10-31"]) == 1
    assert "online_retail" in capsys.readouterr().err
