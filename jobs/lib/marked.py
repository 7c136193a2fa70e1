"""YAML read with its lines kept, so that an error names file, line and key, and the nearest key that there is."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, NoReturn

import yaml

from jobs.lib.errors import DaybreakError

REPOSITORY = Path(__file__).resolve().parents[2]
REQUIRED: Any = object()
WORDS = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    list: "a list",
    dict: "keys with values",
    date: "a day such as 2026-02-03",
    datetime: "a moment such as 2026-02-03 00:00:00",
}


@dataclass(frozen=True)
class Section:
    """One mapping of a YAML file. ``file`` is as people see it, ``name`` the dotted keys that lead here and ``start``
    the line of the last of them."""

    file: str
    node: yaml.MappingNode
    name: str = ""
    start: int = 1

    @classmethod
    def load(cls, path: Path) -> Section:
        """The whole file; DaybreakError where it is missing, no YAML, or no mapping of keys."""
        file = shown(path)
        try:
            node = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
        except FileNotFoundError:
            raise DaybreakError(f"{file}: there is no such file") from None
        except UnicodeDecodeError as error:
            raise DaybreakError(f"{file}: byte {error.start} is not UTF-8; save the file as UTF-8") from None
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else 1
            hint = "; text with a colon in it goes in quotes" if "mapping values" in str(error.problem) else ""
            raise DaybreakError(f"{file}:{line}: this is not YAML: {error.problem or error.context}{hint}") from None
        except yaml.YAMLError as error:
            raise DaybreakError(f"{file}: this is not YAML: {error}") from None
        if not isinstance(node, yaml.MappingNode):
            found = "nothing" if node is None else "something else"
            raise DaybreakError(f"{file}:1: expected keys with values, found {found}")
        return cls(file, node)

    def names(self) -> list[str]:
        """The keys in the file's order; one that stands twice is refused, since YAML would silently keep the last."""
        found: list[str] = []
        for node, _ in self.node.value:
            if node.value in found:
                line = node.start_mark.line + 1
                raise DaybreakError(f"{self.file}:{line}: {self._dotted(node.value)}: stands here a second time")
            found.append(node.value)
        return found

    def line(self, key: str | None = None) -> int:
        """The 1-based line of a key, or of the section itself."""
        for node, _ in self.node.value:
            if node.value == key:
                return int(node.start_mark.line) + 1
        return self.start

    def refuse(self, key: str | None, problem: str) -> NoReturn:
        """Raises the one kind of error there is here: file, line, key, and what is wrong with it."""
        dotted = self._dotted(key) if key else self.name
        raise DaybreakError(f"{self.file}:{self.line(key)}: " + (f"{dotted}: " if dotted else "") + problem)

    def only(self, known: Iterable[str]) -> Section:
        """This section, once all its keys are among ``known``."""
        names = list(known)
        for key in self.names():
            if key not in names:
                self.refuse(key, f"unknown key; {nearest(key, names)}")
        return self

    def has(self, key: str) -> bool:
        """Whether the key stands here, with whatever value."""
        return key in self.names()

    def value(self, key: str, *kinds: type, default: Any = REQUIRED, among: Iterable[Any] | None = None) -> Any:
        """A key's value, of one of ``kinds`` (none: any), one of ``among`` where given; refused otherwise."""
        if not self.has(key):
            if default is REQUIRED:
                self.refuse(None, f"the key {key!r} is missing; expected {_expected(kinds)}")
            return default
        found = _plain(self._child(key))
        if kinds and not _is(found, kinds):
            self.refuse(key, f"expected {_expected(kinds)}, found {found!r}")
        if among is not None and found not in (allowed := list(among)):
            self.refuse(key, f"{found!r} is not known here; {nearest(found, allowed)}")
        return found

    def section(self, key: str) -> Section | None:
        """The mapping below a key; None where the key is missing."""
        if not self.has(key):
            return None
        node = self._child(key)
        if not isinstance(node, yaml.MappingNode):
            self.refuse(key, f"expected keys with values below it, found {_plain(node)!r}")
        return Section(self.file, node, self._dotted(key), self.line(key))

    def sections(self, key: str) -> list[Section]:
        """The list of mappings below a key; empty where the key is missing."""
        if not self.has(key):
            return []
        node = self._child(key)
        if not isinstance(node, yaml.SequenceNode) or not all(isinstance(one, yaml.MappingNode) for one in node.value):
            self.refuse(key, f"expected a list, each entry with keys of its own, found {_plain(node)!r}")
        every = enumerate(node.value)
        return [Section(self.file, one, f"{self._dotted(key)}[{at}]", one.start_mark.line + 1) for at, one in every]

    def _child(self, key: str) -> yaml.Node:
        return next(value for node, value in self.node.value if node.value == key)

    def _dotted(self, key: str) -> str:
        return f"{self.name}.{key}" if self.name else str(key)


def nearest(word: object, known: Iterable[Any]) -> str:
    """In words: the nearest of the known names, or all of them where none is near."""
    names = [str(name) for name in known]
    near = difflib.get_close_matches(str(word), names, n=1, cutoff=0.5)
    return f"did you mean {near[0]!r}?" if near else f"known are: {', '.join(names)}"


def shown(path: Path) -> str:
    """A path as people see it: from the repository's root where it lies in it."""
    absolute = path.resolve()
    return absolute.relative_to(REPOSITORY).as_posix() if absolute.is_relative_to(REPOSITORY) else str(path)


def _plain(node: yaml.Node) -> Any:
    return yaml.SafeLoader("").construct_document(node)


def _is(value: object, kinds: tuple[type, ...]) -> bool:
    # In Python true is a number and a moment is a day; to the writer of a file they are not.
    if isinstance(value, bool):
        return bool in kinds
    if isinstance(value, datetime):
        return datetime in kinds
    return isinstance(value, kinds) or (float in kinds and isinstance(value, int))


def _expected(kinds: tuple[type, ...]) -> str:
    return " or ".join(WORDS[kind] for kind in kinds) or "a value"
