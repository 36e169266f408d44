# SPDX-License-Identifier: Apache-2.0
"""Calls that are macros -> nodes of their own. The names and forms are those of the definition."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from .errors import error_at
from .nodes import Comprehension, Ident, Select

if TYPE_CHECKING:
    from .lexer import Token
    from .nodes import Node

__all__ = ["expand"]

_OVER_A_RANGE: Final = {
    ("all", 2): "all",
    ("exists", 2): "exists",
    ("existsOne", 2): "exists_one",
    ("exists_one", 2): "exists_one",
    ("filter", 2): "filter",
    ("map", 2): "map",
    ("map", 3): "map",
}
_ACCUMULATOR: Final = "__result__"
"""The language keeps this name for itself."""
_UNREACHABLE: Final = "."
"""Of a variable declared with a dot in front: cel-go allows it, and no name refers to it."""


def expand(text: str, word: Token, target: Node | None, args: list[Node]) -> Node | None:
    """Build the node of a macro, None if the call is none; CelError for wrong arguments."""
    if target is None:
        return _has(text, word, args[0]) if (word.text, len(args)) == ("has", 1) else None
    macro = _OVER_A_RANGE.get((word.text, len(args)))
    if macro is None:
        return None
    name = args[0]
    if not isinstance(name, Ident):
        raise error_at(text, name.offset, f"a simple name was expected as first argument: {macro}")
    if name.name == _ACCUMULATOR:
        raise error_at(text, name.offset, f"another name was expected: {_ACCUMULATOR} is reserved")
    predicate = None if macro == "map" and len(args) == 2 else args[1]
    transform = args[-1] if macro == "map" else None
    variable = _UNREACHABLE if name.name.startswith(".") else name.name
    return Comprehension(word.offset, macro, variable, target, predicate, transform)


def _has(text: str, word: Token, field: Node) -> Node:
    if not isinstance(field, Select) or field.is_test:
        raise error_at(text, field.offset, "a field was expected: has(message.field)")
    return Select(word.offset, field.operand, field.name, is_test=True)
