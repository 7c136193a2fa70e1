"""Waiting for what another process does."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")


def until(
    is_so: Callable[[], Found],
    seconds: float,
    is_alive: Callable[[], bool] = lambda: True,
    told: Callable[[], str] = str,
    every: float = 0.05,
) -> Found:
    """What ``is_so`` gives, asked every so many seconds, once it is true; AssertionError with what is ``told`` where
    that takes longer than ``seconds``, or who should do it is no longer alive."""
    end = time.monotonic() + seconds
    while not (found := is_so()):
        assert is_alive() and time.monotonic() < end, told()
        time.sleep(every)
    return found
