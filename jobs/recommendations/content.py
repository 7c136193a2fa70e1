"""Items as text: TF-IDF of title, category, brand and attributes, and each item's nearest neighbours in it.

It works for an item that nobody has bought yet. Words come from the catalogue alone; nothing is downloaded.
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from itertools import pairwise
from threading import Lock

import numpy as np
import pandas as pd
from scipy import sparse

from jobs.recommendations.rows import nearest

WORD = re.compile(r"[^\W_]+", re.UNICODE)
# Latin letters and signs of all kinds: words of such a title are runs of letters and digits, and need no more.
PLAIN = re.compile(
    "[\u0000-\u02ff\u1e00-\u1eff\u2000-\u2bff\u3000-\u3004\u3008-\u3020\ufb00-\ufb06\ufe00-\ufe0f\U0001f000-\U0001faff]*"
)
# Letters of scripts that put no blanks between words: Han, Kana, Thai, Lao, Khmer.
UNSPACED = (
    "\u3005-\u3007\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\U00020000-\U0003ffff\u0e01-\u0e4e\u0e81-\u0ece\u1780-\u17d3"
)
PIECE = re.compile(f"[{UNSPACED}]+|[^{UNSPACED}]+")
BIGRAM = re.compile(f"[{UNSPACED}]{{2}}")
SELECTORS = re.compile("[\ufe00-\ufe0f]")  # marks that choose how a sign is drawn
MIN_COSINE = 0.25
NEIGHBOURS = 60
MAX_SHARE = 0.2
# What more items share makes no two of them alike, and its items × items are the square that a million cannot afford.
MAX_ITEMS = 5000
_KEPT: dict[str, sparse.csr_matrix] = {}
_LOCK = Lock()


def tokens(title: str | None, category: str | None, brand: str | None, attributes: str | None) -> list[str]:
    """Words and pairs of neighbouring words of the title; path steps of the category, brand, attribute values whole."""
    told = words(title) if isinstance(title, str) else []
    found = told + [f"{a} {b}" for a, b in pairwise(told)]
    if isinstance(category, str):
        path = [step.strip().lower() for step in category.split(">")]
        found += ["category:" + ">".join(path[: depth + 1]) for depth in range(len(path))]
    if isinstance(brand, str) and brand.strip():
        found.append("brand:" + brand.strip().lower())
    return found + _attribute_tokens(attributes)


def words(text: str) -> list[str]:
    """Words in small letters, in their order. In Hindi and its like a mark is a vowel and goes on with its word; where
    a script puts no blanks between words, pairs of neighbouring characters stand for them."""
    if PLAIN.fullmatch(text):
        return [word.lower() for word in WORD.findall(text)]
    text = SELECTORS.sub("", unicodedata.normalize("NFKC", text)).lower()
    runs = "".join(c if c.isalnum() or unicodedata.category(c) in ("Mn", "Mc") else " " for c in text).split()
    found: list[str] = []
    for piece in (piece for run in runs for piece in PIECE.findall(run)):
        found += [a + b for a, b in pairwise(piece)] if BIGRAM.match(piece) else [piece]
    return found


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
    """Items × items: cosine of each item's nearest others, at least 0.25, at most 60 of them. A term of more than
    :data:`MAX_ITEMS` items adds nothing to it.

    Those of the latest text are kept: of a large catalogue they take minutes, and two tables of a night need the same.
    """
    with _LOCK:
        name = _fingerprint(text)
        if name not in _KEPT:
            _KEPT.clear()
            by_term = text.T.tocsr()
            by_term = sparse.diags((np.diff(by_term.indptr) <= MAX_ITEMS).astype(np.float32)) @ by_term
            by_term.eliminate_zeros()
            _KEPT[name] = nearest(text, by_term, np.arange(text.shape[0]), MIN_COSINE, NEIGHBOURS)
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
