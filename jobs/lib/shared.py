"""What many tasks of Spark read and is large: written to a file once, and mapped into memory by every Python worker.

A function given to Spark carries what it needs pickled: each worker would hold a copy of its own with the pickled one
beside it, and Spark's JVM a third. Mapped pages of one file are one copy for all workers of a machine.
"""

from __future__ import annotations

import atexit
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

import joblib
import pandas as pd
from pyspark.sql import SparkSession

from jobs.lib.settings import Settings

FOLDER = "shared"
LEFT_SECONDS = 2 * 86400.0  # a file this old was left by a process that was killed


class Blocks(Protocol):
    """What makes frames out of frames, given the arrays that it holds."""

    def blocks(self, frames: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        """One or more frames out of a stream of them."""
        ...


def blocks(
    spark: SparkSession, settings: Settings, maker: Blocks
) -> Callable[[Iterable[pd.DataFrame]], Iterator[pd.DataFrame]]:
    """``maker.blocks`` for ``mapInPandas``, whose workers read ``maker`` (no class of ``__main__``) from one file; it
    lies in the home until this process ends, and on a cluster is sent to every machine. Arrays are copied on write."""
    path = settings.home / FOLDER / f"{uuid.uuid4().hex}.joblib"
    path.parent.mkdir(parents=True, exist_ok=True)
    _clear(path.parent)
    atexit.register(path.unlink, missing_ok=True)
    joblib.dump(maker, path)
    if settings.is_cluster:
        spark.addArtifacts(str(path), file=True)
    here = str(path)

    def made(frames: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        yield from _read(here).blocks(frames)

    return made


def _read(path: str) -> Any:
    if not Path(path).exists():
        from pyspark import SparkFiles

        path = SparkFiles.get(Path(path).name)
    return joblib.load(path, mmap_mode="c")


def _clear(folder: Path) -> None:
    for path in folder.glob("*.joblib"):
        with suppress(OSError):
            if path.stat().st_mtime < time.time() - LEFT_SECONDS:
                path.unlink()
