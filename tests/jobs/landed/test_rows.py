"""Every format as text columns, row by row as delivered; every way to be unreadable told with its line."""

from __future__ import annotations

import gzip
import hashlib
import io
from datetime import UTC, date, datetime
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from jobs.landed.rows import Delivered
from jobs.landed.streams import Refused
from jobs.lib.stores import Known, Source


def delivered(content: bytes, format: str = "csv", **options: object) -> Delivered:
    return Delivered(lambda: io.BytesIO(content), Source("x", "*", format, Known("always"), **options))


def rows(content: bytes, format: str = "csv", **options: object) -> list[dict]:
    return [row for batch in delivered(content, format, **options).batches() for row in batch.to_pylist()]


@pytest.mark.parametrize(
    "content",
    [
        b"a,b\n1,2\n3,x y\n",
        b"\xef\xbb\xbfa,b\r\n1,2\r\n3,x y\r\n",
        b"\na,b\n\n1,2\n\n\n3,x y",
        b'"a","b"\n"1","2"\n"3","x y"\n',
        gzip.compress(b"a,b\n1,2\n3,x y\n", mtime=0),
        gzip.compress(b"a,b\n1,2\n", mtime=0) + gzip.compress(b"3,x y\n"),
    ],
    ids=["plain", "bom and crlf", "blank lines, no end", "quoted", "gzip", "gzip of two members"],
)
def test_csv_in_its_disguises(content: bytes) -> None:
    assert rows(content) == [{"a": "1", "b": "2"}, {"a": "3", "b": "x y"}]


def test_csv_keeps_what_is_in_quotes_and_what_is_blank() -> None:
    content = 'a,b\n"x\r\ny",""\n"say ""ja""",5" plate\n ,é\n'.encode()
    assert rows(content) == [{"a": "x\r\ny", "b": ""}, {"a": 'say "ja"', "b": '5" plate'}, {"a": " ", "b": "é"}]


def test_csv_by_the_store_s_options() -> None:
    assert rows("a;b\n1;é\n".encode("cp1252"), delimiter=";", encoding="cp1252") == [{"a": "1", "b": "é"}]
    assert rows("a\tb\n1\té\n".encode("utf-16"), delimiter="\t", encoding="utf-16") == [{"a": "1", "b": "é"}]
    assert rows(b"1,2\n", header=False, columns=("a", "b")) == [{"a": "1", "b": "2"}]


def test_names_with_blanks_and_dots_stay_and_a_missing_one_is_given() -> None:
    assert rows(b"a.b, c d ,\n1,2,3\n") == [{"a.b": "1", "c d": "2", "column_3": "3"}]


def test_long_files_keep_their_order_across_blocks() -> None:
    content = b"n,t\n" + b"".join(b"%d,%s\n" % (n, b"x" * 50) for n in range(200_000))
    whole = delivered(content)
    numbers = [int(n) for batch in whole.batches() for n in batch.column(0).to_pylist()]
    assert numbers == list(range(200_000))
    assert whole.rows == 200_000
    assert whole.bytes == len(content)


@pytest.mark.parametrize(
    ("content", "rule", "detail"),
    [
        (b"", "empty", "not even a header"),
        (b"\n\n", "empty", "not even a header"),
        (b"a,b\n1,2\n\n3\n", "fields", "line 4: 1 fields; expected 2"),
        (b'a,b\n1,"2\n2"\n3,4,5\n', "fields", "line 4: 3 fields; expected 2"),
        (b'a,b\n1,2\n3,"x\n4,5\n', "quotes", "line 3: a quote opened in this row is never closed"),
        (b"a,b\n1,2\n\xff,3\n", "encoding", "line 3, byte 8 (0xff) is not utf-8"),
        (b"a,b\n1,2\n3,\xc3", "encoding", "line 3, byte 10"),
        ("a,b\n1,2\n".encode("utf-16-le"), "encoding", "a zero byte"),
        (b"a,A\n1,2\n", "header", "'a' and 'A' differ only in case"),
        (b"a,b,a\n1,2,3\n", "header", "'a' is there twice"),
        (b"a,_row\n1,2\n", "header", "'_row' has a name that landing keeps for itself"),
        (gzip.compress(b"a,b\n" + b"1,2\n" * 9999, mtime=0)[:-9], "gzip", "without its end mark: the file is cut off"),
        (gzip.compress(b"a,b\n1,2\n", mtime=0)[:5], "gzip", "the file is cut off"),
        (gzip.compress(b"a,b\n1,2\n", mtime=0)[:-8] + b"12345678", "gzip", "damaged"),
    ],
)
def test_what_is_wrong_with_a_csv_is_told_with_its_place(content: bytes, rule: str, detail: str) -> None:
    with pytest.raises(Refused) as refused:
        rows(content)
    assert refused.value.rule == rule
    assert detail in refused.value.detail


