"""What is published shapes what shoppers do, from the day after its own on, and is read as any reader would."""

from __future__ import annotations

import gzip
import json
from datetime import date, timedelta
from pathlib import Path

import pandas as pd

from jobs.store.delivery import deliver
from jobs.store.truth import Truth
from tests.jobs.store.conftest import SMALL, START, said_nothing


def publish(root: Path, as_of: date, customers: list[str], items: list[str], release: str = "R1") -> None:
    """A release as INTERFACE.md lays it out, the same items for everybody."""
    product = root / "simulated" / "recommendations"
    tables = {
        "for_customer": pd.DataFrame(
            [
                (one, place, rank + 1, item, 0.5)
                for one in customers
                for place in ("home", "discover")
                for rank, item in enumerate(items)
            ],
            columns=["customer_id", "placement", "rank", "item_id", "propensity"],
        ),
        "for_newcomer": pd.DataFrame(
            [("all", rank + 1, item, 0.25) for rank, item in enumerate(items)],
            columns=["segment", "rank", "item_id", "propensity"],
        ),
    }
    written = {}
    for name, frame in tables.items():
        path = product / name / f"as_of={as_of}" / f"release={release}" / "part-0.parquet"
        path.parent.mkdir(parents=True)
        frame.to_parquet(path)
        written[name] = {"rows": len(frame), "files": [{"key": str(path.relative_to(product)), "rows": len(frame)}]}
    (product / "releases").mkdir(exist_ok=True)
    (product / "releases" / f"{release}.json").write_text(
        json.dumps({"release": release, "as_of": str(as_of), "tables": written})
    )
    (product / "current.json").write_text(json.dumps({"release": release, "as_of": str(as_of)}))


def shown(store: Path, day: date) -> pd.DataFrame:
    """The events of a day."""
    return pd.DataFrame([json.loads(line) for line in gzip.open(store / "landing" / f"events-{day}.jsonl.gz", "rt")])


def test_shoppers_see_and_click_what_was_published(tmp_path: Path) -> None:
    store, other, root = tmp_path / "a", tmp_path / "b", tmp_path / "published"
    last = START + timedelta(days=14)
    deliver(store, str(root), SMALL, START, START, said_nothing)
    deliver(other, None, SMALL, START, last, said_nothing)
    truth = Truth(store)
    sleepers = truth.item_ids(START)[truth.shop(START).popular[-8:]].tolist()
    half = truth.customer_ids(START)[::2]
    publish(root, START, half, sleepers)
    deliver(store, str(root), SMALL, START, last, said_nothing)

    assert set(shown(store, START)["rel"].dropna()) == {"house"}
    after = [START + timedelta(days=number) for number in range(1, 15)]
    events = pd.concat([shown(store, day) for day in after])
    assert set(truth.counts()["release"][1:]) == {"R1"}
    home = events[
        (events["rel"] == "R1")
        & (events["slot"] == "home")  # late events of the first day are the house's
        & (events["type"] == "impression")
        & ~events["vid"].str.startswith("qa-")
    ]
    people = home[~home["vid"].isin(set(truth.bots()["visitor_id"]))]
    assert set(people["sku"]) == set(sleepers)
    first = people[people["uid"].isin([int(one) for one in half])]
    assert (first["p"] == 0.5).all() and (people[people["uid"].isna()]["p"] == 0.25).all()
    assert (first[first["pos"] == 3]["sku"] == sleepers[2]).all()

    def clicks(folder: Path) -> int:
        seen = pd.concat([shown(folder, day) for day in after])
        return int(((seen["type"] == "click") & seen["sku"].isin(sleepers)).sum())

    assert clicks(store) > 2 * clicks(other)


def test_a_release_of_the_day_itself_or_later_is_not_seen(tmp_path: Path) -> None:
    store, root = tmp_path / "a", tmp_path / "published"
    publish(root, START + timedelta(days=3), ["20001"], ["OI10000"])
    deliver(store, str(root), SMALL, START, START + timedelta(days=4), said_nothing)
    assert Truth(store).counts()["release"].tolist() == ["house"] * 4 + ["R1"]
