"""A store's mapping: its SQL over views of landed rows, then its text cast to what the contract of the table promises.

Read by the validated stage and by ``python -m jobs check``. What is wrong with a mapping is told in one message with
the SQL file, the line, and what was expected there.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping
from datetime import date
from difflib import get_close_matches
from pathlib import Path

from pyspark.errors import PySparkException
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T

from jobs.lib.contracts import Contract
from jobs.lib.errors import DaybreakError
from jobs.lib.stores import Store

CARRIED = ("_file", "_row", "_known_day")
LINEAGE = ("_file", "_file_version", "_row", "_known_day")
UNCAST = "_uncast"
UNCAST_TYPE = "array<struct<column:string,rule:string,severity:string,value:string>>"
QUERY_START = r"(?i)(select|with|from|values)\b|\("
QUOTED = r"('[^']*'|\"[^\"]*\"|`[^`]*`|--[^\n]*|/\*.*?\*/)"
NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
DAY = r"^\d{4}-\d{1,2}-\d{1,2}"
# A moment that says where its clock stands: Z, an offset (Postgres writes +02), or a zone's name, as Spark reads them;
# every other one is the store's own clock.
ZONED = (
    r"(?i)(\dZ|\d\s*(UTC|GMT|UT)([+-]\d{1,2}(:\d{2})?)?|[+-]\d{2}:?\d{2}|:\d{1,2}(\.\d+)?\s*[+-]\d{1,2}(:?\d{2}){0,2}"
    r"|:\d{1,2}(\.\d+)?\s*[A-Z]{3,4}|[A-Z]+/[A-Z_/]+)$"
)
# What a mapping's own cast of a bad cell ends in, when the rows are read.
BAD_VALUES = (
    "CAST_INVALID_INPUT", "CAST_OVERFLOW", "CANNOT_PARSE_TIMESTAMP", "NUMERIC_VALUE_OUT_OF_RANGE", "DIVIDE_BY_ZERO",
    "ARITHMETIC_OVERFLOW", "INVALID_ARRAY_INDEX",
)  # fmt: skip
# PySpark prints every failed query as JSON with Java's whole stack; the person gets one message instead.
logging.getLogger("SQLQueryContextLogger").setLevel(logging.CRITICAL)


def parameters(store: Store, as_of: date) -> dict[str, object]:
    """What a mapping may name as ``:as_of``, ``:currency``, ``:country`` and ``:timezone``."""
    return {"as_of": as_of, "currency": store.currency, "country": store.country, "timezone": store.timezone}


def run(
    spark: SparkSession, sql_path: Path, views: Mapping[str, DataFrame], parameters: Mapping[str, object] | None = None
) -> DataFrame:
    """The rows that the query in ``sql_path`` makes of ``views`` (source name → landed rows), with the lineage columns.

    ``parameters`` are what the SQL may name as ``:name``. ``_file_version`` is added where the query does not carry
    it. Raises DaybreakError with file, line and what was expected for a query that does not parse or resolve.
    """
    text = sql_path.read_text(encoding="utf-8").strip().rstrip(";")
    if not re.match(QUERY_START, _without_comments(text)):
        raise DaybreakError(f"{sql_path.name}, line 1: expected one query beginning with SELECT or WITH ({sql_path})")
    for name, frame in views.items():
        frame.createOrReplaceTempView(name)
    try:
        mapped = spark.sql(_bound(text, parameters or {}))
        columns = mapped.columns
    except PySparkException as error:
        raise DaybreakError(explained(error, sql_path, views)) from None
    twice = sorted({name for name in columns if columns.count(name) > 1})
    if twice:
        raise DaybreakError(f"{sql_path.name}: the column {twice[0]} is selected twice ({sql_path})")
    missing = [name for name in CARRIED if name not in columns]
    if missing:
        raise DaybreakError(
            f"{sql_path.name}: the query must also select {', '.join(missing)}, which every view has: "
            f"they say from which file, row and day a row comes ({sql_path})"
        )
    return mapped if "_file_version" in columns else _with_version(mapped, mentioned(sql_path, views), views)


def mentioned(sql_path: Path, names: Iterable[str]) -> list[str]:
    """Those of ``names`` (of sources or columns) that the query mentions outside comments and quoted text."""
    words = set(re.findall(r"\w+", _without_comments(sql_path.read_text(encoding="utf-8"), quotes=True).lower()))
    return sorted(name for name in names if name.lower() in words)


def cast(frame: DataFrame, contract: Contract, store: Store) -> DataFrame:
    """The mapped text as the contract's types, lineage kept, and ``_uncast``: an array of what could not be read.

    Blank text is null; a column with a default takes it where null. Ids lose a ``.0`` that a spreadsheet put there.
    A moment without a zone is the store's local time, and a missing local day of the event time follows from it; a
    missing currency is the store's. Text that is no value of its type becomes null and an entry of ``_uncast`` whose
    value is given only where the column's privacy class is none. Raises DaybreakError for a column that the contract
    does not know or that it needs and the mapping lacks.
    """
    _check_columns(frame, contract, store)
    own = [column.name for column in contract.own_columns]
    given = [name for name in own if name in frame.columns]
    read = {name: _read(frame, name, contract, store) for name in given}
    failures = []
    for name in given:
        column = contract.columns[name]
        text = F.col(f"`{name}`").cast("string")
        shown = text if column.privacy == "none" else F.lit(None).cast("string")
        entry = F.struct(
            F.lit(name).alias("column"),
            F.lit(f"cast_to_{column.type}").alias("rule"),
            F.lit("critical").alias("severity"),
            shown.alias("value"),
        )
        failed = (F.trim(text) != "") & read[name].isNull()
        failures.append(F.when(failed, entry))
    uncast = F.filter(F.array(*failures), lambda entry: entry.isNotNull()).cast(UNCAST_TYPE)
    values = [_filled(name, read, contract, store).alias(name) for name in own]
    lineage = [
        F.col("_known_day").cast("date").alias("known_day"),
        F.col("_file").cast("string").alias("_file"),
        F.col("_file_version").cast("int").alias("_file_version"),
        F.col("_row").cast("long").alias("_row"),
    ]
    return frame.select(*values, *lineage, uncast.alias(UNCAST))


def explained(error: PySparkException, sql_path: Path, views: Mapping[str, DataFrame]) -> str:
    """One line for a person on what Spark found wrong with a mapping: file, line, what is there, what was expected."""
    first = str(error).strip().split("\n")[0].split("SQLSTATE")[0].strip()
    place = re.search(r"line (\d+),? pos(?:ition)? \d+", str(error))
    where = f"{sql_path.name}, line {place.group(1)}" if place else sql_path.name
    parameters = {key: value.replace("`", "") for key, value in (error.getMessageParameters() or {}).items()}
    condition = error.getCondition() or ""
    used = mentioned(sql_path, views) or list(views)
    if condition.startswith("UNRESOLVED_COLUMN"):
        name = parameters.get("objectName", "?").split(".")[-1]
        columns = sorted({column for source in used for column in views[source].columns if not column.startswith("_")})
        near = _nearest(name, columns)
        return f"{where}: there is no column {name}{near}; the files have {', '.join(columns)} ({sql_path})"
    if condition.startswith("TABLE_OR_VIEW_NOT_FOUND"):
        name = parameters.get("relationName", "?").split(".")[-1]
        near, named = _nearest(name, views), ", ".join(sorted(views))
        return f"{where}: there are no files named {name}{near}; store.yml names {named} ({sql_path})"
    if condition in BAD_VALUES:
        kind = parameters.get("targetType", "").strip('"') or "its type"
        return (
            f"{where}: a cell is no {kind}: select it as text, which the contract casts, or use try_cast ({sql_path})"
        )
    text = re.sub(r"^\[[A-Z_.0-9]+\]\s*", "", first)
    return f"{where}: {text} ({sql_path})"


def _check_columns(frame: DataFrame, contract: Contract, store: Store) -> None:
    path = store.mappings.get(contract.table) or store.mappings.get(contract.name) or f"{contract.table}.sql"
    own = [column.name for column in contract.own_columns]
    for name in frame.columns:
        if name not in own and name not in LINEAGE:
            raise DaybreakError(
                f"{Path(path).name}: the table {contract.table} has no column {name}{_nearest(name, own)}; "
                f"it has {', '.join(own)} ({path})"
            )
    derived = {"currency", contract.event_day}
    for column in contract.own_columns:
        if column.name not in frame.columns and not column.is_optional and column.name not in derived:
            raise DaybreakError(
                f"{Path(path).name}: the table {contract.table} needs the column {column.name}: "
                f"{column.meaning} ({path})"
            )


def _read(frame: DataFrame, name: str, contract: Contract, store: Store) -> Column:
    """The value of a mapped column under its contract's type; null for blank and for what is no such value."""
    column, value = contract.columns[name], F.col(f"`{name}`")
    given = frame.schema[name].dataType
    if isinstance(given, T.ArrayType) or column.type.startswith("array"):
        is_array = isinstance(given, T.ArrayType)
        return value.cast(column.spark_type) if is_array else F.from_json(value, column.spark_type.simpleString())
    if column.type == "timestamp" and isinstance(given, T.TimestampNTZType | T.DateType):
        # The store's own clock: a day begins where the store is.
        return F.to_utc_timestamp(value.cast("string").try_cast("timestamp"), store.timezone)
    if column.type in ("id", "string"):
        return _text(value.cast("string"), column.type)
    if not isinstance(given, T.StringType):
        return (
            _whole(value, column.type)
            if isinstance(given, T.DoubleType | T.FloatType | T.DecimalType)
            else value.try_cast(column.spark_type)
        )
    text = F.trim(value)
    if column.type in ("int", "long", "double"):
        number = F.when(text.rlike(NUMBER), text)
        return (
            number.try_cast("double")
            if column.type == "double"
            else _whole(number.try_cast("decimal(38,6)"), column.type)
        )
    if column.type == "date":
        return F.when(text.rlike(DAY), text).try_cast("date")
    if column.type == "timestamp":
        moment = F.when(text.rlike(DAY), text).try_cast("timestamp")
        return F.when(text.rlike(ZONED), moment).otherwise(F.to_utc_timestamp(moment, store.timezone))
    return text.try_cast(column.spark_type)


