# SPDX-License-Identifier: Apache-2.0
"""The expressions of CelExpr filters: a condition on integer arguments, `arg0 + 1u < arg1`.

Every part has one type, 32 or 64 bits with or without a sign; sums wrap around in it. Types are
mixed with a cast only, but a literal takes the type of what stands beside it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from .argument_types import ARGUMENT_TYPES, Shape
from .numbers import integer_limits

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["COMPARISONS", "Call", "Expression", "Kind", "Literal", "Operand", "parse_expression"]


@dataclass(frozen=True, slots=True)
class Kind:
    """Type of a part."""

    bits: int
    """0: true or false."""
    signed: bool = False

    def __str__(self) -> str:
        """As the cast to it is called."""
        return f"{'' if self.signed else 'u'}int{self.bits}" if self.bits else "bool"


BOOL: Final = Kind(0)
_INT64, _UINT64 = Kind(64, signed=True), Kind(64)
CASTS: Final = {
    **{str(kind): kind for kind in (Kind(32, signed=True), Kind(32), _INT64, _UINT64)},
    "int": _INT64,
    "uint": _UINT64,
}
COMPARISONS: Final = ("==", "!=", "<=", ">=", "<", ">")
_BITWISE: Final = {"and": 2, "or": 2, "xor": 2, "not": 1}
_TRUTHS: Final = {"true": 1, "false": 0}
_MAX_TOKENS: Final = 150
_MAX_NESTING: Final = 24
_TOKEN: Final = re.compile(
    r"(?P<number>0[xX][0-9a-fA-F]+[uU]?|[0-9]+[uU]?)(?![0-9A-Za-z_])|(?P<name>[A-Za-z_][A-Za-z_0-9]*)"
    r"|(?P<sign>&&|\|\||[=!<>]=|[-+<>!(),])"
)
_SPACES: Final = re.compile(r"\s*")
_ARGUMENT: Final = re.compile(r"arg(0|[1-9][0-9]?)")


@dataclass(frozen=True, slots=True)
class Literal:
    """A number; of BOOL 1 or 0."""

    kind: Kind
    value: int


@dataclass(frozen=True, slots=True)
class Operand:
    """The argument at that position in the hook's list."""

    kind: Kind
    position: int


@dataclass(frozen=True, slots=True)
class Call:
    """An operation on parts: `+`, `-`, a comparison, `&&`, `||`, `!`, and, or, xor, not, cast."""

    kind: Kind
    name: str
    parts: tuple[Expression, ...]


Expression = Literal | Operand | Call


@dataclass(frozen=True, slots=True)
class _Token:
    text: str
    column: int
    group: str


def parse_expression(text: str, types: Sequence[str]) -> Expression:
    """The condition in `text`; `types` are those of arg0, arg1 and so on.

    Raises ValueError with the column, counted from 1.
    """
    parser = _Parser(_tokens(text), types)
    found = parser.either()
    parser.end()
    if found.kind != BOOL:
        raise ValueError(f"column 1: the expression is a number ({found.kind}); compare it")
    return found


def _tokens(text: str) -> list[_Token]:
    tokens: list[_Token] = []
    at = _SPACES.match(text).end()  # type: ignore[union-attr]  # matches the empty text
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise ValueError(
                f'column {at + 1}: unexpected "{text[at]}"; allowed: arg0 and so on, numbers, '
                "true, false, + - == != < <= > >= && || ! ( ), casts, and or xor not"
            )
        tokens.append(_Token(match[0], at + 1, str(match.lastgroup)))
        if len(tokens) > _MAX_TOKENS:
            raise ValueError(f"column {at + 1}: more than {_MAX_TOKENS} words and signs")
        at = _SPACES.match(text, match.end()).end()  # type: ignore[union-attr]  # as above
    return [*tokens, _Token("", len(text) + 1, "end")]


