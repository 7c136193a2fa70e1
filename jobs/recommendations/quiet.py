"""How models of the library ``implicit`` are fitted here."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from threadpoolctl import threadpool_limits


@contextmanager
def one_thread() -> Iterator[None]:
    """One thread, so that results repeat, and none of the library's warnings: of formats that it converts itself,
    and of threads that are limited here."""
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
