"""A store's ``guardrails.yml``, read with its lines: every mistake is one error with file, line and key, and two lines
that contradict each other are named together, since either may be the wrong one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, NoReturn

import yaml

from jobs.features.category import steps
from jobs.lib.errors import DaybreakError
from jobs.lib.marked import Section
from jobs.pricing.guardrails import PROFIT, REVENUE, WHOLE, Clearance, Exploration, Guardrails, Rules, Trust

FILE = "guardrails.yml"
SHOP_KEYS = ("objective", "decide_on_quantile", "max_changes", "largest_average_step")
RULE_KEYS = (
    "margin_floor", "largest_step_up", "largest_step_down", "smallest_step", "smallest_unit", "lowest_price",
    "highest_price", "endings", "days_between_changes",
)  # fmt: skip
BAND = {"low": "competitor_low", "high": "competitor_high"}
SECTIONS = ("competitors", "largest_move", "frozen_items", "price_lines", "rules", "exploration", "markdown")
# Bounds of every number: (least, most); None where there is no upper bound.
BOUNDS: dict[str, tuple[float, float | None]] = {
    "margin_floor": (-1.0, 0.95), "largest_step_up": (0.0, 1.0), "largest_step_down": (0.0, 0.95),
    "largest_move": (0.0, 10.0), "move_days": (1, 3650),
    "smallest_step": (0.0, 0.5), "smallest_unit": (0.0001, 1000.0),
    "lowest_price": (0.0, None), "highest_price": (0.0, None),
    "competitor_low": (0.01, 100.0), "competitor_high": (0.01, 100.0), "days_between_changes": (0, 3650),
    "decide_on_quantile": (0.01, 0.5), "max_changes": (0, None), "largest_average_step": (0.0, 1.0),
    "stale_days": (0, 3650), "implausible_ratio": (1.01, 1000.0), "share": (0.0, 1.0), "step": (0.001, 0.5),
    "weeks_of_stock": (1.0, 1000.0), "longest_weeks": (1, 26), "salvage": (0.0, 1.0),
}  # fmt: skip


@dataclass(frozen=True)
class Said:
    """A value, the key as the file spells it and the line it stands on (0: nobody wrote it, it is a default)."""

    value: Any
    key: str
    line: int


def load(folder: Path, named: str | None, currency: str) -> Guardrails:
    """The guardrails of a store that sells in ``currency``: of the file ``named`` (DAYBREAK_GUARDRAILS), else of
    ``guardrails.yml`` in its folder, else the defaults. Raises DaybreakError naming the line, or both lines, of what is
    wrong."""
    path = Path(named).expanduser() if named else folder / FILE
    if not named and not path.is_file():
        return Guardrails(store=_usual(currency))
    whole = Section.load(path).only((*SHOP_KEYS, *RULE_KEYS, *SECTIONS))
    return _Reader(whole, _usual(currency)).read()


def _usual(currency: str) -> Rules:
    return Rules(smallest_unit=1.0) if currency in WHOLE else Rules()


class _Reader:
    """One file on its way to guardrails; ``refuse`` is the only way out of it other than ``read``."""

    def __init__(self, whole: Section, usual: Rules) -> None:
        self.whole = whole
        self.file = whole.file
        self.defaults = {field.name: Said(getattr(usual, field.name), field.name, 0) for field in fields(Rules)}

    def read(self) -> Guardrails:
        store = {**self.defaults, **self._said(self.whole)}
        shop = {name: self._number(self.whole, name, name) for name in SHOP_KEYS[1:] if self.whole.has(name)}
        move = self.whole.section("largest_move")
        if move is not None and move.has("days"):
            shop["move_days"] = self._number(move, "days", "move_days")
        exploration, step = self._exploration()
        self._consistent(store, step)
        frozen = self._frozen()
        categories, items = self._rules(store, step, frozen)
        for item, line in frozen.items():
            items[item] = {"is_frozen": Said(True, "frozen_items", line)}
        if exploration.share > 0 and "max_changes" in shop and not exploration.of(shop["max_changes"].value):
            self._contradict(
                step["share"], shop["max_changes"], "that share of a night's changes is none: it cannot explore"
            )
        return Guardrails(
            source=self.file,
            objective=self.whole.value("objective", str, default=PROFIT, among=(PROFIT, REVENUE)),
            store=Rules(**_plain(store)),
            categories={name: _plain(said) for name, said in categories.items()},
            items={name: _plain(said) for name, said in items.items()},
            price_lines=self._price_lines(),
            competitors=self._trust(),
            exploration=exploration,
            clearance=self._clearance(),
            **{name: said.value for name, said in shop.items()},
        )

    def _said(self, section: Section) -> dict[str, Said]:
        """What one level says of its rules."""
        numbers = [key for key in RULE_KEYS if key != "endings" and section.has(key)]
        found = {key: self._number(section, key, key) for key in numbers}
        if section.has("endings"):
            found["endings"] = Said(self._endings(section), "endings", section.line("endings"))
        band = section.section("competitors")
        if band is not None:
            band.only((*BAND, "stale_days", "implausible_ratio") if section is self.whole else tuple(BAND))
            found |= {name: self._number(band, key, name) for key, name in BAND.items() if band.has(key)}
        move = section.section("largest_move")
        if move is not None:
            move.only(("share", "days") if section is self.whole else ("share",))
            if move.has("share"):
                found["largest_move"] = self._number(move, "share", "largest_move")
        return found

    def _number(self, section: Section, key: str, name: str) -> Said:
        least, most = BOUNDS[name]
        whole = isinstance(least, int)
        value = section.value(key, int) if whole else float(section.value(key, int, float))
        if value < least or (most is not None and value > most):
            upper = f" to {most:g}" if most is not None else " or more"
            section.refuse(key, f"expected a number of {least:g}{upper}, found {value:g}")
        return Said(value, f"{section.name}.{key}" if section.name else key, section.line(key))

    def _endings(self, section: Section) -> tuple[float, ...]:
        given = section.value("endings", list)
        if not given or any(isinstance(e, bool) or not isinstance(e, int | float) or not 0 <= e < 1 for e in given):
            section.refuse("endings", f"expected the parts of a price below one, as in [0.99, 0.49], found {given!r}")
        return tuple(sorted({round(float(ending), 4) for ending in given}))

    def _rules(
        self, store: dict[str, Said], step: dict[str, Said], frozen: Mapping[str, int]
    ) -> tuple[dict[str, dict[str, Said]], dict[str, dict[str, Said]]]:
        categories: dict[str, dict[str, Said]] = {}
        items: dict[str, dict[str, Said]] = {}
        lines: dict[tuple[str, str], int] = {}
        for entry in self.whole.sections("rules"):
            entry.only(("category", "item", "competitors", "largest_move", *RULE_KEYS))
            if entry.has("category") == entry.has("item"):
                entry.refuse(None, "expected either category or item: what the rule is about")
            kind = "category" if entry.has("category") else "item"
            name = _node(entry, kind).value
            if (kind, name) in lines:
                self._two(entry.line(kind), lines[kind, name], f"both set rules for the {kind} {name!r}")
            lines[kind, name] = entry.line(kind)
            if kind == "item" and name in frozen:
                self._two(entry.line(kind), frozen[name], f"a rule for the item {name!r}, which is frozen")
            (categories if kind == "category" else items)[name] = self._said(entry)
        # Of an item no category is known here: what contradicts its category's the bounds settle, the earlier first.
        for name in categories:
            above = [categories.get(path, {}) for path in steps(name)]
            self._consistent({key: one for part in (store, *above) for key, one in part.items()}, step)
        for said in items.values():
            self._consistent({**store, **said}, step)
        return categories, items

    def _consistent(self, said: dict[str, Said], step: dict[str, Said]) -> None:
        """Pairs of rules of one item that cannot both be kept."""
        for low, high in (("lowest_price", "highest_price"), ("competitor_low", "competitor_high")):
            if said[low].value is not None and said[high].value is not None and said[low].value > said[high].value:
                self._contradict(said[low], said[high], "no price is above the one and below the other")
        is_exploring = "share" in step and step["share"].value > 0
        for largest in ("largest_step_up", "largest_step_down", "largest_move"):
            if 0 < said[largest].value < said["smallest_step"].value:
                self._contradict(said["smallest_step"], said[largest], "no step is large enough and small enough")
            if is_exploring and step["step"].value > said[largest].value:
                self._contradict(step["step"], said[largest], "exploration would step further than a price may")
        if is_exploring and step["step"].value < said["smallest_step"].value:
            self._contradict(step["step"], said["smallest_step"], "exploration would step less than a change must")
        least, most, endings = said["lowest_price"], said["highest_price"], said["endings"]
        if endings.value and least.value is not None and most.value is not None:
            whole = range(int(least.value), int(most.value) + 1)
            if not any(least.value <= unit + ending <= most.value for unit in whole for ending in endings.value):
                self._contradict(endings, most, f"no price from {least.value:g} to {most.value:g} ends so")

    def _exploration(self) -> tuple[Exploration, dict[str, Said]]:
        part = self.whole.section("exploration")
        if part is None:
            return Exploration(), {}
        part.only(("share", "step"))
        said = {name: self._number(part, name, name) for name in ("share", "step") if part.has(name)}
        said = {"step": Said(Exploration.step, "exploration.step", part.start), **said}
        return Exploration(**{name: one.value for name, one in said.items()}), said

    def _trust(self) -> Trust:
        part = self.whole.section("competitors")
        names = ("stale_days", "implausible_ratio")
        return Trust(**{name: self._number(part, name, name).value for name in names if part and part.has(name)})

    def _clearance(self) -> Clearance:
        part = self.whole.section("markdown")
        if part is None:
            return Clearance()
        names = ("weeks_of_stock", "longest_weeks", "salvage")
        part.only((*names, "levels"))
        found = {name: self._number(part, name, name) for name in names if part.has(name)}
        levels = tuple(part.value("levels", list, default=list(Clearance.levels)))
        numbers = all(isinstance(level, int | float) and 0 < level <= 1 for level in levels)
        if not levels or not numbers or list(levels) != sorted(set(levels), reverse=True):
            part.refuse("levels", f"expected shares of today's price, falling, as in [1, 0.8, 0.6], found {levels!r}")
        if "salvage" in found and found["salvage"].value > levels[-1]:
            lowest = Said(levels[-1], "markdown.levels", part.line("levels") if part.has("levels") else 0)
            self._contradict(found["salvage"], lowest, "what is left over is worth more than the lowest price")
        return Clearance(**{name: said.value for name, said in found.items()}, levels=tuple(map(float, levels)))

    def _frozen(self) -> dict[str, int]:
        """Item → line; each entry of the list has its own."""
        if not self.whole.has("frozen_items"):
            return {}
        return {item.value: item.start_mark.line + 1 for item in _ids(self.whole, "frozen_items")}

    def _price_lines(self) -> dict[str, str]:
        part = self.whole.section("price_lines")
        lines: dict[str, str] = {}
        for name in part.names() if part else ():
            assert part is not None
            for item in (node.value for node in _ids(part, name)):
                if item in lines:
                    self._two(part.line(name), part.line(lines[item]), f"both price lines hold the item {item!r}")
                lines[item] = name
        return lines

    def _contradict(self, one: Said, other: Said, why: str) -> NoReturn:
        told = [f"{said.key} {_shown(said.value)}" + ("" if said.line else " (the default)") for said in (one, other)]
        self._two(one.line, other.line, f"{told[0]} contradicts {told[1]}: {why}")

    def _two(self, one: int, other: int, why: str) -> NoReturn:
        lines = sorted({line for line in (one, other) if line})
        places = " and ".join(f"{self.file}:{line}" for line in lines)
        raise DaybreakError(f"{places}: {why}")


def _node(section: Section, key: str) -> yaml.Node:
    """What stands below a key as it is written: YAML reads an id such as 00123 as an octal number."""
    return next(value for name, value in section.node.value if name.value == key)


def _ids(section: Section, key: str) -> list[yaml.Node]:
    section.value(key, list)
    return list(_node(section, key).value)


def _plain(said: Mapping[str, Said]) -> dict[str, Any]:
    return {name: one.value for name, one in said.items()}


def _shown(value: Any) -> str:
    return f"{value:g}" if isinstance(value, int | float) else str(list(value))
