# SPDX-License-Identifier: Apache-2.0
"""Types of all parts of an expression, by the CEL language definition and upstream's library.

It writes type and meaning into the nodes and raises CelError at the first part that has none.
One oddity of upstream's library is kept, because expressions may lean on it: numbers of different
types can be ordered (`1 < 2u`) only after the first macro of an expression.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .calls import CallChecker
from .declarations import Variable, field_type
from .errors import CelError, error_at
from .nodes import Call, Comprehension, Ident, ListNode, Literal, MapNode, MessageNode, Select
from .types import (
    BOOL,
    BYTES,
    DOUBLE,
    DYN,
    INT,
    NULL,
    STRING,
    UINT,
    TypeTooLargeError,
    list_of,
    map_of,
)
from .unification import Unifier
from .values import Uint

if TYPE_CHECKING:
    from .declarations import Declarations, Meaning
    from .nodes import Node
    from .types import Type

__all__ = ["check"]

_LITERALS: dict[type, Type] = {
    type(None): NULL,
    bool: BOOL,
    bytes: BYTES,
    float: DOUBLE,
    int: INT,
    str: STRING,
    Uint: UINT,
}


def check(text: str, root: Node, declarations: Declarations) -> frozenset[int]:
    """Type all nodes below root; CelError unless root is a bool.

    The result is upstream's relevance rule: the field numbers of those events whose message is the
    type of a part of the expression. A list of such messages does not count, its elements do.
    """
    checker = _Checker(text, declarations)
    try:
        checker.check(root)
        return checker.finish(root)
    except TypeTooLargeError as error:
        raise error_at(text, root.offset, str(error)) from None


class _Checker:
    """One pass over the tree, children first."""

    def __init__(self, text: str, declarations: Declarations) -> None:
        self._text = text
        self._declarations = declarations
        self._unifier = Unifier()
        self._calls = CallChecker(self._unifier)
        self._locals: list[Variable] = []
        self._nodes: list[Node] = []

    def check(self, node: Node) -> Type:
        """Type one node and all below."""
        match node:
            case Literal():
                node.type = _LITERALS[node.value.__class__]
            case Ident():
                node.type = self._ident(node)
            case Select():
                node.type = self._select(node)
            case Call():
                node.type = self._call(node)
            case ListNode():
                node.type = list_of(self._joined(node.elements))
            case MapNode():
                keys = self._joined([key for key, _ in node.entries])
                node.type = map_of(keys, self._joined([value for _, value in node.entries]))
            case MessageNode():
                node.type = self._message(node)
            case Comprehension():
                node.type = self._comprehension(node)
        self._nodes.append(node)
        return node.type

    def finish(self, root: Node) -> frozenset[int]:
        """Say dyn for all that is still open, and find the events that are mentioned."""
        numbers = self._declarations.numbers
        for node in self._nodes:
            node.type = self._unifier.known(node.type, final=True)
        if root.type != BOOL:
            raise self._error(root, f"an expression of type bool was expected, found {root.type}")
        return frozenset(
            numbers[node.type.name]
            for node in self._nodes
            if node.type.kind == "message" and node.type.name in numbers
        )

    def _ident(self, node: Ident) -> Type:
        node.meaning = self._local(node.name) or self._declarations.meaning(node.name)
        if node.meaning is None:
            raise self._error(node, self._undeclared(node.name))
        return _type_of(node.meaning)

    def _select(self, node: Select) -> Type:
        name = None if node.is_test else _dotted(node)
        if name is not None and self._local(name.partition(".")[0]) is None:
            node.meaning = self._declarations.meaning(name)
            if node.meaning is not None:
                return _type_of(node.meaning)
        operand = self._unifier.known(self.check(node.operand))
        found = self._field(node, operand)
        return BOOL if node.is_test else self._unifier.known(found)

    def _field(self, node: Select, operand: Type) -> Type:
        if operand.kind == "map":
            return operand.params[1]
        if operand.kind == "variable":
            self._unifier.assign((DYN,), (operand,))
        if operand.kind in {"dyn", "variable"}:
            return DYN
        if operand.kind != "message":
            message = f"a message or map was expected before .{node.name}, found {operand}"
            raise self._error(node, message)
        return self._field_of(operand, node.name, node.offset)

    def _field_of(self, one: Type, name: str, offset: int) -> Type:
        field = self._declarations.descriptor(one).fields_by_name.get(name)
        if field is None:
            raise error_at(self._text, offset, f"{one} has no field {name}")
        return field_type(field)

    def _call(self, node: Call) -> Type:
        args = [self.check(arg) for arg in node.args]
        if node.target is not None:
            prefix = _dotted(node.target)
            for name in self._declarations.candidates(f"{prefix}.{node.function}"):
                if prefix is not None and self._calls.is_function(name):
                    node.function, node.target = name, None
                    break
            else:
                args.insert(0, self.check(node.target))
        try:
            return self._calls.result(node, args, self._declarations)
        except CelError as error:
            raise self._error(node, str(error)) from None

    def _joined(self, nodes: list[Node]) -> Type:
        joined: Type | None = None
        for node in nodes:
            one = self.check(node)
            joined = one if joined is None else self._unifier.join(joined, one)
        return joined or self._unifier.fresh()

    def _message(self, node: MessageNode) -> Type:
        found = self._declarations.message_type(node.name)
        if found is None:
            raise self._error(node, self._undeclared(node.name))
        descriptor, result = found
        node.name = descriptor.full_name
        for name, offset, value in node.fields:
            field = descriptor.fields_by_name.get(name)
            if field is None:
                raise error_at(self._text, offset, f"{descriptor.full_name} has no field {name}")
            wanted, given = field_type(field), self.check(value)
            if not self._unifier.assign((wanted,), (given,)):
                shown = self._unifier.known(given, final=True)
                message = f"{wanted} was expected for the field {name}, found {shown}"
                raise error_at(self._text, offset, message)
        return result

    def _comprehension(self, node: Comprehension) -> Type:
        range_type = self._unifier.known(self.check(node.range))
        if range_type.kind == "variable":
            self._unifier.assign((DYN,), (range_type,))
        if range_type.kind not in {"list", "map", "dyn", "variable"}:
            raise self._error(node.range, f"a list or map was expected, found {range_type}")
        element = range_type.params[0] if range_type.params else DYN
        self._calls.allow_mixed_numbers()
        self._locals.append(Variable(node.variable, element, is_local=True))
        if node.predicate is not None:
            self._expect_bool(node.predicate)
        result = element if node.transform is None else self.check(node.transform)
        self._locals.pop()
        return list_of(result) if node.macro in {"filter", "map"} else BOOL

    def _expect_bool(self, node: Node) -> None:
        found = self.check(node)
        if not self._unifier.assign((found,), (BOOL,)):
            raise self._error(node, f"bool was expected, found {self._unifier.known(found)}")

    def _local(self, name: str) -> Variable | None:
        return next((one for one in reversed(self._locals) if one.name == name), None)

    def _undeclared(self, name: str) -> str:
        names = ", ".join(self._declarations.variables)
        return f"{name} is not known; an expression can use {names}"

    def _error(self, node: Node, message: str) -> CelError:
        return error_at(self._text, node.offset, message)


def _dotted(node: Node) -> str | None:
    """The text a.b.c of nested fields that start with a name, None for anything else."""
    names: list[str] = []
    while isinstance(node, Select) and not node.is_test:
        names.append(node.name)
        node = node.operand
    return ".".join([node.name, *reversed(names)]) if isinstance(node, Ident) else None


def _type_of(meaning: Meaning) -> Type:
    return meaning.type if not hasattr(meaning, "value") else INT
