"""Small simulated worlds that several tests look at."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from jobs.store.delivery import deliver
from jobs.store.truth import Truth
from jobs.store.world import WorldParams

START = date(2025, 3, 3)
SMALL = WorldParams(seed=11, customers=300, items=120)


def said_nothing(_: str) -> None:
    """Takes the place of print."""


@pytest.fixture(scope="session")
def month(tmp_path_factory: pytest.TempPathFactory) -> Truth:
    """Forty days of a world large enough to count in; read only."""
    folder = tmp_path_factory.mktemp("month")
    deliver(
        folder, None, WorldParams(seed=5, customers=1500, items=200), START, START + timedelta(days=39), said_nothing
    )
    return Truth(folder)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """The folder of a store that has delivered nothing yet."""
    return tmp_path / "simulated"
