"""The data dictionary is what the contracts say."""

from pathlib import Path

import pytest

from jobs.lib import contracts, dictionary
from jobs.lib.errors import DaybreakError


def test_the_page_in_the_repository_is_fresh() -> None:
    dictionary.check()


def test_every_column_stands_on_the_page() -> None:
    page = dictionary.text()
    for name in contracts.names():
        assert f"### {name}\n" in page
        for column in contracts.load(name).own_columns:
            assert f"| `{column.name}` | {column.type}" in page


def test_a_stale_page_is_told_with_its_first_line_and_written_anew(tmp_path: Path) -> None:
    page = tmp_path / "docs" / "dictionary.md"
    with pytest.raises(DaybreakError, match=r"dictionary.md:1: .*run `python -m jobs dictionary`"):
        dictionary.check(page)
    assert dictionary.write(page)
    assert not dictionary.write(page)
    dictionary.check(page)
    lines = page.read_text(encoding="utf-8").splitlines()
    page.write_text("\n".join([*lines[:6], "edited", *lines[7:]]) + "\n", encoding="utf-8")
    with pytest.raises(DaybreakError, match=r"dictionary.md:7: "):
        dictionary.check(page)
