"""What a store lacks is said in words before a night begins, by what its mappings mention."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from jobs.lib import stores, switches
from tests.conftest import settings_of


def test_what_is_switched_off_is_said_of_a_shipped_store(tmp_path: Path) -> None:
    store = stores.load(settings_of(tmp_path, DAYBREAK_STORE="online_retail", DAYBREAK_DATA=str(tmp_path)))
    told = switches.lacking(store)
    assert "without events: recommendations from purchases" in told
    assert "without stock_levels: forecasts but no reorder advice" in told
    assert not [line for line in told if line.startswith("without order_lines.customer_id")]
    weekly = switches.lacking(replace(store, period="week"))
    assert set(weekly) - set(told) == {"without personal lists: weekly sums have no customers"}


def test_what_a_store_has_is_on(tmp_path: Path) -> None:
    store = stores.load(settings_of(tmp_path, DAYBREAK_STORE="online_retail", DAYBREAK_DATA=str(tmp_path)))
    found = {one.name: one for one in switches.switches(store, lambda table, column: True)}
    assert found["order_lines.customer_id"].is_on and found["order_lines.customer_id"].words == "personal lists"
    assert not found["events"].is_on
