"""The statements for Snowflake: those of the contracts as they are, and Snowflake's grammar; nobody runs them here."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlglot
from sqlglot import exp

from jobs.lib.errors import DaybreakError
from jobs.warehouse import snowflake
from tests.releases import expectations


def test_the_committed_files_are_what_the_contracts_say() -> None:
    snowflake.check()


def test_a_stale_file_is_named(tmp_path: Path) -> None:
    assert snowflake.write(tmp_path) and not snowflake.write(tmp_path)
    (tmp_path / "setup.sql").write_text("SELECT 1;")
    with pytest.raises(DaybreakError, match=r"setup\.sql is not what the contracts say: run `python -m"):
        snowflake.check(tmp_path)


@pytest.mark.parametrize("name", sorted(snowflake.pages()))
def test_every_statement_is_in_snowflakes_grammar(name: str) -> None:
    text = snowflake.pages()[name]
    assert "NOT EXECUTED HERE" in text.splitlines()[2]
    statements = sqlglot.parse(text, dialect="snowflake", error_level=sqlglot.ErrorLevel.RAISE)
    assert len(statements) >= 5 and not [one for one in statements if one is None]
    # What sqlglot has no grammar for it keeps as a mere command: only Snowflake's own objects may be such.
    unread = [one.sql() for one in statements if isinstance(one, exp.Command)]
    assert [one for one in unread if not one.startswith(("CREATE STORAGE", "CREATE FILE", "CREATE STAGE"))] == []


def test_a_product_is_staged_then_merged_in_one_transaction(tmp_path: Path) -> None:
    text = snowflake.pages(root=expectations(tmp_path))["recommendations.sql"]
    kinds = [one.key for one in sqlglot.parse(text, dialect="snowflake") if one is not None]
    assert kinds == [
        "create", "create", "set", "set", "create", "copy",
        "transaction", "delete", "merge", "update", "merge", "commit", "create",
    ]  # fmt: skip
    merge = sqlglot.parse(text, dialect="snowflake")[8]
    assert merge is not None and 'kept."RANK" = staged."RANK"' in merge.args["on"].sql()
    assert "'how likely it is bought [probability]'" in text and "$1:score::DOUBLE" in text
