"""``sql/warehouse/snowflake/*.sql``: a store's published tables into Snowflake, from S3, by statements of its own.

Generated from the contracts and never edited. Nobody has run them for this project: they are parsed in Snowflake's
grammar by a test, and say so themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from jobs.lib import contracts
from jobs.lib.errors import DaybreakError
from jobs.lib.marked import REPOSITORY, shown
from jobs.lib.settings import PRODUCTS
from jobs.warehouse import shapes
from jobs.warehouse.shapes import DAY, Column, Shape, literal, quoted

FOLDER = REPOSITORY / "sql" / "warehouse" / "snowflake"
COMMAND = "python -m jobs warehouse-sql"
TYPES = {
    "id": "VARCHAR",
    "string": "VARCHAR",
    "int": "NUMBER(10, 0)",
    "long": "NUMBER(19, 0)",
    "double": "DOUBLE",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "timestamp": "TIMESTAMP_TZ",
    "array<string>": "ARRAY",
}
HEAD = f"""-- {{about}}
-- Generated from expectations/ by `{COMMAND}`; edit the contracts, not this file.
-- NOT EXECUTED HERE: this project has no Snowflake account; a test parses the statements in Snowflake's grammar.
"""
SETUP = """
-- Once, by who may create integrations. The bucket is the one of DAYBREAK_PUBLISH; the role needs s3:GetObject and
-- s3:ListBucket below its prefix and nothing else.
CREATE STORAGE INTEGRATION IF NOT EXISTS daybreak_s3
  TYPE = EXTERNAL_STAGE
  STORAGE_PROVIDER = 'S3'
  ENABLED = TRUE
  STORAGE_AWS_ROLE_ARN = 'arn:aws:iam::<account>:role/<role>'
  STORAGE_ALLOWED_LOCATIONS = ('s3://<bucket>/<prefix>/');

CREATE SCHEMA IF NOT EXISTS daybreak;

CREATE FILE FORMAT IF NOT EXISTS daybreak.parquet TYPE = PARQUET USE_LOGICAL_TYPE = TRUE;

CREATE STAGE IF NOT EXISTS daybreak.published
  URL = 's3://<bucket>/<prefix>/'
  STORAGE_INTEGRATION = daybreak_s3
  FILE_FORMAT = (FORMAT_NAME = 'daybreak.parquet');

