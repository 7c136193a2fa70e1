"""One measured figure beside its peer and its target, as a line for people and as a line of JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Literal


@dataclass(frozen=True)
class Figure:
    """``ours`` against ``peer`` (None where there is none) and ``target``; ``better`` says which way is good."""

    bench: str
    measure: str
    ours: float
    peer: float | None = None
    peer_name: str | None = None
    target: float | None = None
    better: Literal["higher", "lower"] = "higher"

    @property
    def met(self) -> bool | None:
        """Whether the target is reached; None without a target."""
        if self.target is None:
            return None
        return bool(self.ours >= self.target if self.better == "higher" else self.ours <= self.target)


def show(figures: Iterable[Figure]) -> bool:
    """Prints a table, then one JSON line a figure; True when no target was missed."""
    rows = list(figures)
    print(f"{'measure':58} {'ours':>10} {'peer':>10}  {'peer is':34} {'target':>8} met")
    for row in rows:
        mark = {True: "yes", False: "NO", None: ""}[row.met]
        print(
            f"{row.measure:58} {_number(row.ours)} {_number(row.peer)}  {row.peer_name or '':34} "
            f"{_number(row.target, 8)} {mark}"
        )
    for row in rows:
        fields = {name: value for name, value in asdict(row).items() if name != "better"}
        print(json.dumps({**fields, "met": row.met}, default=float))  # counts come as numpy's own numbers
    return all(row.met is not False for row in rows)


def _number(value: float | None, width: int = 10) -> str:
    if value is None:
        return " " * width
    return f"{value:{width}.4f}" if abs(value) < 100 else f"{value:{width},.0f}"
