"""YAML that remembers its lines, so that an error can say where it stands.

Used by the loaders of what people write by hand (store.yml). A value is read as YAML reads it; beside the
values, ``Lined.line(path)`` gives the 1-based line of a key, where ``path`` is the keys down to it.
"""

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from jobs.lib.errors import DaybreakError


@dataclass(frozen=True)
class Lined:
    """A YAML document: ``value`` (mappings, lists, scalars) and the lines of its keys."""

    path: Path
    value: Any
    lines: dict[tuple, int] = field(default_factory=dict)

    def line(self, keys: Iterable = ()) -> int:
        """The line of a key, or of the nearest key above it that the file has (1 when there is none)."""
        keys = tuple(keys)
        while keys and keys not in self.lines:
            keys = keys[:-1]
        return self.lines.get(keys, 1)

    def error(self, keys: Iterable, message: str) -> DaybreakError:
        """An error that starts with file, line and key; the caller raises it."""
        keys = tuple(keys)
        name = ".".join(str(key) for key in keys)
        where = f"{self.path}, line {self.line(keys)}"
        return DaybreakError(f"{where}, {name}: {message}" if name else f"{where}: {message}")

    def at(self, place: tuple) -> Any:
        """The value at ``place``; None where there is none."""
        value = self.value
        for key in place:
            value = value.get(key) if isinstance(value, dict) else None
        return value

    def character(self, place: tuple, default: str | None) -> str | None:
        """One ASCII character."""
        value = self.at(place)
        if value is None:
            return default
        if not isinstance(value, str) or len(value.encode()) != 1:
            raise self.error(place, f"expected one ASCII character, not {value!r}")
        return value

    def names(self, place: tuple) -> tuple[str, ...] | None:
        """A list of names; None where the key is not there."""
        value = self.at(place)
        if value is None:
            return None
        if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
            raise self.error(place, f"expected a list of names, as in [a, b], not {value!r}")
        return tuple(value)

    def choice(self, place: tuple, choices: tuple[str, ...], default: str | None) -> str:
        """One of ``choices``; the default, where there is one, when the key is not there."""
        value = self.at(place)
        if value is None and default is not None:
            return default
        if value not in choices:
            what = f"{value!r}{nearest(value, choices)}" if value is not None else "nothing"
            raise self.error(place, f"expected one of {', '.join(choices)}, not {what}")
        return value

    def text(self, place: tuple, pattern: str | None, expected: str, optional: bool = False) -> Any:
        """A text value, whole-matched by ``pattern``. YAML reads a bare NO (Norway) as false: the message says so."""
        value = self.at(place)
        if value is None:
            if optional:
                return None
            raise self.error(place, f"the key is missing; expected {expected}")
        if isinstance(value, bool):
            raise self.error(place, f"YAML reads this as {str(value).lower()}; put it in quotes; expected {expected}")
        if not isinstance(value, str) or (pattern and not re.fullmatch(pattern, value)):
            raise self.error(place, f"expected {expected}, not {value!r}")
        return value

    def mapping(self, place: tuple, keys: tuple[str, ...] | None, optional: bool = False) -> dict:
        """The mapping at ``place``; refuses keys that are none of ``keys`` and names the nearest."""
        value = self.at(place)
        if value is None and optional:
            return {}
        if not isinstance(value, dict):
            what = ", ".join(keys) if keys else "a name for each kind of file"
            raise self.error(place, f"expected keys and values ({what})")
        for key in value:
            if keys is not None and key not in keys:
                near = nearest(key, keys)
                raise self.error((*place, key), f"unknown key{near}; expected one of {', '.join(keys)}")
        return value


def read(path: Path) -> Lined:
    """Read one YAML document. Raises DaybreakError naming the line when it is no YAML or repeats a key."""
    try:
        text = path.read_text(encoding="utf-8")
        loader = yaml.SafeLoader(text)
        try:
            node = loader.get_single_node()
            lines: dict[tuple, int] = {(): 1}
            _walk(path, node, (), lines)
            value = loader.construct_document(node) if node else None
        finally:
            loader.dispose()
    except UnicodeDecodeError as error:
        raise DaybreakError(f"{path}: not UTF-8 text (byte {error.start}); save it as UTF-8") from error
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise DaybreakError(f"{path}, line {line}: not readable as YAML: {error.problem}") from error
    except yaml.YAMLError as error:
        raise DaybreakError(f"{path}: not readable as YAML: {error}") from error
    return Lined(path, value, lines)


def nearest(word: str, known: Iterable[str]) -> str:
    """`` (did you mean 'x'?)`` for the known word nearest to ``word``, or an empty text."""
    choices = {str(choice).casefold(): str(choice) for choice in known}
    found = difflib.get_close_matches(str(word).casefold(), choices, n=1, cutoff=0.6)
    return f" (did you mean '{choices[found[0]]}'?)" if found else ""


def _walk(path: Path, node: yaml.Node | None, keys: tuple, lines: dict[tuple, int]) -> None:
    """Fill ``lines`` with the line of each key and list item below ``node``."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            place, line = (*keys, key.value), key.start_mark.line + 1
            if place in lines:
                raise DaybreakError(f"{path}, line {line}: the key '{key.value}' is there twice "
                                    f"(first on line {lines[place]}); keep one")
            lines[place] = line
            _walk(path, value, place, lines)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            lines[(*keys, index)] = value.start_mark.line + 1
            _walk(path, value, (*keys, index), lines)
