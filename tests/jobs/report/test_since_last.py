"""What a release changed beside the one before it."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from jobs.lib.settings import Settings
from jobs.published import releases
from jobs.report import since_last
from tests.releases import PRODUCT, expectations, place_row, publish

FIRST, SECOND = date(2026, 3, 3), date(2026, 3, 5)


def told(home: Settings, release: str) -> dict[str, Any] | None:
    place = releases.open_product(home, "shop", PRODUCT)
    found = releases.manifest(place, release)
    assert found is not None
    return since_last.moved(place, found)


def test_what_people_look_at_is_compared_with_the_last_release_before(tmp_path: Path, home: Settings) -> None:
    root = expectations(tmp_path)
    before = [place_row("c1", 1, "i1"), place_row("c1", 2, "i2"), place_row("c2", 1, "i3"), place_row("c3", 1, "i4")]
    after = [place_row("c1", 1, "i1", score=0.9), place_row("c1", 2, "i5"), place_row("c2", 1, "i3")]
    after += [place_row("c4", 1, "i1"), place_row("c4", 2, "i2")]
    first = publish(home, root, FIRST, {"for_customer": before})
    assert told(home, first) is None
    # The same day again is no release before it.
    again = publish(home, root, FIRST, {"for_customer": before[:3]})
    second = publish(home, root, SECOND, {"for_customer": after})
    assert told(home, again) is None
    found = told(home, second)
    assert found is not None and found["since"] in (first, again)
    (row,) = found["tables"]
    assert (row["table"], row["column"]) == ("for_customer", "item_id")
    gone = 1 if found["since"] == first else 0
    assert (row["same"], row["changed"], row["new"], row["gone"]) == (2, 1, 2, gone)


def test_of_a_large_table_some_keys_are_compared_whole(
    tmp_path: Path, home: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = expectations(tmp_path)
    rows = [place_row(f"c{n}", rank) for n in range(40) for rank in (1, 2)]
    publish(home, root, FIRST, {"for_customer": rows})
    second = publish(home, root, SECOND, {"for_customer": rows})
    monkeypatch.setattr(since_last, "COMPARED_ROWS", 20)
    found = told(home, second)
    assert found is not None
    (row,) = found["tables"]
    assert row["parts"] == 4 and 0 < row["same"] < 80 and row["same"] % 2 == 0
    assert row["changed"] == row["new"] == row["gone"] == 0


def test_files_no_longer_kept_are_nothing_to_compare_with(tmp_path: Path, home: Settings) -> None:
    root = expectations(tmp_path)
    publish(home, root, FIRST, {"for_customer": [place_row("c1", 1)]})
    second = publish(home, root, SECOND, {"for_customer": [place_row("c1", 1)]})
    place = releases.open_product(home, "shop", PRODUCT)
    place.delete([entry.key for entry in place.list(f"for_customer/as_of={FIRST}")])
    assert told(home, second) is None
