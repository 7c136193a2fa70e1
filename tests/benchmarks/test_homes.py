"""A benchmark of hours: a step that is done is not done again, one that was cut off is."""

from __future__ import annotations

import pytest

from benchmarks.homes import Cost, fresh_home, once


def test_a_step_is_done_once_a_home(tmp_path):
    costs = iter([Cost(3.0, 1.5), Cost(4.0, 2.0)])
    assert once(tmp_path, "features", lambda: next(costs)) == Cost(3.0, 1.5)
    assert once(tmp_path, "features", lambda: next(costs)) == Cost(3.0, 1.5)
    assert once(tmp_path, "lists", lambda: next(costs)) == Cost(4.0, 2.0)


def test_a_step_that_failed_is_done_again(tmp_path):
    def failing() -> Cost:
        raise RuntimeError("cut off")

    with pytest.raises(RuntimeError, match="cut off"):
        once(tmp_path, "features", failing)
    assert once(tmp_path, "features", lambda: Cost(1.0, 1.0)) == Cost(1.0, 1.0)


def test_a_kept_home_is_emptied_unless_the_benchmark_goes_on(tmp_path, monkeypatch):
    monkeypatch.setenv("DAYBREAK_BENCH_HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "steps.json").write_text("{}")
    with fresh_home(goes_on=True) as home:
        assert (home / "steps.json").is_file()
    with fresh_home() as home:
        assert not (home / "steps.json").exists()
