"""Waiting for what another process does."""

from __future__ import annotations

import time
from collections.abc import Callable


def until(
    is_so: Callable[[], object],
    is_alive: Callable[[], bool] = lambda: True,
    told: Callable[[], str] = str,
    seconds: float = 600,
    every: float = 0.05,
) -> None:
    """Returns once ``is_so``, asked every so many seconds; AssertionError with what is ``told`` where that takes longer
    than ``seconds``, or who should do it is no longer alive."""
    end = time.monotonic() + seconds
    while not is_so():
        assert is_alive() and time.monotonic() < end, told()
        time.sleep(every)
