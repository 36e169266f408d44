# SPDX-License-Identifier: Apache-2.0
"""YAML text as nodes that know their line and column; no field names here.

Safe for text from anyone: nesting is bounded before the C composer recurses, aliases are shared and
not copied, and whatever is wrong with the text is a PolicyError.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final

import yaml
from yaml.events import CollectionEndEvent, CollectionStartEvent
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from .nodes import Where
from .problems import PolicyError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .problems import Problems

__all__ = [
    "Entries",
    "compose_documents",
    "entries_of",
    "is_null",
    "place",
    "scalar_kind",
    "shown",
]

_Loader: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_MAX_DEPTH: Final = 64
"""A policy needs 12 levels; the C composer crashes the process at some ten thousand."""
_NOT_ALLOWED: Final = re.compile(
    "[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
)
_PAIR: Final = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}")
_MAX_SHOWN: Final = 60
_TAG_PREFIX: Final = "tag:yaml.org,2002:"
_MERGE_TAG: Final = _TAG_PREFIX + "merge"


Entries = list[tuple[ScalarNode, Node]]


def compose_documents(text: str, source: str = "") -> list[Node]:
    """Root node of each document that is not empty.

    Raises PolicyError for text that is no YAML.
    """
    _check_characters(text, source)
    if text.lstrip().startswith("{"):
        text = _PAIR.sub(_joined, text)
    try:
        _check_depth(text)
        nodes = list(yaml.compose_all(text, Loader=_Loader))
    except yaml.MarkedYAMLError as error:
        raise PolicyError([_syntax_problem(error)], source) from error
    except (yaml.YAMLError, UnicodeError, ValueError, RecursionError) as error:
        message = f"not YAML: {' '.join(str(error).split())}"
        raise PolicyError([Problem(Where(""), message)], source) from error
    return [node for node in nodes if not is_null(node)]


def _joined(pair: re.Match[str]) -> str:
    """JSON writes a character beyond U+FFFF as two escapes, which YAML does not know."""
    character: str = json.loads('"' + pair[0] + '"')
    return f"\\U{ord(character):08x}"


def _check_characters(text: str, source: str) -> None:
    """Refuse what YAML has no place for; the loaders disagree on how to say where it is."""
    found = _NOT_ALLOWED.search(text)
    if found:
        line = text.count("\n", 0, found.start()) + 1
        column = found.start() - text.rfind("\n", 0, found.start())
        message = f"not YAML: the character U+{ord(found[0]):04X} is not allowed"
        raise PolicyError([Problem(Where("", line, column), message)], source)


def _check_depth(text: str) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, CollectionStartEvent):
            depth += 1
            if depth > _MAX_DEPTH:
                message = f"nested deeper than {_MAX_DEPTH} levels"
                raise ValueError(message)
        elif isinstance(event, CollectionEndEvent):
            depth -= 1


def _syntax_problem(error: yaml.MarkedYAMLError) -> Problem:
    mark = error.problem_mark or error.context_mark
    where = Where("", mark.line + 1, mark.column + 1) if mark else Where("")
    context = f" ({error.context})" if error.context else ""
    return Problem(where, f"not YAML: {error.problem or 'cannot be read'}{context}")


def place(node: Node, path: str) -> Where:
    """Where a node starts."""
    return Where(path, node.start_mark.line + 1, node.start_mark.column + 1)


def scalar_kind(node: ScalarNode) -> str:
    """`str`, `int`, `float`, `bool`, `null`, `timestamp`…: how YAML reads the scalar."""
    return str(node.tag).removeprefix(_TAG_PREFIX)


def is_null(node: Node) -> bool:
    """Whether the node says "nothing": empty, `~` or `null`."""
    return isinstance(node, ScalarNode) and scalar_kind(node) == "null"


def shown(node: Node) -> str:
    """The node for an error message: a scalar as written, or `a list`, `a mapping`."""
    if isinstance(node, MappingNode):
        return "a mapping"
    if isinstance(node, SequenceNode):
        return "a list"
    text = str(node.value)
    return f'"{text if len(text) <= _MAX_SHOWN else text[:_MAX_SHOWN] + "…"}"'


def entries_of(node: MappingNode, path: str, problems: Problems) -> Entries:
    """Keys and values of a mapping, merge keys (`<<`) resolved; a key twice is an error."""
    own: dict[str, tuple[ScalarNode, Node]] = {}
    merged: dict[str, tuple[ScalarNode, Node]] = {}
    for key, value in node.value:
        if not isinstance(key, ScalarNode):
            problems.error(f"a key has to be a word, found {shown(key)}", place(key, path))
        elif key.tag == _MERGE_TAG:
            for name, entry in _merged(value, {id(node)}, path, problems):
                merged.setdefault(name, entry)
        elif key.value in own:
            first = own[key.value][0].start_mark.line + 1
            message = f"{shown(key)} is given twice, first in line {first}"
            problems.error(message, place(key, f"{path}.{key.value}".strip(".")))
        else:
            own[key.value] = (key, value)
    return list((merged | own).values())


def _merged(
    value: Node, seen: set[int], path: str, problems: Problems
) -> Iterator[tuple[str, tuple[ScalarNode, Node]]]:
    """Entries that a merge key brings in; `seen` keeps each mapping from being expanded twice."""
    sources = value.value if isinstance(value, SequenceNode) else [value]
    for source in sources:
        if not isinstance(source, MappingNode):
            message = f"<< takes mappings, found {shown(source)}"
            problems.error(message, place(source, path))
        elif id(source) not in seen:
            seen.add(id(source))
            inner = []
            for key, item in source.value:
                if key.tag == _MERGE_TAG:
                    inner.append(item)
                elif isinstance(key, ScalarNode):
                    yield key.value, (key, item)
            for item in inner:
                yield from _merged(item, seen, path, problems)
