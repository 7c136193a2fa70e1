"""``python -m tests.e2e.all_stages DAY [STAGE]``: the stages of a night, or those from one on, one after the other in
one process, as one by one by hand, with Spark's start paid once. Says when each begins and how long it took."""

from __future__ import annotations

import sys
import time

from jobs.__main__ import main
from tests.e2e.nights import COMMANDS

if __name__ == "__main__":
    names = [command[0] for command in COMMANDS]
    for name in names[names.index(sys.argv[2]) if sys.argv[2:] else 0 :]:
        started = time.monotonic()
        print(f"== {name} of {sys.argv[1]}", flush=True)
        if code := main([name, "--as-of", sys.argv[1]]):
            sys.exit(code)
        print(f"== {name} of {sys.argv[1]} took {time.monotonic() - started:.2f} s", flush=True)
