"""The pointer under race: of publishers at once the latest night wins, whatever their order, on a folder and on S3."""

from __future__ import annotations

import dataclasses
import threading

import pytest

from jobs.lib.objects import ObjectStore
from jobs.lib.settings import Settings
from jobs.published import history, releases
from jobs.published.history import Rollback

NIGHTS = [f"2026-03-{day:02d}" for day in range(1, 13)]


@pytest.fixture(params=["folder", "s3"])
def product(request: pytest.FixtureRequest, home: Settings) -> ObjectStore:
    if request.param == "s3":
        bucket, endpoint = request.getfixturevalue("bucket"), request.getfixturevalue("s3_server")
        home = dataclasses.replace(home, publish=f"s3://{bucket}/published", s3_endpoint=endpoint)
    return releases.open_product(home, "shop", "recommendations")


def test_of_publishers_at_once_the_latest_night_wins(product: ObjectStore) -> None:
    seen: list[str] = []
    threads = [threading.Thread(target=releases.advance, args=(product, f"r{night}", night)) for night in NIGHTS]
    watcher = threading.Thread(target=_watch, args=(product, threads, seen))
    for thread in [*threads, watcher]:
        thread.start()
    for thread in [*threads, watcher]:
        thread.join()
    assert releases.current(product) == {"release": f"r{NIGHTS[-1]}", "as_of": NIGHTS[-1]}
    assert seen == sorted(seen), "readers were taken back to an earlier night"


def _watch(product: ObjectStore, publishers: list[threading.Thread], seen: list[str]) -> None:
    while any(thread.is_alive() for thread in publishers):
        pointer = releases.current(product)
        if pointer is not None:
            seen.append(pointer["as_of"])


def test_decisions_at_once_are_all_kept(product: ObjectStore) -> None:
    one = Rollback("previous", "b", "a", "2026-03-01", "ada", "", "2026-03-02T00:00:00", ("b",), None, "2026-03-03")
    every = [dataclasses.replace(one, by=f"person {n}", at=f"2026-03-02T00:00:{n:02d}") for n in range(6)]
    threads = [threading.Thread(target=history.note, args=(product, decision)) for decision in every]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {decision.by for decision in history.rollbacks(product)} == {decision.by for decision in every}
    decisions = history.rollbacks(product)
    assert history.withdrawing(decisions, "b", "2026-03-02", []) and not history.withdrawing(
        decisions, "a", "2026-03-01", []
    )
