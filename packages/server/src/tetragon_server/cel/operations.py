# SPDX-License-Identifier: Apache-2.0
"""Calls -> closures. Functions are found in the table by the values' types, which is remembered per
call; operators that the table has no function for are put together here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from .access import index
from .errors import CelRuntimeError
from .functions import Dispatch, overloads_of
from .functions.comparison import contains, equals
from .functions.texts import matcher
from .logic import conditional, deciding

if TYPE_CHECKING:
    from collections.abc import Callable

    from .evaluation import Frame, Run
    from .nodes import Call
    from .types import Type

    Constants = dict[Run, object]
    """What the constant parts of an expression give."""

__all__ = ["compile_call"]

_PLAIN: Final = frozenset({"bool", "bytes", "int", "string", "uint"})
"""Types of which two values are equal if Python says so; null is the same in both."""


def compile_call(node: Call, parts: list[Run], constants: Constants) -> Run:
    """Compile a call; parts are its compiled target, if any, and arguments."""
    compile_ = _OPERATORS.get(node.function)
    if compile_ is not None:
        return compile_(node, parts, constants)
    if node.function == "matches" and parts[1] in constants and parts[0] not in constants:
        return _constant_pattern(parts[0], constants[parts[1]]) or _function(node, parts)
    return _function(node, parts)


def _or(_: Call, parts: list[Run], __: Constants) -> Run:
    return deciding(parts, decisive=True)


def _and(_: Call, parts: list[Run], __: Constants) -> Run:
    return deciding(parts, decisive=False)


def _conditional(_: Call, parts: list[Run], __: Constants) -> Run:
    condition, then, otherwise = parts
    return conditional(condition, then, otherwise)


def _index(_: Call, parts: list[Run], __: Constants) -> Run:
    container, key = parts
    return lambda frame: index(container(frame), key(frame))


def _inequality(node: Call, parts: list[Run], constants: Constants) -> Run:
    equal = _equality(node, parts, constants)
    return lambda frame: not equal(frame)


def _equality(node: Call, parts: list[Run], _: Constants) -> Run:
    left, right = parts
    one, other = (_plain_kind(arg.type) for arg in node.args)
    if one is not None and one == other:
        return lambda frame: left(frame) == right(frame)
    return lambda frame: equals(left(frame), right(frame), frame.spend)


def _membership(node: Call, parts: list[Run], constants: Constants) -> Run:
    value, container = parts
    kind, listed = _plain_kind(node.args[0].type), node.args[1].type
    is_plain = kind is not None and listed.kind == "list" and _plain_kind(listed.params[0]) == kind
    elements = constants.get(container)
    if is_plain and isinstance(elements, list):
        known = frozenset(elements)
        return lambda frame: value(frame) in known
    return lambda frame: contains(value(frame), container(frame), frame.spend)


def _plain_kind(one: Type) -> str | None:
    """The kind of a type, or of what its wrapper holds, if plain."""
    kind = one.params[0].kind if one.kind == "wrapper" else one.kind
    return kind if kind in _PLAIN else None


def _constant_pattern(text: Run, pattern: object) -> Run | None:
    """Search with a pattern compiled now; None where that, or the text, is for the usual way."""
    if not isinstance(pattern, str):
        return None
    try:
        search = matcher(pattern)
    except CelRuntimeError:
        return None

    def run(frame: Frame) -> bool:
        value = text(frame)
        if not isinstance(value, str):
            raise CelRuntimeError("no such overload: matches of something that is no text")
        frame.spend(1 + len(value) // 64)
        return search(value)

    return run


_OPERATORS: Final[dict[str, Callable[[Call, list[Run], Constants], Run]]] = {
    "@in": _membership,
    "_!=_": _inequality,
    "_&&_": _and,
    "_==_": _equality,
    "_?_:_": _conditional,
    "_[_]": _index,
    "_||_": _or,
}


def _function(node: Call, parts: list[Run]) -> Run:
    is_member = node.target is not None
    overloads = tuple(o for o in overloads_of(node.function) if o.is_member == is_member)
    dispatch = Dispatch(node.function, overloads)
    if len(parts) == 1:
        return _unary(dispatch, parts[0])
    return _binary(dispatch, *parts) if len(parts) == 2 else _n_ary(dispatch, parts)


def _unary(dispatch: Dispatch, part: Run) -> Run:
    found = dispatch.found

    def run(frame: Frame) -> object:
        value = part(frame)
        overload = found.get((value.__class__,)) or dispatch.find(value)
        if overload.cost is not None:
            frame.spend(overload.cost(value))
        return overload.call(value)

    return run


def _binary(dispatch: Dispatch, first: Run, second: Run) -> Run:
    found = dispatch.found

    def run(frame: Frame) -> object:
        left, right = first(frame), second(frame)
        overload = found.get((left.__class__, right.__class__)) or dispatch.find(left, right)
        if overload.cost is not None:
            frame.spend(overload.cost(left, right))
        return overload.call(left, right)

    return run


def _n_ary(dispatch: Dispatch, parts: list[Run]) -> Run:
    def run(frame: Frame) -> object:
        values = [part(frame) for part in parts]
        overload = dispatch.find(*values)
        if overload.cost is not None:
            frame.spend(overload.cost(*values))
        return overload.call(*values)

    return run
