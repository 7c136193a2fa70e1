"""Published tables read as a warehouse would: from the manifest alone, with pandas."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

import pandas as pd


def manifest(home: Path, store: str, product: str, as_of: str) -> dict[str, Any]:
    """The newest release of ``as_of``."""
    root = home / "published" / store / product / "releases"
    manifests = [json.loads(path.read_text()) for path in sorted(root.glob("*.json"))]
    return next(one for one in reversed(manifests) if one["as_of"] == as_of)


def table(home: Path, store: str, product: str, name: str, as_of: str) -> pd.DataFrame:
    """All rows of a table of the release of ``as_of``."""
    files = manifest(home, store, product, as_of)["tables"][name]["files"]
    return pd.concat([pd.read_parquet(unquote(urlparse(file["uri"]).path)) for file in files], ignore_index=True)
