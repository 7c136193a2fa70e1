"""What Great Expectations can check, read from the schemas in its package: importing it costs eight seconds,
and most commands read contracts without running a suite."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from jobs.lib.errors import DaybreakError

# Keys of every expectation that say how to run or show it: our side decides these, not a contract.
OF_THE_RUN = frozenset((
    "id", "meta", "notes", "result_format", "description", "catch_exceptions", "rendered_content", "severity",
    "windows", "batch_id", "row_condition", "condition_parser", "metadata", "library_metadata",
))  # fmt: skip
# Not judged row by row although GX lets a share of rows fail them: they compare with the whole column or another query.
OF_THE_WHOLE = frozenset((
    "expect_column_value_z_scores_to_be_less_than", "expect_column_values_to_not_be_outliers",
    "expect_query_results_to_match_comparison", "expect_column_values_to_be_unique",
    "expect_compound_columns_to_be_unique",
))  # fmt: skip


@dataclass(frozen=True)
class Known:
    """One expectation: its class in GX, the keys it takes with their JSON schemas, and those it cannot do without."""

    class_name: str
    keys: dict[str, dict[str, Any]]
    required: tuple[str, ...]
    schema: dict[str, Any]


@cache
def known() -> dict[str, Known]:
    """Every expectation of the installed GX that a contract may name, by that name."""
    found = {}
    for path in sorted(_folder().glob("Expect*.json")):
        schema = json.loads(path.read_text(encoding="utf-8"))
        keys = {key: value for key, value in schema["properties"].items() if key not in OF_THE_RUN}
        schema["properties"].pop("metadata", None)
        found[_snake(path.stem)] = Known(path.stem, keys, tuple(schema.get("required", ())), schema)
    return found


def is_row_rule(expectation: str, mostly: float = 1.0) -> bool:
    """Whether the expectation judges each row by itself, so that one broken row can be told from the others."""
    return "mostly" in known()[expectation].keys and expectation not in OF_THE_WHOLE and mostly >= 1.0


def _folder() -> Path:
    package = find_spec("great_expectations")  # a top-level name is found without being imported
    if package is None or not package.submodule_search_locations:
        raise DaybreakError("Great Expectations is not installed: run `make setup`, and call the environment's Python")
    return Path(package.submodule_search_locations[0]) / "expectations" / "core" / "schemas"


def _snake(class_name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", class_name).lower()
