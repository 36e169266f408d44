# SPDX-License-Identifier: Apache-2.0
"""Checked syntax tree -> Python closures, one per node: the work of reading an expression is done
once, an event only runs it. What is constant is evaluated beforehand as well.
"""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING

from . import fields, ranges
from .construction import new_message, setter
from .declarations import Constant, Named, Variable
from .errors import CelRuntimeError
from .evaluation import Frame, OutOfStepsError
from .nodes import (
    Call,
    Comprehension,
    Ident,
    ListNode,
    Literal,
    MapNode,
    MessageNode,
    Node,
    Select,
    children_of,
)
from .operations import compile_call
from .values import Map, TypeName

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from .declarations import Declarations, Meaning
    from .evaluation import Run

__all__ = ["Program"]


class Program:
    """The compiled form of one expression."""

    def __init__(self, root: Node, declarations: Declarations) -> None:
        self._declarations = declarations
        self._scope: list[str] = []
        self._locals = 0
        self._constants: dict[Run, object] = {}
        self._run = self._compiled(root)

    def evaluate(self, message: Message | None) -> object:
        """Run for one event; CelRuntimeError if there is no value for it."""
        try:
            return self._run(Frame(message, self._locals))
        except OutOfStepsError as error:
            raise CelRuntimeError(str(error)) from None
        except RecursionError:
            raise CelRuntimeError("values that are nested less deeply were expected") from None

    def _compiled(self, node: Node) -> Run:
        match node:
            case Literal(value=value):
                run = self._constant(value)
            case Ident(meaning=meaning) | Select(meaning=meaning) if meaning is not None:
                run = self._meant(meaning)
            case Select():
                run = self._select(node)
            case Comprehension():
                run = self._comprehension(node)
            case MessageNode():
                run = self._message(node)
            case _:
                parts = [self._compiled(child) for child in children_of(node)]
                run = self._composed(node, parts)
                if all(part in self._constants for part in parts):
                    run = self._folded(run)
        return run

    def _composed(self, node: Node, parts: list[Run]) -> Run:
        match node:
            case ListNode():
                return lambda frame: [part(frame) for part in parts]
            case MapNode():
                pairs = list(zip(parts[::2], parts[1::2], strict=True))
                return lambda frame: Map([(key(frame), value(frame)) for key, value in pairs])
            case Call():
                return compile_call(node, parts, self._constants)
        raise AssertionError(f"unknown node {node}")

    def _constant(self, value: object) -> Run:
        def run(_: Frame) -> object:
            return value

        self._constants[run] = value
        return run

    def _folded(self, run: Run) -> Run:
        """Evaluate now what needs no event; an error stays one of the evaluation, as upstream's."""
        try:
            return self._constant(run(Frame(None, 0)))
        except (CelRuntimeError, OutOfStepsError, RecursionError):
            return run

    def _meant(self, meaning: Meaning) -> Run:
        match meaning:
            case Constant(value=value):
                return self._constant(value)
            case Named(name=name):
                return self._constant(TypeName(name))
            case Variable(name=name, is_local=True):
                local = len(self._scope) - 1 - self._scope[::-1].index(name)
                return lambda frame: frame.locals[local]
            case Variable(name=name):
                get = attrgetter(name)
                return lambda frame: get(frame.message)

    def _select(self, node: Select) -> Run:
        name = node.name
        operand = self._compiled(node.operand)
        if node.operand.type.kind != "message":
            if node.is_test:
                return lambda frame: fields.has(operand(frame), name)
            return lambda frame: fields.select(operand(frame), name)
        field = self._declarations.descriptor(node.operand.type).fields_by_name[name]
        # The operand's type may be a message's where the value is null: a list of both has it.
        if node.is_test:
            is_set = fields.is_set(field)
            return lambda frame: is_set(fields.present(operand(frame)))
        read = fields.reader(field)
        path = _path(node.operand)
        if path is not None:
            get = attrgetter(path)
            return lambda frame: read(get(frame.message))
        return lambda frame: read(fields.present(operand(frame)))

    def _message(self, node: MessageNode) -> Run:
        descriptor, one = self._declarations.message_type(f".{node.name}") or (None, None)
        assert descriptor is not None, "the checker has found it"
        assert one is not None, "the checker has found it"
        convert = fields.converter(one)
        parts = [
            (setter(descriptor.fields_by_name[name]), self._compiled(value))
            for name, _, value in node.fields
        ]

        def run(frame: Frame) -> object:
            message = new_message(descriptor)
            for put, part in parts:
                put(message, part(frame))
            frame.spend(1 + message.ByteSize() // 64)
            return convert(message)

        return run

    def _comprehension(self, node: Comprehension) -> Run:
        source = self._compiled(node.range)
        self._scope.append(node.variable)
        self._locals = max(self._locals, len(self._scope))
        predicate = None if node.predicate is None else self._compiled(node.predicate)
        transform = None if node.transform is None else self._compiled(node.transform)
        self._scope.pop()
        weight = sum(_weight(one) for one in (node.predicate, node.transform) if one is not None)
        range_ = ranges.Range(source, len(self._scope), 1 + weight)
        if transform is not None:
            return ranges.mapping(range_, predicate, transform)
        assert predicate is not None, "only map may do without one"
        match node.macro:
            case "all" | "exists":
                return ranges.deciding_over(range_, predicate, decisive=node.macro == "exists")
            case "exists_one":
                return ranges.counting(range_, predicate)
        return ranges.filtering(range_, predicate)


def _weight(node: Node) -> int:
    """Nodes evaluated at most; what a macro within evaluates is counted when it does."""
    return 1 + sum(_weight(child) for child in children_of(node))


def _path(node: Node) -> str | None:
    """The attributes that lead from the event to a message, None if it comes from elsewhere."""
    names: list[str] = []
    while isinstance(node, Select) and node.meaning is None:
        if node.operand.type.kind != "message":
            return None
        names.append(node.name)
        node = node.operand
    meaning = node.meaning if isinstance(node, Ident | Select) else None
    if not isinstance(meaning, Variable) or meaning.is_local:
        return None
    return ".".join([meaning.name, *reversed(names)])
