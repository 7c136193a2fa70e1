"""What Delta is told of a table: its columns with comments, its layout in files, and which error means "not there"."""

from __future__ import annotations

from pyspark.errors import AnalysisException
from pyspark.sql import DataFrame, SparkSession

from jobs.lib.contracts import Contract
from jobs.lib.errors import DaybreakError

ROWS_PER_FILE = 250_000


def prepare(spark: SparkSession, present: DataFrame | None, contract: Contract, path: str) -> None:
    """Creates the table at ``path`` as its contract says, or brings the ``present`` one up to it, or refuses in
    words with DaybreakError."""
    if present is None:
        spark.sql(_create_statement(contract, path))
        return
    have = {column.name: column.dataType for column in present.schema}
    filled = {column.name for column in present.schema if not column.nullable}
    new = []
    for column in contract.schema():
        if column.name not in have:
            if not column.nullable:
                raise DaybreakError(
                    f"{contract.name}: the contract's new column {column.name} may not be null, and the table "
                    "in this home has rows without it: make it nullable, or start a new DAYBREAK_HOME"
                )
            new.append(f"`{column.name}` {column.dataType.simpleString()}")
        elif have[column.name] != column.dataType:
            raise DaybreakError(
                f"{contract.name}: column {column.name} is {have[column.name].simpleString()} in this home and "
                f"{column.dataType.simpleString()} in the contract: start a new DAYBREAK_HOME, or keep the type"
            )
    if new:
        spark.sql(f"ALTER TABLE delta.`{path}` ADD COLUMNS ({', '.join(new)})")
    for name in [column.name for column in contract.schema() if column.nullable and column.name in filled]:
        spark.sql(f"ALTER TABLE delta.`{path}` ALTER COLUMN `{name}` DROP NOT NULL")


def laid_out(frame: DataFrame, contract: Contract, rows: int) -> DataFrame:
    """The frame in files of a good size, sorted so that a day and a key are found by each file's statistics."""
    order = [name for name in (contract.day_column, *contract.key) if name in frame.columns]
    files = -(-rows // ROWS_PER_FILE)
    spread = frame.repartitionByRange(files, *order) if files > 1 else frame.repartition(1)
    return spread.sortWithinPartitions(*order)


def _create_statement(contract: Contract, path: str) -> str:
    columns = ", ".join(
        f"`{field.name}` {field.dataType.simpleString()}{'' if field.nullable else ' NOT NULL'} "
        f"COMMENT {_quoted(_comment(field))}"
        for field in contract.schema()
    )
    kept = contract.statistics_columns()
    statistics = (
        f"'delta.dataSkippingStatsColumns' = '{','.join(kept)}'" if kept else "'delta.dataSkippingNumIndexedCols' = '0'"
    )
    partitioned = f"PARTITIONED BY ({contract.day_column}) " if contract.is_partitioned else ""
    return (
        f"CREATE TABLE IF NOT EXISTS delta.`{path}` ({columns}) USING delta {partitioned}"
        f"COMMENT {_quoted(contract.row)} TBLPROPERTIES ({statistics})"
    )


def _comment(column) -> str:
    return (column.metadata or {}).get("comment", "")


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def is_missing(error: AnalysisException) -> bool:
    """Whether Spark says that there is no table, or no such version of it (one older than Delta's seven days of deleted
    files is refused, though its files may still be there)."""
    condition = error.getCondition() or ""
    words = (
        "PATH_NOT_FOUND",
        "PATH_DOES_NOT_EXIST",
        "TABLE_NOT_FOUND",
        "SCHEMA_NOT_SET",
        "VERSION_NOT_FOUND",
        "TIME_TRAVEL_BEYOND_DELETED_FILE_RETENTION",
        "TABLE_ONLY_OPERATION",
    )
    return (
        any(word in condition for word in words)
        or "doesn't exist" in str(error)
        or "is not a Delta table" in str(error)
    )
