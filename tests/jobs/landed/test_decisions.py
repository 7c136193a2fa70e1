"""What becomes of a file follows from what was seen of it and what landed before."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from jobs.landed.decisions import Entry, counts_from, decide
from jobs.landed.looks import Look
from jobs.lib.stores import Known, Source

SOURCE = Source("orders", "*.csv", "csv", Known("name", pattern=r"(\d{4}-\d{2}-\d{2})", format="yyyy-MM-dd"))
COLUMNS = ("order", "item", "UnitPrice")
MONDAY, TUESDAY = date(2026, 2, 2), date(2026, 2, 3)


def seen(file: str, sha256: str = "a", rows: int = 5, columns: tuple[str, ...] = COLUMNS) -> Look:
    return Look(file, sha256, rows=rows, columns=columns, required=columns)


def landed(file: str, sha256: str, version: int = 1, day: date = MONDAY, rows: int = 5) -> Entry:
    return Entry(file, version, sha256, rows, day, COLUMNS)


def test_new_files_are_taken_in_the_order_of_their_days() -> None:
    days = {"b": MONDAY, "a": TUESDAY}
    made = decide(SOURCE, [seen("a", "1"), seen("b", "2")], days, [], None)
    assert [(one.look.file, one.version, one.known_day) for one in made.taken] == [("b", 1, MONDAY), ("a", 1, TUESDAY)]
    assert not made.refused


def test_the_same_bytes_again_are_ignored_and_said() -> None:
    ledger = [landed("a", "1")]
    same = replace(seen("a", "1"), is_same=True)
    made = decide(SOURCE, [same, seen("b", "1"), seen("c", "2"), seen("d", "2")], {}, ledger, None)
    assert [one.look.file for one in made.taken] == ["c"]
    assert made.words == ["b: ignored, the same bytes as a", "d: ignored, the same bytes as c"]


def test_other_bytes_under_an_old_name_are_the_next_version_also_when_they_were_there_before() -> None:
    ledger = [landed("a", "1"), landed("a", "2", version=2)]
    made = decide(SOURCE, [seen("a", "3")], {"a": MONDAY}, ledger, None)
    assert [(one.version, one.look.sha256) for one in made.taken] == [(3, "3")]
    back = decide(SOURCE, [seen("a", "1")], {"a": MONDAY}, ledger, None)
    assert [(one.version, one.look.sha256) for one in back.taken] == [(3, "1")]


def test_files_without_rows_and_repeated_snapshots_are_no_repeats() -> None:
    empty = [seen("a", "0", rows=0), seen("b", "0", rows=0)]
    assert len(decide(SOURCE, empty, {"a": MONDAY, "b": TUESDAY}, [], None).taken) == 2
    snapshot = replace(SOURCE, delivers="snapshot")
    ledger = [landed("a", "1", day=MONDAY)]
    assert len(decide(snapshot, [seen("b", "1")], {"b": TUESDAY}, ledger, None).taken) == 1
    assert not decide(snapshot, [seen("b", "1")], {"b": MONDAY}, ledger, None).taken


def test_a_day_or_a_shop_that_sold_the_same_as_another_counts() -> None:
    """Rows whose day stands in the file's name alone: equal bytes of another day are sales of that day."""
    ledger = [landed("2026-02-02", "1", day=MONDAY)]
    days = {"2026-02-02": MONDAY, "2026-02-03": TUESDAY, "2026-02-02 (1)": MONDAY}
    made = decide(SOURCE, [seen("2026-02-03", "1"), seen("2026-02-02 (1)", "1")], days, ledger, TUESDAY)
    assert [one.look.file for one in made.taken] == ["2026-02-03"]
    assert made.words[0] == "2026-02-02 (1): ignored, the same bytes as 2026-02-02"


def test_json_lines_may_leave_out_what_is_empty_but_not_rename_it() -> None:
    lines = replace(SOURCE, format="jsonl", columns=("id", "query", "coupon"))
    quiet = decide(lines, [seen("a", "1", columns=("id",))], {"a": MONDAY}, [], None)
    assert quiet.taken and not quiet.refused
    renamed = decide(lines, [seen("a", "1", columns=("id", "querry"))], {"a": MONDAY}, [], None)
    assert not renamed.taken and "was it renamed to 'querry'?" in renamed.refused[0].detail


@pytest.mark.parametrize(
    ("columns", "detail"),
    [
        (("order", "item"), "the column 'UnitPrice' is missing. Expected order, item, UnitPrice; the file has order,"),
        (("order", "item", "unit_price"), "the column 'UnitPrice' is missing; was it renamed to 'unit_price'?"),
        (("order", "UnitPrice", "product"), "the column 'item' is missing; was it renamed to 'product'?"),
        (("order;item;UnitPrice",), "is ',' the delimiter"),
    ],
)
def test_a_missing_or_renamed_column_refuses_the_file_and_the_others_go_on(columns: tuple, detail: str) -> None:
    files = [seen("a", "1"), seen("b", "2", columns=columns), seen("c", "3")]
    days = {"a": MONDAY, "b": MONDAY, "c": MONDAY}
    made = decide(SOURCE, files, days, [], None)
    assert [one.look.file for one in made.taken] == ["a", "c"]
    assert [(one.file, one.rule) for one in made.refused] == [("b", "header")]
    assert detail in made.refused[0].detail


def test_swapped_and_extra_columns_and_another_case_are_taken() -> None:
    files = [
        seen("a", "1"),
        seen("b", "2", columns=("UnitPrice", "item", "order")),
        seen("c", "3", columns=(*COLUMNS, "colour")),
        seen("d", "4", columns=("ORDER", "ITEM", "UNITPRICE")),
    ]
    made = decide(SOURCE, files, {}, [], None)
    assert len(made.taken) == 4
    assert made.words == ["c: landed with columns that are new: colour"]


def test_declared_columns_and_the_column_of_the_day_are_expected_of_the_first_file_too() -> None:
    declared = replace(SOURCE, columns=("order", "shop"))
    assert decide(declared, [seen("a")], {}, [], None).refused[0].column == "shop"
    dated = replace(SOURCE, known=Known("event_time", column="at"))
    assert decide(dated, [seen("a")], {}, [], None).refused[0].column == "at"


def test_rows_with_card_numbers_are_refused_and_the_file_taken() -> None:
    made = decide(SOURCE, [replace(seen("a"), cards=((3, "note"),))], {}, [], None)
    assert len(made.taken) == 1
    assert [(one.row, one.column, one.rule) for one in made.refused] == [(3, "note", "card_number")]


def test_a_day_whose_night_is_closed_never_gets_rows() -> None:
    assert counts_from(MONDAY, None) == MONDAY
    assert counts_from(MONDAY, TUESDAY) == date(2026, 2, 4)
    assert counts_from(date(2026, 2, 9), TUESDAY) == date(2026, 2, 9)
    assert counts_from(None, TUESDAY) is None
