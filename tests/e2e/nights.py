"""What a night published, read from the pointer on."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path


def release_of(home: Path, store: str = "shop", product: str = "recommendations") -> str:
    """The release in force; asserts that its manifest is there and that every file is the one that it names."""
    root = home / "published" / store / product
    release = json.loads((root / "current.json").read_text())["release"]
    manifest = json.loads((root / "releases" / f"{release}.json").read_text())
    assert set(manifest["tables"]) == {"evaluation", "for_customer", "for_newcomer", "related_items"}
    for table in manifest["tables"].values():
        for file in table["files"]:
            content = (root / file["key"]).read_bytes()
            assert (len(content), hashlib.sha256(content).hexdigest()) == (file["bytes"], file["sha256"])
    return release
