"""The most memory that processes held is seen, their children's with it, and who listens on a port is found."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time

import psutil
import pytest

from jobs.lib import memory

HELD = 200 * 2**20
PARENT = "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1]])"
CHILD = f"import time; kept = bytearray(b'x' * {HELD}); print('held', flush=True); time.sleep(60)"


def test_a_childs_memory_counts_and_stays_counted_once_it_is_gone() -> None:
    with memory.watched([os.getpid()], every=0.05) as before:
        pass
    popen = [sys.executable, "-c", PARENT, CHILD]
    with (
        memory.watched([os.getpid()], every=0.05) as peak,
        subprocess.Popen(popen, stdout=subprocess.PIPE, text=True) as process,
    ):
        assert process.stdout.readline() == "held\n"
        peak.look()
        for each in [*psutil.Process(process.pid).children(), psutil.Process(process.pid)]:
            each.kill()
    assert before.bytes + HELD < peak.bytes < before.bytes + 3 * HELD


def test_processes_that_are_gone_hold_nothing() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    with memory.watched([process.pid], every=0.05) as peak:
        pass
    assert peak.bytes == 0


def test_slow_looks_are_rare(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = []

    def slow(peak: memory.Peak) -> bool:
        looks.append(peak)
        until = time.thread_time() + 0.05
        while time.thread_time() < until:
            pass
        return True

    monkeypatch.setattr(memory.Peak, "look", slow)
    with memory.watched([os.getpid()], every=0.001):
        time.sleep(0.5)
    assert len(looks) == 2, "a second look while the block ran, besides the one at its end"


def test_who_listens_on_a_port_is_found() -> None:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port = listening.getsockname()[1]
        assert memory.listening(port) == []
        listening.listen()
        assert memory.listening(port) == [os.getpid()]