CREATE TABLE IF NOT EXISTS daybreak.releases (
  product VARCHAR NOT NULL,
  release VARCHAR NOT NULL,
  as_of DATE NOT NULL,
  rows_loaded NUMBER(19, 0) NOT NULL,
  loaded_at TIMESTAMP_TZ NOT NULL,
  state VARCHAR NOT NULL,
  PRIMARY KEY (product, release)
);
"""


def pages(products: Sequence[str] = PRODUCTS, root: Path | None = None) -> dict[str, str]:
    """File name → text: what is done once, and a file a product, whose tables change in one transaction."""
    found = {"setup.sql": HEAD.format(about="What the tables of every product share") + SETUP}
    for product in products:
        every = [contracts.load(name, root) for name in contracts.names(product, root)]
        published = [shapes.of_contract(one) for one in every if one.history == "daily"]
        if published:
            found[f"{product}.sql"] = _page(product, published)
    return found


def write(folder: Path = FOLDER) -> bool:
    """Brings the files up to the contracts, removes those of tables that are no more; says whether anything changed."""
    fresh = pages()
    have = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.sql")}
    folder.mkdir(parents=True, exist_ok=True)
    for name in have.keys() - fresh.keys():
        (folder / name).unlink()
    for name, text in fresh.items():
        (folder / name).write_text(text, encoding="utf-8")
    return have != fresh


def check(folder: Path = FOLDER) -> None:
    """Raises DaybreakError naming the first file that is not what the contracts say."""
    fresh = pages()
    have = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.sql")}
    stale = sorted(name for name in have.keys() | fresh.keys() if have.get(name) != fresh.get(name))
    if stale:
        raise DaybreakError(f"{shown(folder / stale[0])} is not what the contracts say: run `{COMMAND}` and commit it")


def _page(product: str, tables: Sequence[Shape]) -> str:
    about = f"{product}: a release's files into staging tables, then all of its tables at once"
    statements = [f"CREATE SCHEMA IF NOT EXISTS {product};", *map(_create, tables), _variables(product)]
    for shape in tables:
        statements += [_staging(shape), _copy(shape)]
    statements.append("BEGIN;")
    for shape in tables:
        statements += [_delete(shape), _merge(shape)]
    statements += [_state(product, tables), "COMMIT;", *map(_view, tables)]
    return HEAD.format(about=about) + "\n" + "\n\n".join(statements) + "\n"


def _create(shape: Shape) -> str:
    lines = [f"  {_line(one)}" for one in shape.columns] + [f"  PRIMARY KEY ({_listed(shape.key)})"]
    table = f"CREATE TABLE IF NOT EXISTS {_name(shape)} (\n" + ",\n".join(lines)
    return f"{table}\n) COMMENT = {literal(shape.comment)};"


def _line(column: Column) -> str:
    null = "" if column.nullable else " NOT NULL"
    return f"{quoted(column.name.upper())} {TYPES[column.type]}{null} COMMENT {literal(column.comment)}"


def _variables(product: str) -> str:
    return (
        f"-- The release that <store>/{product}/current.json names. A stage's path takes no variable: write store,\n"
        "-- day and release into the COPY statements too.\n"
        "SET release = '<release>';\n"
        "SET day = '<YYYY-MM-DD>';"
    )


def _staging(shape: Shape) -> str:
    return f"CREATE OR REPLACE TEMPORARY TABLE {_name(shape, '_staged')} LIKE {_name(shape)};"


def _copy(shape: Shape) -> str:
    source = f"@daybreak.published/<store>/{shape.product}/{shape.table}/as_of=<YYYY-MM-DD>/release=<release>/"
    picked = ",\n    ".join(f"$1:{one.name}::{TYPES[one.type]}" for one in shape.columns)
    names = _listed(shape.names)
    return (
        f"COPY INTO {_name(shape, '_staged')} ({names})\n"
        f"FROM (\n  SELECT\n    {picked}\n  FROM '{source}'\n)\n"
        "FILE_FORMAT = (FORMAT_NAME = 'daybreak.parquet') ON_ERROR = ABORT_STATEMENT;"
    )


def _delete(shape: Shape) -> str:
    """Keys of the day that the release no longer has; MERGE alone would leave them."""
    same = " AND ".join(f"staged.{_upper(name)} = kept.{_upper(name)}" for name in shape.key)
    exists = f"SELECT 1 FROM {_name(shape, '_staged')} AS staged WHERE {same}"
    return f"DELETE FROM {_name(shape)} AS kept\nWHERE kept.{_upper(DAY)} = $day::DATE AND NOT EXISTS ({exists});"


def _merge(shape: Shape) -> str:
    same = " AND ".join(f"kept.{_upper(name)} = staged.{_upper(name)}" for name in shape.key)
    rest = [name for name in shape.names if name not in shape.key]
    renewed = ", ".join(f"kept.{_upper(name)} = staged.{_upper(name)}" for name in rest)
    values = ", ".join(f"staged.{_upper(name)}" for name in shape.names)
    update = f"WHEN MATCHED THEN UPDATE SET {renewed}\n" if rest else ""
    return (
        f"MERGE INTO {_name(shape)} AS kept\nUSING {_name(shape, '_staged')} AS staged\nON {same}\n{update}"
        f"WHEN NOT MATCHED THEN INSERT ({_listed(shape.names)}) VALUES ({values});"
    )


def _state(product: str, tables: Sequence[Shape]) -> str:
    counts = " + ".join(f"(SELECT COUNT(*) FROM {_name(one)} WHERE {_upper(DAY)} = $day::DATE)" for one in tables)
    facts = f"SELECT {literal(product)} AS product, $release AS release, $day::DATE AS as_of, {counts} AS rows_loaded"
    return (
        f"UPDATE daybreak.releases SET state = IFF(as_of = $day::DATE, 'replaced', 'loaded')\n"
        f"WHERE product = {literal(product)} AND (state = 'current' OR as_of = $day::DATE);\n\n"
        f"MERGE INTO daybreak.releases AS known\nUSING ({facts}) AS new\n"
        "ON known.product = new.product AND known.release = new.release\n"
        "WHEN MATCHED THEN UPDATE SET known.state = 'current', known.loaded_at = CURRENT_TIMESTAMP()\n"
        "WHEN NOT MATCHED THEN INSERT (product, release, as_of, rows_loaded, loaded_at, state)\n"
        "VALUES (new.product, new.release, new.as_of, new.rows_loaded, CURRENT_TIMESTAMP(), 'current');"
    )


def _view(shape: Shape) -> str:
    day = f"SELECT as_of FROM daybreak.releases WHERE product = {literal(shape.product)} AND state = 'current'"
    view = f"CREATE OR REPLACE VIEW {_name(shape, '_current')} AS"
    return f"{view}\nSELECT * FROM {_name(shape)} WHERE {_upper(DAY)} = ({day});"


def _name(shape: Shape, suffix: str = "") -> str:
    return f"{shape.product}.{shape.table}{suffix}"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(map(_upper, names))


def _upper(name: str) -> str:
    """Quoted in capitals: Snowflake's own spelling of an unquoted name, so that RANK and the like are no keywords."""
    return quoted(name.upper())
