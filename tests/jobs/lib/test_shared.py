"""What workers of Spark read from one file: mapped and not copied, sent where the home is not, cleared when left."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy import sparse

from jobs.lib import shared


@dataclass(frozen=True)
class Adder:
    """Adds by number, and tells from which file its array is mapped and whether it may be written to."""

    added: np.ndarray
    matrix: sparse.csr_matrix

    def blocks(self, frames: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        for frame in frames:
            number = frame["id"].to_numpy()
            is_right = bool((self.added[number] == self.matrix[number, number].A1).all())
            self.added[0] = 7  # in this process alone
            told = {"sum": number + self.added[number], "from": str(self.matrix.data.filename), "is_right": is_right}
            yield pd.DataFrame({"id": number, **told})


SHAPE = "id long, sum double, from string, is_right boolean"


def test_workers_map_one_file_and_a_cluster_gets_a_copy(spark, home):
    values = np.arange(1.0, 1001.0)
    adder = Adder(values, sparse.diags(values).tocsr())
    left = home.home / shared.FOLDER / "left.joblib"
    left.parent.mkdir(parents=True, exist_ok=True)
    left.touch()
    os.utime(left, (0, time.time() - shared.LEFT_SECONDS - 60))
    on_cluster = replace(home, master="spark://elsewhere:7077", remote=None)
    assert on_cluster.is_cluster
    made = shared.blocks(spark, on_cluster, adder)
    rows = spark.range(1, 1000, 1, 4)
    found = rows.mapInPandas(made, SHAPE).toPandas()
    (path,) = (home.home / shared.FOLDER).glob("*.joblib")  # what was left is gone
    assert set(found["from"]) == {str(path)} and found["is_right"].all() and values[0] == 1
    assert (found["sum"] == 2 * found["id"] + 1).all()
    path.unlink()
    elsewhere = rows.mapInPandas(made, SHAPE).toPandas()
    pd.testing.assert_frame_equal(elsewhere.drop(columns="from"), found.drop(columns="from"))
    assert {os.path.basename(one) for one in elsewhere["from"]} == {path.name} and str(path) not in set(
        elsewhere["from"]
    )
