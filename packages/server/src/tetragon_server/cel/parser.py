# SPDX-License-Identifier: Apache-2.0
"""Tokens -> syntax tree, by the grammar of the CEL language definition. No types, no names.

Operators become calls named as in the definition (`_+_`, `_[_]`, `!_`); `a && b && c` is one call.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

from .errors import error_at
from .lexer import END, Token, tokens_of
from .literals import bytes_value, double_value, int_value, string_value, uint_value
from .macros import expand
from .nodes import Call, Ident, ListNode, Literal, MapNode, MessageNode, Select, children_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from .errors import CelError
    from .nodes import Node

_T = TypeVar("_T")

__all__ = ["parse"]

_MAX_LENGTH: Final = 50_000
"""Characters of an expression. Upstream takes 100,000; here that would hold up the agent's events
for a second while it is read."""

_MAX_DEPTH: Final = 120
"""Height of the tree. Each level is a frame or two of Python's stack when checked and evaluated."""

_MAX_NESTING: Final = 50
"""Brackets within brackets. Each is about ten frames of Python's stack in this parser."""

_LEVELS: Final = (
    frozenset({"||"}),
    frozenset({"&&"}),
    frozenset({"<", "<=", ">", ">=", "==", "!=", "in"}),
    frozenset({"+", "-"}),
    frozenset({"*", "/", "%"}),
)
_RESERVED: Final = frozenset(
    {"as", "break", "const", "continue", "else", "for", "function", "if", "import", "let", "loop"}
    | {"package", "namespace", "return", "var", "void", "while"}
)
_LITERALS: Final[dict[str, Callable[[str], object]]] = {
    "bytes": bytes_value,
    "double": double_value,
    "false": lambda _: False,
    "int": int_value,
    "null": lambda _: None,
    "string": string_value,
    "true": lambda _: True,
    "uint": uint_value,
}


def parse(text: str) -> Node:
    """Build the tree of text; CelError says where something else was expected."""
    if len(text) > _MAX_LENGTH:
        raise error_at(text, 0, f"at most {_MAX_LENGTH} characters were expected: {len(text)}")
    parser = _Parser(text)
    node = parser.expression()
    parser.expect(END)
    return node


