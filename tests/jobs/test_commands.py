"""The commands that are no stage, as a person types them."""

from __future__ import annotations

import pytest

from jobs.__main__ import main


def test_the_data_dictionary_is_what_the_contracts_say(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["dictionary", "--check"]) == 0
    assert "is what the contracts say" in capsys.readouterr().out


def test_a_command_without_its_day_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("report", "lineage", "maintenance", "train", "due", "features"):
        assert main([command]) == 1
        assert "needs --as-of" in capsys.readouterr().err
