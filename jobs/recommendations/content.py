"""Items as text: TF-IDF of title, category, brand and attributes, and each item's nearest neighbours in it.

It works for an item that nobody has bought yet. Words come from the catalogue alone; nothing is downloaded.
"""

from __future__ import annotations

import hashlib
import json
import re
from itertools import pairwise
from threading import Lock

import numpy as np
import pandas as pd
from scipy import sparse

from jobs.recommendations.rows import nearest

WORD = re.compile(r"[^\W_]+", re.UNICODE)
MIN_COSINE = 0.25
NEIGHBOURS = 60
MAX_SHARE = 0.2
_KEPT: dict[str, sparse.csr_matrix] = {}
_LOCK = Lock()


def tokens(title: str | None, category: str | None, brand: str | None, attributes: str | None) -> list[str]:
    """Words and pairs of neighbouring words of the title; path steps of the category, brand, attribute values whole."""
    words = [word.lower() for word in WORD.findall(title)] if isinstance(title, str) else []
    found = words + [f"{a} {b}" for a, b in pairwise(words)]
    if isinstance(category, str):
        path = [step.strip().lower() for step in category.split(">")]
        found += ["category:" + ">".join(path[: depth + 1]) for depth in range(len(path))]
    if isinstance(brand, str) and brand.strip():
        found.append("brand:" + brand.strip().lower())
    return found + _attribute_tokens(attributes)


def vectors(item: pd.DataFrame) -> sparse.csr_matrix:
    """Items × terms, sublinear TF-IDF with rows of length 1 (an item without text has an empty row).

    Terms of one item only, and those of more than a fifth of a large catalogue, say nothing about neighbours: left out.
    """
    empty = pd.Series([None] * len(item), index=item.index, dtype=object)
    columns = [item.get(name, empty) for name in ("title", "category", "brand", "attributes")]
    documents = [tokens(*row) for row in zip(*columns, strict=True)]
    row = np.repeat(np.arange(len(documents)), [len(document) for document in documents])
    vocabulary, term = np.unique(np.array([t for d in documents for t in d], dtype=object), return_inverse=True)
    counts = sparse.csr_matrix((np.ones(len(row)), (row, term)), shape=(len(item), len(vocabulary)))
    counts.sum_duplicates()
    frequency = np.bincount(counts.indices, minlength=len(vocabulary))
    kept = np.flatnonzero((frequency > 1) & (frequency <= max(MAX_SHARE * len(item), 20)))
    weighted = counts[:, kept].tocsr()
    weighted.data = 1 + np.log(weighted.data)
    inverse = np.log((1 + len(item)) / (1 + frequency[kept])) + 1
    return unit_rows(weighted @ sparse.diags(inverse)).astype(np.float32)


def neighbours(text: sparse.csr_matrix) -> sparse.csr_matrix:
    """Items × items: cosine of each item's nearest others, at least 0.25, at most 60 of them.

    Those of the latest text are kept: of a large catalogue they take minutes, and two tables of a night need the same.
    """
    with _LOCK:
        name = _fingerprint(text)
        if name not in _KEPT:
            _KEPT.clear()
            _KEPT[name] = nearest(text, text.T.tocsr(), np.arange(text.shape[0]), MIN_COSINE, NEIGHBOURS)
        return _KEPT[name]


def _fingerprint(matrix: sparse.csr_matrix) -> str:
    digest = hashlib.sha256(repr(matrix.shape).encode())
    for part in (matrix.indptr, matrix.indices, matrix.data):
        digest.update(part.tobytes())
    return digest.hexdigest()


def unit_rows(matrix: sparse.csr_matrix) -> sparse.csr_matrix:
    """Rows of length 1; rows of zeros stay."""
    length = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel())
    return (sparse.diags(1 / np.where(length > 0, length, 1)) @ matrix).tocsr()


def _attribute_tokens(attributes: str | None) -> list[str]:
    """``name=value`` of a JSON object of attributes; text that is not one says nothing."""
    if not isinstance(attributes, str):
        return []
    try:
        values = json.loads(attributes)
    except ValueError:
        return []
    if not isinstance(values, dict):
        return []
    return [f"{name}={value}".lower() for name, value in sorted(values.items()) if isinstance(value, str | int | bool)]
