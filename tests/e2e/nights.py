"""Nights of a tiny shop as processes of their own, and what they published, read from the pointer on."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

import pandas as pd

from tests.waiting import until

COMMANDS = (["landed"], ["validated"], ["features"], ["train"], ["recommendations"], ["published"], ["warehouse"])
LIMIT_SECONDS = 900  # for something to be said, or a command to end
# To generate and compile code for each of many short queries takes longer than to interpret it.
INTERPRETED = "spark.sql.codegen.wholeStage=false spark.sql.codegen.factoryMode=NO_CODEGEN"


def many_short_jobs() -> None:
    """Has this process and the stages that it starts compile little: of many short jobs, that costs more than it gives.

    The quick compiler alone has a small code cache by default; once that is full everything is interpreted, then fails.
    """
    os.environ.setdefault("JDK_JAVA_OPTIONS", "-XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=512m -Xshare:auto")
    os.environ.setdefault("DAYBREAK_SPARK_OPTIONS", INTERPRETED)


def start(home: Path, store: Path, command: list[str], **variables: str) -> subprocess.Popen:
    """``python -m <command>`` in a process group of its own, with its JVM and workers in it; see ``said``."""
    env = {**os.environ, "DAYBREAK_HOME": str(home), "DAYBREAK_STORE": str(store), "DAYBREAK_MASTER": "local[2]"}
    env |= {"DAYBREAK_DRIVER_MEMORY": "1g", "DAYBREAK_SETTLE_SECONDS": "0", "PRODUCTS": "recommendations"} | variables
    with (home.parent / f"{home.name}.log").open("ab") as log:
        whole = [sys.executable, "-m", *command]
        return subprocess.Popen(whole, env=env, stdout=log, stderr=subprocess.STDOUT, start_new_session=True)


def said(home: Path) -> str:
    """All that the processes of a home have said so far."""
    return (home.parent / f"{home.name}.log").read_text(errors="replace")


def until_said(home: Path, process: subprocess.Popen, text: str, since: int = 0) -> None:
    """Waits until the process of a home has said so, behind the first ``since`` characters; it must be at work."""
    until(lambda: text in said(home)[since:], LIMIT_SECONDS, lambda: process.poll() is None, lambda: said(home)[-4000:])


def finish(home: Path, store: Path, command: list[str], **variables: str) -> float:
    """Runs a command to its end; how many seconds it took."""
    started = time.monotonic()
    code = start(home, store, command, **variables).wait()
    assert code == 0, f"{command} ended with {code}:\n{said(home)[-3000:]}"
    return time.monotonic() - started


def stage(command: list[str], day: date) -> list[str]:
    """The command of one stage for ``start`` and ``finish``."""
    return ["jobs", *command, "--as-of", str(day)]


def whole_night(day: date, *first: str) -> list[str]:
    """The command of all stages, or of those from the ``first`` on, in one process."""
    return ["tests.e2e.all_stages", str(day), *first]


def release_of(home: Path, store: str = "shop", product: str = "recommendations") -> str:
    """The release in force; asserts that its manifest is there and that every file is the one that it names."""
    root = home / "published" / store / product
    release = json.loads((root / "current.json").read_text())["release"]
    manifest = json.loads((root / "releases" / f"{release}.json").read_text())
    assert set(manifest["tables"]) == {"evaluation", "for_customer", "for_newcomer", "related_items"}
    for table in manifest["tables"].values():
        for file in table["files"]:
            content = (root / file["key"]).read_bytes()
            assert (len(content), hashlib.sha256(content).hexdigest()) == (file["bytes"], file["sha256"])
    return release


def releases_of(home: Path, store: str = "shop", product: str = "recommendations") -> dict[str, list[str]]:
    """Every release by its night, the first made first."""
    manifests = (home / "published" / store / product / "releases").glob("*.json")
    found = sorted((json.loads(path.read_text()) for path in manifests), key=lambda one: one["created_at"])
    return {day: [one["release"] for one in found if one["as_of"] == day] for day in {one["as_of"] for one in found}}


def assert_same_outputs(home: Path, other: Path, tolerance: float = 1e-4) -> None:
    """The releases in force hold the same rows, floats within ``tolerance``; the model's version is a hash of floats
    and may differ."""
    tables, others = outputs_of(home), outputs_of(other)
    assert tables.keys() == others.keys()
    for name, table in tables.items():
        pd.testing.assert_frame_equal(table, others[name], check_exact=False, rtol=tolerance, atol=tolerance, obj=name)


def outputs_of(home: Path, store: str = "shop", product: str = "recommendations") -> dict[str, pd.DataFrame]:
    """The published tables of the release in force, sorted by their keys."""
    root = home / "published" / store / product
    manifest = json.loads((root / "releases" / f"{release_of(home)}.json").read_text())
    found = {}
    for name, table in manifest["tables"].items():
        frame = pd.concat([pd.read_parquet(root / file["key"]) for file in table["files"]])
        frame = frame.drop(columns="model_version", errors="ignore")
        found[name] = frame.sort_values([key for key in table["key"] if key in frame]).reset_index(drop=True)
    return found
