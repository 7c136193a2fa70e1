"""The change file of a release for an ERP: only prices that should change, as CSV and as JSON lines.

Each line is a proposal, of ``kind`` price (a suggestion) or markdown (the coming week of a plan to clear stock; such an
item keeps its price in the suggestions, so that none has two lines). What becomes of it comes back as the input table
``price_approvals``: the same ``suggested_on`` and ``item_id`` with a decision, and the price that was set.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from datetime import date, timedelta

import pandas as pd

from jobs.pricing.bounds import DIGITS, SAME
from jobs.pricing.clearing import proposed

SUGGESTIONS, PLAN = TABLES = ("price_suggestions", "markdown_plan")
COLUMNS = (
    "suggested_on", "item_id", "old_price", "new_price", "currency", "valid_from", "state", "bound_by",
    "is_exploration", "reason", "kind",
)  # fmt: skip
PROPOSED = "proposed"
PRICE, MARKDOWN = "price", "markdown"


def files(tables: Mapping[str, pd.DataFrame], as_of: date) -> dict[str, bytes]:
    """``price_changes.csv`` and ``price_changes.jsonl`` of the release's ``TABLES``, sorted by item; the header
    alone on a night without changes. The same rows give the same bytes."""
    rows = changes(tables[SUGGESTIONS], tables[PLAN], as_of)
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows([["" if value is None else value for value in row.values()] for row in rows])
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    return {"price_changes.csv": text.getvalue().encode(), "price_changes.jsonl": lines.encode()}


def changes(suggestions: pd.DataFrame, plan: pd.DataFrame, as_of: date) -> list[dict[str, object]]:
    """One mapping a price that should change, in the order of ``COLUMNS``."""
    moved = (suggestions["suggested_price"] / suggestions["current_price"] - 1).abs() > SAME
    marked = proposed(plan, as_of).rename(columns={"price": "suggested_price", "held_by": "bound_by"})
    every = [suggestions[moved].assign(kind=PRICE), marked.assign(is_exploration=False, kind=MARKDOWN)]
    rows = pd.concat(every, ignore_index=True)
    return [
        {
            "suggested_on": as_of.isoformat(),
            "item_id": row.item_id,
            "old_price": round(float(row.current_price), DIGITS),
            "new_price": round(float(row.suggested_price), DIGITS),
            "currency": row.currency,
            "valid_from": (as_of + timedelta(days=1)).isoformat(),
            "state": PROPOSED,
            "bound_by": row.bound_by if isinstance(row.bound_by, str) else None,
            "is_exploration": bool(row.is_exploration),
            "reason": row.reason,
            "kind": row.kind,
        }
        for row in rows.sort_values("item_id").itertuples(index=False)
    ]
