"""The warm Python of a home's nights: libraries are imported once, and each stage is a fork of the process that has.

A stage is a process of its own, but importing what all of them use costs each some seconds of a core, a tenth of a
small night. ``python -m jobs …`` started where DAYBREAK_WARM names a socket hands its arguments, environment, folder
and output to the process that listens there, and ends as its fork ends; killed, it takes the fork with it. Without a
listener it does the work itself. Only libraries are imported beforehand: a change of Daybreak's own code counts at
once.
"""

from __future__ import annotations

import ctypes
import gc
import hashlib
import importlib
import json
import os
import runpy
import selectors
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from jobs.lib import background

SOCKET = "DAYBREAK_WARM"
LIBRARIES = (
    "great_expectations",
    "numba",
    "pyspark.sql.connect.session",
    "scipy.optimize",
    "sklearn.cluster",
    "xgboost",
)
MESSAGE_BYTES = 1 << 20
PR_SET_PDEATHSIG = 1


def start(token: str, env: Mapping[str, str], log: Path) -> str:
    """Starts a listener in the background; the socket where it listens. ``env`` is that of Airflow, whose end is the
    listener's end too. Stages that come before its libraries are imported wait for it."""
    path = _socket(token)
    path.parent.mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()
        number = listening.fileno()
        background.start("jobs.lib.warm", str(number), env=env, log=log, handles=[number])
    return str(path)


def forget(token: str) -> None:
    """Removes the socket of a listener that has ended."""
    shutil.rmtree(_socket(token).parent, ignore_errors=True)


def _socket(token: str) -> Path:
    # A socket's name may have some hundred characters, fewer than the path of a home; the token stays secret.
    return Path(tempfile.gettempdir(), f"daybreak-{hashlib.sha256(token.encode()).hexdigest()[:16]}", "warm")


def ask(arguments: list[str]) -> int | None:
    """Has the listener run ``python -m jobs <arguments>`` with this process's environment, folder and output; its exit
    code, or None where nobody listens."""
    path = os.environ.get(SOCKET)
    if not path:
        return None
    with socket.socket(socket.AF_UNIX) as line:
        try:
            line.connect(path)
        except OSError:
            return None
        asked = {"arguments": arguments, "folder": os.getcwd(), "environment": dict(os.environ)}
        answer = b""
        with suppress(OSError):
            socket.send_fds(line, [b" "], [1, 2])
            line.sendall(json.dumps(asked).encode() + b"\n")
            answer = line.recv(16)
    if not answer:
        print("daybreak: the warm Python has ended, and this stage with it: run it again", file=sys.stderr, flush=True)
        return 1
    return int(answer)


class Listener:
    """Forks for each that asks, and tells it how its fork ended; an asker that is gone is one whose fork is killed."""

    def __init__(self, listening: socket.socket) -> None:
        self.selector = selectors.DefaultSelector()
        self.selector.register(listening, selectors.EVENT_READ)
        self.listening = listening
        self.forks: dict[int, socket.socket] = {}
        # A child's end wakes the selector through this pair.
        self.woken, waking = socket.socketpair()
        self.woken.setblocking(False)
        waking.setblocking(False)
        self.waking = waking
        self.selector.register(self.woken, selectors.EVENT_READ)
        signal.set_wakeup_fd(waking.fileno())
        signal.signal(signal.SIGCHLD, lambda number, frame: None)

    def serve(self) -> Callable[[], None]:
        """Runs for good; returns in a fork only, with the work to do there."""
        while True:
            for key, _ in self.selector.select():
                if key.fileobj is self.listening:
                    work = self._taken(self.listening.accept()[0])
                    if work is not None:
                        return work
                elif key.fileobj is self.woken:
                    with suppress(BlockingIOError):
                        self.woken.recv(4096)
                    self._reap()
                else:
                    self._gone(key.fileobj)

    def _taken(self, line: socket.socket) -> Callable[[], None] | None:
        with suppress(OSError, ValueError):
            asked, outputs = _received(line)
            pid = os.fork()
            if pid == 0:
                self._leave()
                return lambda: _work(asked, outputs)
            # Both sides make the group: whoever comes first, it is there when its asker dies.
            with suppress(OSError):
                os.setpgid(pid, pid)
            for output in outputs:
                os.close(output)
            self.forks[pid] = line
            self.selector.register(line, selectors.EVENT_READ)
            return None
        line.close()
        return None

    def _leave(self) -> None:
        """What the fork must not keep of its parent: its handlers, its sockets, and its life after the parent's."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for known in list(self.selector.get_map().values()):
            known.fileobj.close()  # type: ignore[union-attr]
        self.selector.close()
        self.waking.close()
        os.setpgid(0, 0)
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)

    def _reap(self) -> None:
        while self.forks:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            line = self.forks.pop(pid)
            self.selector.unregister(line)
            code = os.waitstatus_to_exitcode(status)
            with suppress(OSError), line:
                # As a shell says it of a process that a signal ended.
                line.sendall(str(code if code >= 0 else 128 - code).encode())

    def _gone(self, line: Any) -> None:
        for pid in [pid for pid, its in self.forks.items() if its is line]:
            with suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            del self.forks[pid]
            self.selector.unregister(line)
            line.close()


def _received(line: socket.socket) -> tuple[dict[str, Any], list[int]]:
    """One asker's words, which end with a line, and its outputs."""
    text, outputs = b"", []
    while not text.endswith(b"\n"):
        part, handles, _, _ = socket.recv_fds(line, MESSAGE_BYTES, 2)
        outputs += handles
        if not part:
            raise ValueError("the asker went before it had asked")
        text += part
    return json.loads(text), outputs


def _work(asked: dict[str, Any], outputs: list[int]) -> None:
    for number, output in enumerate(outputs, start=1):
        os.dup2(output, number)
        os.close(output)
    os.environ.clear()
    os.environ.update(asked["environment"])
    # The fork does the work: it must not ask again.
    del os.environ[SOCKET]
    os.chdir(asked["folder"])
    sys.argv = ["jobs", *asked["arguments"]]
    runpy.run_module("jobs", run_name="__main__", alter_sys=True)


def serve(listening: socket.socket) -> None:
    """Imports the libraries, then listens; in a fork, does its work, which ends by SystemExit as `python -m` does."""
    for library in LIBRARIES:
        importlib.import_module(library)
    # Objects made so far stay as they are in all forks: a collector that visited them would copy their pages.
    gc.collect()
    gc.freeze()
    Listener(listening).serve()()


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
