"""Locks that die with their holder: one writer a home (Delta on a plain folder can lose a commit when two processes
write at once), one night, one server."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from jobs.lib.errors import DaybreakError


class Held(Exception):
    """A lock is another's; the message names the holder."""


@contextmanager
def held(path: Path, holder: str) -> Iterator[None]:
    """Holds a lock file while the block runs; the kernel lets go of it however the process dies.

    Raises Held, whose message is what the holder wrote.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            raise Held(file.read().strip() or "another process") from error
        file.truncate(0)
        file.write(f"{holder} (process {os.getpid()})")
        file.flush()
        try:
            yield
        finally:
            file.truncate(0)


@contextmanager
def stage_lock(home: Path, holder: str) -> Iterator[None]:
    """Holds ``<home>/stage.lock`` while a stage writes. Raises DaybreakError, naming the holder, when another process
    has it."""
    try:
        with held(home / "stage.lock", holder):
            yield
    except Held as other:
        raise DaybreakError(f"{home} is being written by {other}: wait for it to end") from other