class _Parser:
    """Recursive descent, one token ahead."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = iter(tokens_of(text))
        self._next = next(self._tokens)
        self._nesting = 0

    def expression(self) -> Node:
        """A condition with ? and :, or what binds tighter."""
        condition = self._binary(0)
        if not (mark := self._take("?")):
            return condition
        then = self._binary(0)
        self.expect(":")
        branches = [condition, then, self.expression()]
        return self._checked(Call(mark.offset, "_?_:_", None, branches))

    def expect(self, kind: str) -> Token:
        """Take the next token; CelError if it is not of this kind."""
        token = self._take(kind)
        if token is None:
            found = self._next.text or END
            raise self._error(self._next, f"{kind} was expected, found {found}")
        return token

    def _binary(self, level: int) -> Node:
        if level == len(_LEVELS):
            return self._unary()
        left = self._binary(level + 1)
        while self._next.kind in _LEVELS[level]:
            operator = self._advance()
            right = self._binary(level + 1)
            name = "@in" if operator.kind == "in" else f"_{operator.kind}_"
            if level < 2 and isinstance(left, Call) and left.function == name:
                left.args.append(right)
                left.depth = max(left.depth, 1 + right.depth)
            else:
                left = Call(operator.offset, name, None, [left, right])
                left.depth = 1 + max(arg.depth for arg in left.args)
            self._check_depth(left)
        return left

    def _unary(self) -> Node:
        sign = self._next
        if sign.kind not in {"!", "-"}:
            return self._member()
        count = 0
        while self._take(sign.kind):
            count += 1
        # One sign is part of the number, which has room for one more below zero than above it.
        if sign.kind == "-" and count == 1 and self._next.kind in {"int", "double"}:
            self._next = self._next._replace(text=f"-{self._next.text}")
            count = 0
        node = self._member()
        return (
            self._checked(Call(sign.offset, f"{sign.kind}_", None, [node])) if count % 2 else node
        )

    def _member(self) -> Node:
        start = self._next
        node = self._primary()
        # The dotted name so far, which a message's name is; None after anything else.
        name = node.name if isinstance(node, Ident) and start.kind != "(" else None
        while True:
            if self._take("."):
                word = self.expect("name")
                if mark := self._take("("):
                    node, name = self._call(word, mark, node), None
                else:
                    node = self._checked(Select(word.offset, node, word.text))
                    name = None if name is None else f"{name}.{word.text}"
            elif mark := self._take("["):
                index = self._nested("]")
                node, name = self._checked(Call(mark.offset, "_[_]", None, [node, index])), None
            elif name is not None and self._next.kind == "{":
                node, name = self._message(name, start.offset), None
            else:
                return node

    def _primary(self) -> Node:
        token = self._advance()
        match token.kind:
            case "(":
                return self._nested(")")
            case "[":
                return self._checked(ListNode(token.offset, self._items("]", self.expression)))
            case "{":
                return self._checked(MapNode(token.offset, self._items("}", self._entry)))
            case "." | "name":
                return self._name(token)
            case "-" if self._next.kind in {"int", "double"}:
                return self._literal(self._advance(), "-")
            case kind if kind in _LITERALS:
                return self._literal(token)
        raise self._error(token, f"an expression was expected, found {token.text or END}")

    def _name(self, token: Token) -> Node:
        word = self.expect("name") if token.kind == "." else token
        name = f".{word.text}" if token.kind == "." else word.text
        if word.text in _RESERVED:
            raise self._error(word, f"{word.text} is a reserved word and no name")
        if mark := self._take("("):
            return self._call(word._replace(text=name), mark, None)
        return Ident(token.offset, name)

    def _literal(self, token: Token, sign: str = "") -> Node:
        try:
            return Literal(token.offset, _LITERALS[token.kind](sign + token.text))
        except ValueError as error:
            raise self._error(token, str(error)) from None

    def _call(self, word: Token, mark: Token, target: Node | None) -> Node:
        args = self._items(")", self.expression, may_end_in_comma=False)
        node = expand(self._text, word, target, args)
        if node is None:
            offset = mark.offset if target is None else word.offset
            node = Call(offset, word.text, target, args)
        return self._checked(node)

    def _message(self, name: str, offset: int) -> Node:
        self.expect("{")
        return self._checked(MessageNode(offset, name, self._items("}", self._field)))

    def _entry(self) -> tuple[Node, Node]:
        key = self.expression()
        self.expect(":")
        return key, self.expression()

    def _field(self) -> tuple[str, int, Node]:
        word = self.expect("name")
        self.expect(":")
        return word.text, word.offset, self.expression()

    def _items(
        self, end: str, item: Callable[[], _T], *, may_end_in_comma: bool = True
    ) -> list[_T]:
        self._enter()
        items: list[_T] = []
        while self._next.kind not in {end, ","} or (items and not may_end_in_comma):
            items.append(item())
            if not self._take(","):
                break
            if self._next.kind == end and not may_end_in_comma:
                raise self._error(self._next, f"an expression was expected, found {end}")
        else:
            if may_end_in_comma and not items:
                self._take(",")
        self._leave(end)
        return items

    def _nested(self, end: str) -> Node:
        self._enter()
        node = self.expression()
        self._leave(end)
        return node

    def _enter(self) -> None:
        self._nesting += 1
        if self._nesting > _MAX_NESTING:
            raise self._error(self._next, f"at most {_MAX_NESTING} nested brackets were expected")

    def _leave(self, end: str) -> None:
        self.expect(end)
        self._nesting -= 1

    def _checked(self, node: Node) -> Node:
        node.depth = 1 + max((child.depth for child in children_of(node)), default=0)
        self._check_depth(node)
        return node

    def _check_depth(self, node: Node) -> None:
        if node.depth > _MAX_DEPTH:
            message = f"an expression of at most {_MAX_DEPTH} levels was expected"
            raise error_at(self._text, node.offset, message)

    def _take(self, kind: str) -> Token | None:
        return self._advance() if self._next.kind == kind else None

    def _advance(self) -> Token:
        token = self._next
        self._next = next(self._tokens, token)
        return token

    def _error(self, token: Token, message: str) -> CelError:
        return error_at(self._text, token.offset, message)
