# SPDX-License-Identifier: Apache-2.0
"""Kinds of YAML values, and how a table of fields turns a mapping into an object.

No field of a policy is named here: `fields.py` has the tables. Each kind has `read`, which returns
None when it has noted an error, and `empty`, which stands for a required value that is missing so
that the rest of the file can still be checked.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from .document import entries_of, is_null, place, scalar_kind, shown
from .model import Text, Where
from .numbers import parse_integer
from .problems import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .problems import Problems

__all__ = ["Choice", "Field", "Integer", "Items", "Kind", "Named", "Record", "String", "Switch"]

_TRUE: Final = frozenset({"true", "yes", "on", "y"})
_FALSE: Final = frozenset({"false", "no", "off", "n"})
_INDEX: Final = re.compile(r"\[\d+\]$")


class Kind(Protocol):
    """How one YAML value is read."""

    @property
    def empty(self) -> object:
        """Stands for a value that is missing or wrong."""

    def read(self, node: Node, path: str, problems: Problems) -> object | None:
        """The value; None after an error was noted."""


def _scalar_text(node: Node, path: str, problems: Problems) -> str | None:
    """Text of a scalar; one that is no string is taken as written, with a warning for each list."""
    where = place(node, path)
    if not isinstance(node, ScalarNode) or is_null(node):
        problems.error(f"wanted a text, found {'nothing' if is_null(node) else shown(node)}", where)
        return None
    if scalar_kind(node) not in {"str", "value"}:
        message = f"{node.value} is not quoted: Tetragon refuses it, write '{node.value}'"
        problems.warn_once(_INDEX.sub("", path), message, where)
    return str(node.value)


@dataclass(frozen=True, slots=True)
class String:
    """Any text; `texts` keeps its place (model.Text), `filled` refuses an empty one."""

    texts: bool = False
    filled: bool = False
    empty: str = ""

    def read(self, node: Node, path: str, problems: Problems) -> str | Text | None:
        """The text as written."""
        text = _scalar_text(node, path, problems)
        if self.filled and text is not None and not text.strip():
            problems.error("is empty", place(node, path))
        return text if text is None or not self.texts else Text(text, place(node, path))


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a set of words; another case, or an alias, is accepted with a warning."""

    allowed: tuple[str, ...]
    synonyms: Mapping[str, str] = field(default_factory=dict)
    """Words that are as good, and what the model calls them."""
    aliases: Mapping[str, str] = field(default_factory=dict)
    """Lower-case words that deserve a warning, and what the model calls them."""
    may_be_empty: bool = False
    empty: str = ""

    def read(self, node: Node, path: str, problems: Problems) -> str | None:
        """The word as the model spells it."""
        text = _scalar_text(node, path, problems)
        if text is None or text in self.allowed or (self.may_be_empty and not text):
            return text
        if text in self.synonyms:
            return self.synonyms[text]
        lowered = {word.lower(): word for word in self.allowed}
        lowered |= {word.lower(): meant for word, meant in self.synonyms.items()}
        lowered.update(self.aliases)
        found = lowered.get(text.lower())
        if found is None:
            hint = did_you_mean(text, (*self.allowed, *self.synonyms))
            message = f"{shown(node)} is not allowed here{hint}; allowed: {', '.join(self.allowed)}"
            problems.error(message, place(node, path))
        else:
            message = f'"{text}" is read as "{found}": Tetragon takes only that spelling'
            problems.warn(message, place(node, path))
        return found


@dataclass(frozen=True, slots=True)
class Switch:
    """true or false."""

    empty: bool = False

    def read(self, node: Node, path: str, problems: Problems) -> bool | None:
        """The value."""
        text = str(node.value).lower() if isinstance(node, ScalarNode) else ""
        if not isinstance(node, ScalarNode) or text not in _TRUE | _FALSE:
            problems.error(f"wanted true or false, found {shown(node)}", place(node, path))
            return None
        if scalar_kind(node) != "bool":
            message = f"{shown(node)} is read as {str(text in _TRUE).lower()}: Tetragon refuses it"
            problems.warn(message, place(node, path))
        return text in _TRUE


@dataclass(frozen=True, slots=True)
class Integer:
    """A number from `low` to `high`; quoted ones are accepted with a warning."""

    low: int = 0
    high: int = 2**32 - 1
    empty: int = 0

    def read(self, node: Node, path: str, problems: Problems) -> int | None:
        """The value."""
        where = place(node, path)
        try:
            if not isinstance(node, ScalarNode):
                raise ValueError(shown(node))  # noqa: TRY301, TRY004  joins the other errors below
            number = parse_integer(node.value)
        except ValueError:
            problems.error(f"wanted a whole number, found {shown(node)}", where)
            return None
        if not self.low <= number <= self.high:
            message = f"{number} is out of range; allowed: {self.low} to {self.high}"
            problems.error(message, where)
            return None
        if scalar_kind(node) == "str" and node.style is not None:
            message = f"{number} is quoted: Tetragon wants a bare number here"
            problems.warn_once(_INDEX.sub("", path), message, where)
        return number


