"""``python -m tests.e2e.all_stages DAY``: the stages of a night one after the other in one process, as one by one by
hand, with Spark's start paid once."""

from __future__ import annotations

import sys

from jobs.__main__ import main
from tests.e2e.nights import COMMANDS

if __name__ == "__main__":
    for command in COMMANDS:
        if code := main([*command, "--as-of", sys.argv[1]]):
            sys.exit(code)
