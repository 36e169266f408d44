# SPDX-License-Identifier: Apache-2.0
"""The syntax tree. The parser builds it, the checker fills in `type` and `meaning`, the evaluator
reads all. A node holds no behaviour.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .types import DYN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .declarations import Meaning
    from .types import Type

__all__ = [
    "Call",
    "Comprehension",
    "Ident",
    "ListNode",
    "Literal",
    "MapNode",
    "MessageNode",
    "Node",
    "Select",
    "children_of",
]


@dataclass(slots=True, eq=False)
class Node:
    """Part of an expression; offset is where it is in the text, depth its height as a tree."""

    offset: int
    depth: int = field(init=False, default=1)
    type: Type = field(init=False, default=DYN)


@dataclass(slots=True, eq=False)
class Literal(Node):
    """A constant of the text."""

    value: object


@dataclass(slots=True, eq=False)
class Ident(Node):
    """A name; with a leading dot it is never a local one."""

    name: str
    meaning: Meaning | None = field(init=False, default=None)


@dataclass(slots=True, eq=False)
class Select(Node):
    """operand.field, or has(operand.field); with a meaning, the dots were part of one name."""

    operand: Node
    name: str
    is_test: bool = False
    meaning: Meaning | None = field(init=False, default=None)


@dataclass(slots=True, eq=False)
class Call(Node):
    """A function or operator; target is what stands before the dot."""

    function: str
    target: Node | None
    args: list[Node]


@dataclass(slots=True, eq=False)
class ListNode(Node):
    """[elements]."""

    elements: list[Node]


@dataclass(slots=True, eq=False)
class MapNode(Node):
    """{key: value}."""

    entries: list[tuple[Node, Node]]


@dataclass(slots=True, eq=False)
class MessageNode(Node):
    """Name{field: value}; fields hold the offset of the name for errors."""

    name: str
    fields: list[tuple[str, int, Node]]


@dataclass(slots=True, eq=False)
class Comprehension(Node):
    """A macro over a list or the keys of a map: all, exists, exists_one, filter or map.

    The predicate decides, or None for a map without one; only map has a transform.
    """

    macro: str
    variable: str
    range: Node
    predicate: Node | None
    transform: Node | None


def children_of(node: Node) -> Iterator[Node]:
    """The nodes right below; none below a dotted name that was resolved as a whole."""
    match node:
        case Select(operand=operand, meaning=None):
            yield operand
        case Call(target=target, args=args):
            yield from ([] if target is None else [target])
            yield from args
        case ListNode(elements=elements):
            yield from elements
        case MapNode(entries=entries):
            for key, value in entries:
                yield from (key, value)
        case MessageNode(fields=fields):
            yield from (value for _, _, value in fields)
        case Comprehension(range=source, predicate=predicate, transform=transform):
            yield from (one for one in (source, predicate, transform) if one is not None)
        case _:
            pass
