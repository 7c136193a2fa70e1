"""The store's warehouse, by ``DAYBREAK_WAREHOUSE``: a DuckDB file or a Postgres database behind one small interface.

Both promise the same: what happens inside ``opened`` becomes visible in one piece when the block ends well, and not at
all otherwise, however the process dies.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar, Protocol

import duckdb

from jobs.lib import passwords
from jobs.lib.errors import DaybreakError
from jobs.lib.settings import Settings
from jobs.warehouse.shapes import Shape

NONE = "none"
POSTGRES = ("postgres", "postgresql")
LOAD_SECONDS = 600.0  # that another load is waited for


class Busy(DaybreakError):
    """Another load is writing the warehouse; the message names it. Waiting helps."""


class Warehouse(Protocol):
    """One open transaction. ``engine`` is a DuckDB that reads published files and works out what moved."""

    engine: duckdb.DuckDBPyConnection
    types: ClassVar[dict[str, str]]

    def fetch(self, sql: str) -> list[tuple[Any, ...]]:
        """The rows of a query to the warehouse, known to be few."""

    def execute(self, sql: str) -> None:
        """A statement that changes the warehouse."""

    def append(self, shape: Shape, select: str) -> int:
        """Add the rows of the engine's ``select`` to a table, column by column by name; returns how many."""

    def rows_of(self, shape: Shape, day: str) -> str:
        """The engine's ``SELECT`` of the rows that the warehouse has of a day, with the shape's columns."""


@contextmanager
def opened(settings: Settings, store: str, is_looking: bool = False) -> Iterator[Warehouse]:
    """A transaction in the store's warehouse, committed when the block ends well; one ``is_looking`` changes nothing,
    and keeps nobody from it.

    Raises DaybreakError, in words without the password, where it cannot be reached or refuses.
    """
    place = located(settings, store)
    scheme, is_url, _ = place.partition("://")
    if is_url and scheme in POSTGRES:
        from jobs.warehouse import postgres

        with _told(place), postgres.opened(place, is_looking) as database:
            yield database
    elif is_url:
        raise DaybreakError(
            f"DAYBREAK_WAREHOUSE is {masked(place)}: expected a DuckDB file, postgresql://… or {NONE!r}"
        )
    else:
        from jobs.warehouse import duck

        with _told(place), duck.looking(place) if is_looking else duck.opened(place) as file:
            yield file


def located(settings: Settings, store: str) -> str:
    """The file or URL of the store's own warehouse; ``{store}`` in the setting stands for the store's name."""
    return settings.warehouse.replace("{store}", store)


def masked(place: str) -> str:
    """The place without its password, for messages."""
    return passwords.masked(place, place)


@contextmanager
def _told(place: str) -> Iterator[None]:
    """Turns a database's error into one sentence; drivers quote the whole URL in some, so the password goes first."""
    import adbc_driver_manager

    try:
        yield
    except (duckdb.Error, adbc_driver_manager.Error) as error:
        words = passwords.masked(" ".join(str(error).split()), place)
        raise DaybreakError(f"the warehouse {masked(place)} was left as it was: {words}") from None
