"""The truth of the simulated store is for tests and benchmarks: nothing of the system can reach it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import jobs

ROOT = Path(jobs.__path__[0])
OPENS_THE_STORE = ROOT / "commands.py"  # `python -m jobs store` delivers its files


def imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{name.name}" for name in node.names)


def test_no_module_outside_the_simulated_store_imports_it_or_names_a_file_of_its_truth() -> None:
    modules = [path for path in ROOT.rglob("*.py") if ROOT / "store" not in path.parents]
    assert len(modules) > 100
    for path in modules:
        tree = ast.parse(path.read_text())
        reaches = {name for name in imported(tree) if name.startswith("jobs.store")}
        assert not reaches or path == OPENS_THE_STORE, f"{path} imports {reaches}"
        words = {
            node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)
        }
        assert not {word for word in words if word == "truth" or word.startswith("truth/")}, path
