"""One writer a home: Delta on a plain folder can lose a commit when two processes write at once."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from jobs.lib.errors import DaybreakError


@contextmanager
def stage_lock(home: Path, holder: str) -> Iterator[None]:
    """Holds ``<home>/stage.lock`` while a stage writes. The kernel lets go of it when the process dies, however it
    dies. Raises DaybreakError, naming the holder, when another process has it."""
    home.mkdir(parents=True, exist_ok=True)
    with (home / "stage.lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            raise DaybreakError(
                f"{home} is being written by {file.read().strip() or 'another process'}: wait for it to end"
            ) from error
        file.truncate(0)
        file.write(f"{holder} (process {os.getpid()})")
        file.flush()
        yield