@dataclass(frozen=True, slots=True)
class Items:
    """A list of one kind; a single value in place of the list is an error."""

    kind: Kind
    empty: tuple[object, ...] = ()

    def read(self, node: Node, path: str, problems: Problems) -> tuple[object, ...] | None:
        """The values; those that are wrong are left out."""
        if not isinstance(node, SequenceNode):
            problems.error(f"wanted a list, found {shown(node)}", place(node, path))
            return None
        read = [
            self.kind.read(item, f"{path}[{number}]", problems)
            for number, item in enumerate(node.value)
        ]
        return tuple(value for value in read if value is not None)


@dataclass(frozen=True, slots=True)
class Named:
    """A mapping whose keys the author chooses."""

    kind: Kind
    empty: Mapping[str, object] = field(default_factory=dict)

    def read(self, node: Node, path: str, problems: Problems) -> dict[str, object] | None:
        """The values by name."""
        if not isinstance(node, MappingNode):
            problems.error(f"wanted a mapping, found {shown(node)}", place(node, path))
            return None
        read = {
            key.value: self.kind.read(value, f"{path}.{key.value}", problems)
            for key, value in entries_of(node, path, problems)
        }
        return {key: value for key, value in read.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Field:
    """One key of a mapping: its spelling, its attribute in the model, the kind of its value."""

    key: str
    kind: Kind
    name: str = ""
    """Attribute of the model; empty: the key in snake case."""
    required: bool = False

    @property
    def attribute(self) -> str:
        """Name of the model's attribute."""
        return self.name or re.sub(r"(?<=[a-z])(?=[A-Z])", "_", self.key).lower()


class Record:
    """A mapping with known keys, made into an object.

    `build` gets the attribute of each key that was written, `where` and `places`.
    """

    empty = None

    def __init__(
        self, build: Callable[..., object], *fields: Field, ignored: tuple[str, ...] = ()
    ) -> None:
        self._build = build
        self._fields = {each.key: each for each in fields}
        self._lowered = {each.key.lower(): each for each in fields}
        self._ignored = frozenset(ignored)

    @property
    def fields(self) -> tuple[Field, ...]:
        """The keys that mean something, in their order."""
        return tuple(self._fields.values())

    @property
    def ignored(self) -> frozenset[str]:
        """Keys that may be there and mean nothing."""
        return self._ignored

    def read(self, node: Node, path: str, problems: Problems) -> object | None:
        """The object; with an empty value for each required key that is missing."""
        where = place(node, path)
        if not isinstance(node, MappingNode):
            problems.error(f"wanted a mapping, found {shown(node)}", where)
            return None
        values: dict[str, object] = {}
        places: dict[str, Where] = {}
        for key, value in entries_of(node, path, problems):
            self._read_entry(key, value, path, problems, values, places)
        for wanted in self._fields.values():
            if wanted.required and wanted.attribute not in places:
                problems.error(f'"{wanted.key}" is missing', where)
            if wanted.required:
                values.setdefault(wanted.attribute, wanted.kind.empty)
        return self._build(**values, where=where, places=places)

    def _read_entry(
        self,
        key: ScalarNode,
        node: Node,
        path: str,
        problems: Problems,
        values: dict[str, object],
        places: dict[str, Where],
    ) -> None:
        if key.value in self._ignored:
            return
        wanted = self._field(key, path, problems)
        if wanted is None or is_null(node):
            return
        inner = f"{path}.{wanted.key}" if path else wanted.key
        if wanted.attribute in places:
            problems.error(f"{shown(key)} is given twice, in other letters", place(key, inner))
            return
        places[wanted.attribute] = place(node, inner)
        if isinstance(node, SequenceNode):
            for number, item in enumerate(node.value):
                places[f"{wanted.attribute}[{number}]"] = place(item, f"{inner}[{number}]")
        value = wanted.kind.read(node, inner, problems)
        values[wanted.attribute] = wanted.kind.empty if value is None else value

    def _field(self, key: ScalarNode, path: str, problems: Problems) -> Field | None:
        exact = self._fields.get(key.value)
        if exact is not None:
            return exact
        other = self._lowered.get(key.value.lower())
        where = place(key, f"{path}.{key.value}" if path else key.value)
        if other is None:
            hint = did_you_mean(key.value, self._fields)
            problems.error(f"unknown field{hint}; known: {', '.join(self._fields)}", where)
        else:
            problems.warn(f'the field is spelled "{other.key}"', where)
        return other
