"""One holder of a lock, known by name, and none once it is dead."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from jobs.lib import locks
from jobs.lib.errors import DaybreakError
from jobs.lib.locks import Held, held, stage_lock


def test_a_lock_has_one_holder_and_names_it(tmp_path: Path) -> None:
    lock = tmp_path / "home" / "night.lock"
    with held(lock, "make run DAY=2011-10-31"):
        named = rf"make run DAY=2011-10-31 \(process {os.getpid()}\)"
        with pytest.raises(Held, match=named), held(lock, "another"):
            pass
    with held(lock, "another"):
        pass


def test_a_killed_holder_holds_nothing(tmp_path: Path) -> None:
    lock = tmp_path / "night.lock"
    code = f"""
import time
from pathlib import Path
from jobs.lib.locks import held
with held(Path({str(lock)!r}), "a night"):
    print("held", flush=True)
    time.sleep(60)
"""
    root = Path(locks.__file__).parents[2]
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, cwd=root) as holder:
        assert holder.stdout is not None and holder.stdout.readline() == b"held\n"
        with pytest.raises(Held), held(lock, "another"):
            pass
        holder.kill()
        holder.wait()
    with held(lock, "another"):
        pass


def test_a_home_that_is_being_written_says_by_whom(tmp_path: Path) -> None:
    named = "is being written by features 2026-02-03"
    with (
        stage_lock(tmp_path, "features 2026-02-03"),
        pytest.raises(DaybreakError, match=named),
        stage_lock(tmp_path, "another"),
    ):
        pass
