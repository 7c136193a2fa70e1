"""Errors of a YAML file name file, line and key, and the nearest key that there is."""

from datetime import date
from pathlib import Path

import pytest

from jobs.lib.errors import DaybreakError
from jobs.lib.marked import Section


def section(tmp_path: Path, text: str) -> Section:
    path = tmp_path / "shop.yml"
    path.write_text(text, encoding="utf-8")
    return Section.load(path)


def test_values_come_as_what_they_are(tmp_path: Path) -> None:
    found = section(tmp_path, "name: shop\nopens: 2026-02-03\nshare: 1\nbelow:\n  list: [a, b]\n")
    assert found.value("name", str) == "shop"
    assert found.value("opens", date) == date(2026, 2, 3)
    assert found.value("share", float) == 1
    assert found.value("closes", date, default=None) is None
    below = found.section("below")
    assert below is not None and below.value("list", list) == ["a", "b"] and below.line("list") == 5


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("name: shop\nperoid: day\n", 2, "peroid: unknown key; did you mean 'period'?"),
        ("name: shop\nname: store\n", 2, "name: stands here a second time"),
        ("name: shop\nperiod: dya\n", 2, "period: 'dya' is not known here; did you mean 'day'?"),
        ("name: shop\nperiod: 7\n", 2, "period: expected text, found 7"),
        ("name: true\n", 1, "name: expected text, found True"),
        ("name: shop\n row: x\n", 2, "this is not YAML"),
        ("name: one: two\n", 1, "text with a colon in it goes in quotes"),
        ("- name\n", 1, "expected keys with values"),
        ("", 1, "found nothing"),
        ("period: day\n", 1, "the key 'name' is missing; expected text"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(tmp_path: Path, text: str, line: int, words: str) -> None:
    with pytest.raises(DaybreakError) as error:
        found = section(tmp_path, text).only(("name", "period"))
        found.value("name", str)
        found.value("period", str, default="day", among=("day", "week"))
    assert f"shop.yml:{line}: " in str(error.value)
    assert words in str(error.value)


def test_bytes_that_are_no_utf_8_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "shop.yml"
    path.write_bytes("name: Müller\n".encode("latin-1"))
    with pytest.raises(DaybreakError, match="byte 7 is not UTF-8"):
        Section.load(path)
