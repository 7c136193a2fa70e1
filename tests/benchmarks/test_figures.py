"""What a benchmark prints can be read back, whatever numbers it came to."""

from __future__ import annotations

import json

import numpy as np
import pytest

from benchmarks.figures import Figure, show


def test_a_line_of_json_a_figure_follows_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    counted = Figure("loop", "units sold", np.int64(4156), np.int64(3834), "the store's own lists", target=4000)
    shared = Figure("loop", "regret", np.float32(0.5), None, better="lower", target=0.4)
    assert not show([counted, shared])
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith("{")]
    assert [(one["ours"], one["peer"], one["met"]) for one in told] == [(4156, 3834, True), (0.5, None, False)]