def _text(value: Column, kind: str) -> Column:
    text = F.trim(value)
    if kind == "id":
        # A table program that once read the column as a number wrote 17850 as 17850.0: the same customer.
        text = F.regexp_replace(text, r"^(\d+)\.0+$", "$1")
    return F.when(text != "", text)


def _whole(number: Column, kind: str) -> Column:
    """A number as ``kind``; for whole types, null where it has a fraction."""
    if kind not in ("int", "long"):
        return number.try_cast(kind)
    whole = number.try_cast("long" if kind == "long" else "int")
    return F.when(whole.cast("decimal(38,6)") == number.try_cast("decimal(38,6)"), whole)


def _filled(name: str, read: Mapping[str, Column], contract: Contract, store: Store) -> Column:
    """A column's value with what the contract or the store says of one that is missing."""
    column = contract.columns[name]
    empty = F.lit(None).cast(column.spark_type)
    value = read.get(name, empty)
    if name == contract.event_day and contract.event_time and contract.event_time in read:
        return F.coalesce(value, F.from_utc_timestamp(read[contract.event_time], store.timezone).cast("date"))
    if name == "currency" and name not in read and not column.nullable:
        return F.lit(store.currency)
    if column.has_default and column.default is not None:
        return F.coalesce(value, F.lit(column.default).cast(column.spark_type))
    return value