def test_a_refusal_never_quotes_the_row() -> None:
    with pytest.raises(Refused) as refused:
        rows(b"a,b\n1,2\n4111111111111111,2,3\n")
    assert "4111" not in refused.value.detail


def test_the_fingerprint_is_of_the_bytes_as_delivered() -> None:
    content = gzip.compress(b"a\n1\n", mtime=0)
    read, other = delivered(content), delivered(content)
    list(read.batches())
    assert read.sha256 == other.fingerprint()
    assert (read.bytes, read.rows, read.required) == (len(content), 1, ("a",))


def test_the_fingerprint_of_parquet_is_that_of_its_bytes_too() -> None:
    table, buffer = pa.table({"a": list(range(5000)), "b": [f"text {n}" for n in range(5000)]}), io.BytesIO()
    pq.write_table(table, buffer, row_group_size=500)
    read = delivered(buffer.getvalue(), "parquet")
    assert sum(batch.num_rows for batch in read.batches()) == 5000
    assert read.sha256 == hashlib.sha256(buffer.getvalue()).hexdigest()


def test_json_lines_keep_the_spelling_of_numbers_and_nest_as_json() -> None:
    content = b'{"a": 1.10, "b": {"c": [1.0, 2e5, null, true]}}\n\n{"a": "x", "d": null, "e": false}\n'
    whole = delivered(content, "jsonl")
    assert [row for batch in whole.batches() for row in batch.to_pylist()] == [
        {"a": "1.10", "b": '{"c": [1.0, 2e5, null, true]}', "d": None, "e": None},
        {"a": "x", "b": None, "d": None, "e": "false"},
    ]
    assert whole.columns == ("a", "b", "d", "e")
    assert whole.required == ("a",)


def test_a_text_cut_within_an_emoji_loses_that_and_no_more() -> None:
    """JavaScript writes the half that is left as an escape, which no encoding has."""
    content = rb'{"q": "red shoes \ud83d", "\udc00": {"deep": ["\ud83d\ude00", "\ud83d"]}}' + b"\n"
    (row,) = [row for batch in delivered(content, "jsonl").batches() for row in batch.to_pylist()]
    assert row == {"q": "red shoes \ufffd", "\ufffd": '{"deep": ["\U0001f600", "\ufffd"]}'}


@pytest.mark.parametrize(
    ("content", "detail"),
    [
        (b'{"a": 1}\n{"a":\n', "line 2, column 6"),
        (b'{"a": 1}\n[1]\n', "line 2: expected one JSON object a line"),
        (b'{"a": 1}\n{"a": 1} {"a": 2}\n', "line 2, column 10: Extra data"),
    ],
)
def test_a_broken_json_line_is_named(content: bytes, detail: str) -> None:
    with pytest.raises(Refused, match=detail) as refused:
        rows(content, "jsonl")
    assert refused.value.rule == "json"


def test_json_lines_without_lines_are_a_file_without_rows() -> None:
    assert rows(b"", "jsonl") == []


def test_parquet_as_text_that_casts_back() -> None:
    moment = datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)
    table = pa.table(
        {
            "whole": [1, None], "float": [17850.5, 0.1], "is_new": [True, False], "day": [date(2026, 2, 3), None],
            "cost": [Decimal("1.10"), None], "at": pa.array([moment, None], pa.timestamp("us", "Europe/London")),
            "local": pa.array([moment.replace(tzinfo=None), None], pa.timestamp("ms")),
            "tags": [["a"], []], "text": ["é", ""],
        }
    )  # fmt: skip
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    assert rows(buffer.getvalue(), "parquet")[0] == {
        "whole": "1", "float": "17850.5", "is_new": "true", "day": "2026-02-03", "cost": "1.10",
        "at": "2026-02-03 04:05:06.000000Z", "local": "2026-02-03 04:05:06.000", "tags": '["a"]', "text": "é",
    }  # fmt: skip
    assert rows(buffer.getvalue(), "parquet")[1]["whole"] is None
    with pytest.raises(Refused, match="cut off or damaged"):
        rows(buffer.getvalue()[:-20], "parquet")
