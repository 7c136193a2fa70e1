"""How much memory work takes on this machine: the most that processes and all that they started held together."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

import psutil

EVERY_SECONDS = 3.0
# Asking walks all pages of a process, a third of a second where it holds gigabytes: it may take no more of a core.
SHARE = 0.05


class Peak:
    """``bytes``: the most seen so far. Pages that processes share (forked workers) count once where the system says
    which are (Linux)."""

    def __init__(self, pids: Sequence[int]) -> None:
        self.pids = list(pids)
        self.bytes = 0

    def look(self) -> bool:
        """Takes in what is held now; whether any of the processes still lives."""
        found = {each.pid: each for pid in self.pids for each in _tree(pid)}
        self.bytes = max(self.bytes, sum(_held(each) for each in found.values()))
        return bool(found)


@contextmanager
def watched(pids: Sequence[int], every: float = EVERY_SECONDS) -> Iterator[Peak]:
    """Looks at the processes and their children until the block ends, and at its end; less often than ``every`` so many
    seconds where looking is slow (:data:`SHARE`)."""
    peak, ended = Peak(pids), threading.Event()

    def watch() -> None:
        lives = True
        while lives:
            started = time.thread_time()
            lives = peak.look() and not ended.wait(max(every, (time.thread_time() - started) / SHARE))

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield peak
    finally:
        ended.set()
        watcher.join()
        peak.look()


def listening(port: int) -> list[int]:
    """Processes of this user that listen on a TCP port of this machine; none where the system does not tell."""
    with suppress(psutil.Error):
        lines = psutil.net_connections("tcp")
        return [
            line.pid for line in lines if line.pid and line.status == psutil.CONN_LISTEN and line.laddr.port == port
        ]
    return []


def _tree(pid: int) -> list[psutil.Process]:
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.Error:
        return []


def _held(process: psutil.Process) -> int:
    try:
        told = process.memory_full_info()
    except psutil.Error:
        return 0
    return getattr(told, "pss", told.rss)
