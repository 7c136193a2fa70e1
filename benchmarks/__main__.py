"""``python -m benchmarks [name …|all]``: measures and prints figures; exit code 1 when a target is missed."""

from __future__ import annotations

import importlib
import pkgutil
import sys
from pathlib import Path

from benchmarks.figures import show
from benchmarks.homes import DataMissing


def names() -> list[str]:
    """The benchmarks: the modules of this folder that have ``measure()``."""
    modules = [module.name for module in pkgutil.iter_modules([str(Path(__file__).parent)])]
    return [name for name in modules if hasattr(importlib.import_module(f"benchmarks.{name}"), "measure")]


def main(wanted: list[str]) -> int:
    known = names() if not {"-h", "--help"} & set(wanted) else []
    chosen = known if wanted in ([], ["all"]) else wanted
    for name in chosen:
        if name not in known:
            print(f"benchmarks: expected some of {', '.join(names())}, or all", file=sys.stderr)
            return 2
    good = True
    for name in chosen:
        print(f"== {name}", flush=True)
        try:
            good &= show(importlib.import_module(f"benchmarks.{name}").measure())
        except DataMissing as missing:
            print(f"{name}: {missing}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