class _Parser:
    def __init__(self, tokens: list[_Token], types: Sequence[str]) -> None:
        self.tokens = tokens
        self.types = types
        self.at = 0
        self.nesting = 0

    @property
    def next(self) -> _Token:
        return self.tokens[self.at]

    def take(self) -> _Token:
        token = self.next
        self.at += token.group != "end"
        return token

    def expect(self, sign: str) -> None:
        if self.next.text != sign:
            raise _unexpected(self.next, f'"{sign}"')
        self.take()

    def end(self) -> None:
        if self.next.group != "end":
            raise _unexpected(self.next, "an operator or the end")

    # ---- from the weakest binding to the strongest ----

    def either(self) -> Expression:
        left = self.both()
        while self.next.text == "||":
            sign = self.take()
            left = _logic(sign, left, self.both())
        return left

    def both(self) -> Expression:
        left = self.comparison()
        while self.next.text == "&&":
            sign = self.take()
            left = _logic(sign, left, self.comparison())
        return left

    def comparison(self) -> Expression:
        left = self.sum()
        while self.next.text in COMPARISONS:
            sign = self.take()
            left, right = _alike(sign, left, self.sum())
            if left.kind == BOOL and sign.text not in {"==", "!="}:
                raise _wrong(sign, f"{sign.text} compares numbers, not conditions")
            left = Call(BOOL, sign.text, (left, right))
        return left

    def sum(self) -> Expression:
        left = self.factor()
        while self.next.text in {"+", "-"}:
            sign = self.take()
            left = _numbers(sign, left, self.factor())
        return left

    def factor(self) -> Expression:
        self.nesting += 1
        if self.nesting > _MAX_NESTING:
            raise _wrong(self.next, f"nested more than {_MAX_NESTING} deep")
        token = self.take()
        match token.group, token.text:
            case "sign", "(":
                found = self.either()
                self.expect(")")
            case "sign", "!":
                found = _logic(token, self.factor())
            case "sign", "-":
                found = self._negative(token)
            case "number", _:
                found = _literal(token)
            case "name", _:
                found = self._name(token)
            case _:
                raise _unexpected(token, "an argument, a number, a function or a parenthesis")
        self.nesting -= 1
        return found

    def _negative(self, sign: _Token) -> Expression:
        if self.next.group == "number":
            return _literal(self.take(), sign)
        inner = self.factor()
        if inner.kind == BOOL or not inner.kind.signed:
            raise _wrong(sign, f"a {inner.kind} has no negative; cast it to a signed type")
        return Call(inner.kind, "-", (Literal(inner.kind, 0), inner))

    def _name(self, token: _Token) -> Expression:
        if token.text in _TRUTHS:
            return Literal(BOOL, _TRUTHS[token.text])
        match = _ARGUMENT.fullmatch(token.text)
        if match is not None:
            return self._argument(token, int(match[1]))
        if token.text not in CASTS and token.text not in _BITWISE:
            known = ", ".join(("arg0 and so on", "true", "false", *CASTS, *_BITWISE))
            raise _wrong(token, f'unknown name "{token.text}"; allowed: {known}')
        parts = self._parts()
        wanted = _BITWISE.get(token.text, 1)
        if len(parts) != wanted:
            raise _wrong(token, f"{token.text}() takes {wanted}, found {len(parts)}")
        if token.text in CASTS:
            if parts[0].kind == BOOL:
                raise _wrong(token, f"{token.text}() takes a number, not a condition")
            return Call(CASTS[token.text], "cast", tuple(parts))
        return _numbers(token, *parts)

    def _parts(self) -> list[Expression]:
        self.expect("(")
        parts = [self.either()]
        while self.next.text == ",":
            self.take()
            parts.append(self.either())
        self.expect(")")
        return parts

    def _argument(self, token: _Token, position: int) -> Operand:
        if position >= len(self.types):
            raise _wrong(token, f"there is no {token.text}; the hook has {len(self.types)}")
        kind = ARGUMENT_TYPES[self.types[position]]
        if kind.shape is not Shape.INTEGER:
            raise _wrong(token, f"{token.text} is a {self.types[position]}; integers only")
        return Operand(Kind(max(kind.bits, 32), kind.signed), position)


def _literal(token: _Token, sign: _Token | None = None) -> Literal:
    digits = token.text.rstrip("uU")
    kind = _INT64 if digits == token.text else _UINT64
    value = int(digits, 16) if digits[:2] in {"0x", "0X"} else int(digits)
    if sign is not None:
        value = -value
    low, high = integer_limits(64, signed=kind.signed)
    if kind.signed and high < value < 1 << 64:
        raise _wrong(token, f"{digits} does not fit int64; write {digits}u")
    if not low <= value <= high:
        raise _wrong(token, f"{value} does not fit {kind}: {low} to {high}")
    return Literal(kind, value)


def _logic(sign: _Token, *parts: Expression) -> Call:
    for part in parts:
        if part.kind != BOOL:
            raise _wrong(sign, f"{sign.text} joins conditions, found a number ({part.kind})")
    return Call(BOOL, sign.text, parts)


def _numbers(sign: _Token, left: Expression, *others: Expression) -> Call:
    parts = _alike(sign, left, others[0]) if others else (left,)
    if parts[0].kind == BOOL:
        raise _wrong(sign, f"{sign.text} takes numbers, not conditions")
    return Call(parts[0].kind, sign.text, parts)


def _alike(sign: _Token, left: Expression, right: Expression) -> tuple[Expression, Expression]:
    """Both of one type."""
    left, right = _adapted(left, right.kind), _adapted(right, left.kind)
    if left.kind == right.kind:
        return left, right
    if BOOL in {left.kind, right.kind}:
        raise _wrong(sign, f"{sign.text} between {left.kind} and {right.kind}")
    message = f"{sign.text} between {left.kind} and {right.kind}; cast one with {left.kind}()"
    raise _wrong(sign, f"{message} or {right.kind}()")


def _adapted(part: Expression, kind: Kind) -> Expression:
    """A literal that fits the type gets it; one with `u` only a type without a sign."""
    if not isinstance(part, Literal) or BOOL in {part.kind, kind}:
        return part
    low, high = integer_limits(kind.bits, signed=kind.signed)
    fits = low <= part.value <= high and (part.kind.signed or not kind.signed)
    return replace(part, kind=kind) if fits else part


def _unexpected(token: _Token, allowed: str) -> ValueError:
    found = f'"{token.text}"' if token.text else "the end"
    return _wrong(token, f"found {found}, expected {allowed}")


def _wrong(token: _Token, message: str) -> ValueError:
    return ValueError(f"column {token.column}: {message}")