def _with_version(mapped: DataFrame, sources: Iterable[str], views: Mapping[str, DataFrame]) -> DataFrame:
    """Adds the version of each row's file: a view shows one version of a file on a day."""
    keys = ["_file", "_known_day"]
    parts = [views[name].groupBy(*keys).agg(F.max("_file_version").alias("_file_version")) for name in sources]
    if not parts:
        return mapped.withColumn("_file_version", F.lit(1))
    versions = parts[0]
    for part in parts[1:]:
        versions = versions.unionByName(part)
    return mapped.join(
        F.broadcast(versions.groupBy(*keys).agg(F.max("_file_version").alias("_file_version"))), keys, "left"
    )


def _bound(text: str, parameters: Mapping[str, object]) -> str:
    """``:name`` outside quotes and comments as the literal it stands for. (Spark's own args are lost on the way through
    the parser that Delta's extension puts in its place: "unbound parameter", measured with 4.1.1 and 4.4.0.)"""
    literals = {}
    for name, value in parameters.items():
        quoted = str(value).replace("'", "''")
        literals[name] = "NULL" if value is None else f"{'DATE' if isinstance(value, date) else ''}'{quoted}'"
    named = re.compile(rf"(?<![:\w)\]`]):({'|'.join(literals) or '(?!)'})\b")
    parts = re.split(QUOTED, text, flags=re.S)
    plain = [part if at % 2 else named.sub(lambda found: literals[found[1]], part) for at, part in enumerate(parts)]
    return "".join(plain)


def _without_comments(text: str, quotes: bool = False) -> str:
    text = re.sub(r"/\*.*?\*/", " ", re.sub(r"--[^\n]*", " ", text), flags=re.S)
    return re.sub(r"'[^']*'|\"[^\"]*\"", " ", text) if quotes else text.strip()


def _nearest(name: str, known: Iterable[str]) -> str:
    by_lower = {candidate.lower(): candidate for candidate in known}
    near = get_close_matches(name.lower(), by_lower, n=1, cutoff=0.5)
    return f" (did you mean {by_lower[near[0]]}?)" if near else ""
