"""A stage that is a fork behaves as one that is a process: its output, its end, and its death."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from jobs.lib import warm
from tests.waiting import until

TOKEN = "a token of the tests"
ROOT = Path(__file__).parents[3]
JOBS = [sys.executable, str(ROOT / "jobs" / "__main__.py")]


def started(folder: Path) -> Iterator[psutil.Process]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(warm.tempfile, "tempdir", str(folder))
        before = psutil.Process().children()
        path = warm.start(TOKEN, {**os.environ, "PYTHONPATH": str(ROOT)}, folder / "warm.log")
        patch.setenv(warm.SOCKET, path)
        (process,) = set(psutil.Process().children()) - set(before)
        try:
            yield process
        finally:
            if process.is_running():
                process.kill()
                process.wait()
            warm.forget(TOKEN)
            assert not Path(path).exists()


@pytest.fixture(scope="module")
def listening(tmp_path_factory: pytest.TempPathFactory) -> Iterator[psutil.Process]:
    yield from started(tmp_path_factory.mktemp("warm"))


@contextmanager
def working(listening: psutil.Process, home: Path) -> Iterator[tuple[subprocess.Popen, psutil.Process]]:
    """An asker whose fork makes a store's history, which takes a while, and that fork."""
    env = {**os.environ, "DAYBREAK_HOME": str(home), "DAYBREAK_STORE": "simulated"}
    command = [*JOBS, "store", "--through", "2026-03-03", "--customers", "2000", "--history-days", "400"]
    asker = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    forks = until(listening.children, 120, lambda: asker.poll() is None)
    try:
        yield asker, forks[0]
    finally:
        asker.kill()
        asker.wait()
        asker.stdout.close()


def test_output_code_folder_and_settings_are_the_askers(listening: psutil.Process, tmp_path: Path) -> None:
    missing = {**os.environ, "DAYBREAK_STORE": "nowhere", "DAYBREAK_HOME": "home"}
    done = subprocess.run([*JOBS, "check"], env=missing, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1 and "nowhere" in done.stderr and "Traceback" not in done.stderr
    done = subprocess.run([*JOBS, "releases"], env={**os.environ, "DAYBREAK_HOME": "home"}, cwd=tmp_path)
    assert done.returncode == 0
    done = subprocess.run([*JOBS, "no-such-stage"], capture_output=True, text=True)
    assert done.returncode == 1 and done.stdout == ""
    # All three were forks of the one listener, which lives on.
    assert listening.is_running() and listening.children() == []


def test_a_fork_dies_with_its_asker(listening: psutil.Process, tmp_path: Path) -> None:
    with working(listening, tmp_path) as (asker, fork):
        asker.send_signal(signal.SIGTERM)
        fork.wait(5)
    assert listening.is_running() and listening.children() == []


def test_a_fork_dies_that_has_not_done_anything_yet() -> None:
    """Its asker may go at once, before the fork has left its parent's group."""
    code = """
import json, os, socket, time
from jobs.lib import warm

class Slow(warm.Listener):
    def _leave(self):
        time.sleep(60)

listener = Slow(socket.socket(socket.AF_UNIX))
line, asker = socket.socketpair()
socket.send_fds(asker, [b" "], [1, 2])
asker.sendall(json.dumps({}).encode() + b"\\n")
if listener._taken(line) is not None:
    os._exit(1)
(fork,) = listener.forks
listener._gone(line)
print(fork)
"""
    started = time.monotonic()
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert not psutil.pid_exists(int(done.stdout)) and time.monotonic() - started < 30


def test_a_fork_that_is_killed_is_an_asker_that_fails(listening: psutil.Process, tmp_path: Path) -> None:
    with working(listening, tmp_path) as (asker, fork):
        fork.kill()
        assert asker.wait(5) == 128 + signal.SIGKILL and listening.is_running()


def test_a_listener_that_dies_takes_its_forks_along_and_askers_say_so(tmp_path: Path) -> None:
    with contextmanager(started)(tmp_path) as listening:
        with working(listening, tmp_path) as (asker, fork):
            listening.kill()
            assert "the warm Python has ended" in asker.stdout.read() and asker.wait() == 1
            fork.wait(5)
        # Nobody listens any more: the next does its work itself.
        done = subprocess.run([*JOBS, "check"], env={**os.environ, "DAYBREAK_STORE": "nowhere"}, capture_output=True)
        assert done.returncode == 1 and b"nowhere" in done.stderr
