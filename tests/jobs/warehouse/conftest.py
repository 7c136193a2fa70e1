"""A shop with hand-made releases, and a warehouse of each kind to load them into."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from jobs.lib import contracts
from jobs.lib.settings import Settings
from tests.releases import expectations
from tests.shop import Shop

MONDAY, TUESDAY, WEDNESDAY = date(2026, 3, 2), date(2026, 3, 3), date(2026, 3, 4)


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    """The contracts of the shop's only product."""
    yield expectations(tmp_path)
    contracts._load.cache_clear()


@pytest.fixture
def shop(tmp_path: Path, home: Settings) -> Settings:
    """Settings of a store named ``shop``, its warehouse the default one."""
    return Shop.create(tmp_path, home).settings


@pytest.fixture(params=["duckdb", "postgres"])
def settings(request: pytest.FixtureRequest, shop: Settings) -> Settings:
    """The same with a warehouse of each kind."""
    if request.param == "duckdb":
        return shop
    return dataclasses.replace(shop, warehouse=request.getfixturevalue("postgres_url"))
