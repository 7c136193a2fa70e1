"""Processes that outlive the call that starts them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path


def start(
    module: str,
    *arguments: str,
    env: Mapping[str, str],
    log: Path,
    folder: Path | None = None,
    handles: Sequence[int] = (),
) -> None:
    """Starts ``python -m <module> <arguments>`` in a session of its own, so that a terminal's Ctrl-C does not reach it;
    its output is added to ``log``, and it inherits the open ``handles``."""
    with log.open("ab") as out:
        subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            cwd=folder,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=handles,
        )
