"""The engine of a home's nights is started with everything it needs, and nothing that others may not see."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from jobs.lib import airflow, background, engine
from jobs.lib.settings import Settings


def test_options_of_spark_are_not_on_the_command_line(
    home: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[str] = []
    monkeypatch.setattr(background, "start", lambda module, *command, **_: started.extend(command))
    settings = replace(home, spark_options=(("spark.hadoop.fs.azure.account.key", "kept"),))
    properties = tmp_path / "spark.properties"
    airflow.write_properties(settings, properties)
    engine.start(settings, 15002, {"DAYBREAK_SPARK_PROPERTIES": str(properties)}, tmp_path / "engine.log")
    assert str(properties) in started and "spark.connect.grpc.binding.port=15002" in started
    assert not [part for part in started if "kept" in part or "azure" in part]
    assert "spark.hadoop.fs.azure.account.key kept" in properties.read_text()
