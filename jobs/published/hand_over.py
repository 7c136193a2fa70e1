"""Files of a release in another shape than Parquet, for systems that take no tables: an ERP's change file.

A product that has such files has a module ``hand_over`` with ``files(tables, as_of)``, a pure function of those of its
published tables that its ``TABLES`` names (small enough for one machine), which gives name → bytes. They lie at
``<publish>/<store>/<product>/hand_over/as_of=<day>/release=<id>/<name>``, and are there before the pointer moves.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Mapping
from datetime import date

from pyspark.sql import DataFrame

from jobs.lib.objects import ObjectStore


def write(product: str, release: str, as_of: date, tables: Mapping[str, DataFrame], store: ObjectStore) -> list[str]:
    """Writes the product's files and returns where they lie; nothing for a product without any. The same release gives
    the same bytes, so that writing them again changes nothing."""
    name = f"jobs.{product}.hand_over"
    if importlib.util.find_spec(f"jobs.{product}") is None or importlib.util.find_spec(name) is None:
        return []
    module = importlib.import_module(name)
    made = module.files({table: tables[table].toPandas() for table in module.TABLES}, as_of)
    folder = f"hand_over/as_of={as_of}/release={release}"
    for file, content in made.items():
        store.put(f"{folder}/{file}", content)
    return [store.uri(f"{folder}/{file}") for file in made]
