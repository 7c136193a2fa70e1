"""The data dictionary: every contract as a page for people, ``docs/data-dictionary.md``, generated and never edited."""

from __future__ import annotations

from pathlib import Path

from jobs.lib import contracts
from jobs.lib.contract_checks import Check
from jobs.lib.contracts import Column, Contract
from jobs.lib.errors import DaybreakError
from jobs.lib.marked import REPOSITORY, shown
from jobs.lib.quality import limit_in_words

PAGE = REPOSITORY / "docs" / "data-dictionary.md"
COMMAND = "python -m jobs dictionary"
# In the way of the data; a layer that is not named here comes after them by name.
LAYERS = ("landed", "validated", "features")
LAST = ("quarantine", "quality", "lineage", "registry")
HISTORIES = {
    "events": "rows are facts that happened; a day holds those known from it on",
    "versions": "each row is a state; the last one known of a key counts",
    "daily": "each day holds the whole table as computed for it",
}
INTRODUCTION = f"""# Data dictionary

Generated from `expectations/` by `{COMMAND}`; edit the contracts, not this page.

Privacy: `none`; `pseudonym`, a number that stands for a person; `personal`, which says who someone is; `sensitive`,
which says what someone is and must not decide anything about them. Delta keeps smallest and largest values only of
columns with `none`. A row that breaks a check goes to `quarantine.<table>`, unless the check is marked *(warning)*,
which is counted only.

Columns that the loader adds, not repeated below:
"""


def text(root: Path = contracts.ROOT) -> str:
    """The whole page: layers in the way of the data, tables by name."""
    every = [contracts.load(name, root) for name in contracts.names(root=root)]
    layers = sorted({one.layer for one in every}, key=_place)
    parts = [INTRODUCTION + _added(every)]
    for layer in layers:
        tables = [one for one in every if one.layer == layer]
        parts.append(f"## {layer}\n\n" + ", ".join(f"[{one.table}](#{_anchor(one)})" for one in tables) + "\n")
        parts += [_table(one) for one in tables]
    return "\n".join(parts)


def write(page: Path = PAGE, root: Path = contracts.ROOT) -> bool:
    """Brings the page up to the contracts; says whether that changed it."""
    fresh = text(root)
    if page.is_file() and page.read_text(encoding="utf-8") == fresh:
        return False
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(fresh, encoding="utf-8")
    return True


def check(page: Path = PAGE, root: Path = contracts.ROOT) -> None:
    """Raises DaybreakError, naming the first line that differs, where the page is not what the contracts say."""
    have = page.read_text(encoding="utf-8").splitlines() if page.is_file() else []
    want = text(root).splitlines()
    if have == want:
        return
    pairs = enumerate(zip(have, want, strict=False), start=1)
    line = next((number for number, (old, new) in pairs if old != new), min(len(have), len(want)) + 1)
    raise DaybreakError(f"{shown(page)}:{line}: the page is not what the contracts say: run `{COMMAND}` and commit it")


def _place(layer: str) -> tuple[int, str]:
    if layer in LAYERS:
        return LAYERS.index(layer), layer
    return len(LAYERS) + (1 + LAST.index(layer) if layer in LAST else 0), layer


def _added(every: list[Contract]) -> str:
    added = {one.name: one for contract in every for one in contract.columns.values() if one.is_added}
    lines = [f"| `{name}` | {one.type} | {_cell(one.comment)} |" for name, one in sorted(added.items())]
    return "\n".join(["", "| column | type | meaning |", "|---|---|---|", *lines, ""])


def _anchor(contract: Contract) -> str:
    return contract.name.replace(".", "")


def _table(contract: Contract) -> str:
    facts = [f"One row is {contract.row}.", ""]
    key = ", ".join(f"`{name}`" for name in contract.key) or "none"
    facts.append(f"Key: {key}. History `{contract.history}`: {HISTORIES[contract.history]}.")
    if contract.event_time:
        day = f", on the day `{contract.event_day}`" if contract.event_day != contract.event_time else ""
        facts.append(f"It happened at `{contract.event_time}`{day}.")
    rules = [_check(check) for check in contract.checks] + _limits(contract)
    if rules:
        facts += ["", "Of the table: " + "; ".join(rules) + "."]
    head = ["", "| column | type | meaning | privacy | checks |", "|---|---|---|---|---|"]
    rows = [_row(one) for one in contract.own_columns]
    return "\n".join([f"### {contract.name}", "", *facts, *head, *rows, ""])


def _row(column: Column) -> str:
    kind = column.type + (", may be null" if column.nullable else "")
    if column.has_default and column.default is not None:
        kind += f", default {str(column.default).lower() if isinstance(column.default, bool) else column.default}"
    checks = "; ".join(_check(check) for check in column.checks)
    return f"| `{column.name}` | {kind} | {_cell(column.comment)} | {column.privacy} | {_cell(checks)} |"


def _check(check: Check) -> str:
    words = limit_in_words(check)
    severity = " *(warning)*" if check.severity == "warning" else ""
    about = f"{check.kwargs['column_A']} against " if "column_A" in check.kwargs else ""
    name = check.expectation.removeprefix("expect_column_").removeprefix("expect_").replace("_", " ")
    return f"{about}{name}" + (f" ({words})" if words else "") + severity


def _limits(contract: Contract) -> list[str]:
    limits, words = contract.limits, []
    if limits.quarantined_share is not None:
        words.append(f"at most {limits.quarantined_share:.0%} of a night's rows quarantined")
    if limits.volume is not None:
        low, high = limits.volume.min_share, limits.volume.max_share
        words.append(f"{low:g} to {high:g} times the median of the same weekday in {limits.volume.weeks} weeks")
    if limits.freshness_days is not None:
        words.append(f"newest event at most {limits.freshness_days} days before the night's day")
    if limits.snapshot_min_share is not None:
        words.append(f"a snapshot has at least {limits.snapshot_min_share:.0%} of the keys before it, or says so twice")
    for column, reference in limits.references.items():
        words.append(f"{reference.min_share:.0%} of `{column}` known to {reference.table}")
    return words


def _cell(words: str) -> str:
    return words.replace("|", "\\|").replace("\n", " ")
