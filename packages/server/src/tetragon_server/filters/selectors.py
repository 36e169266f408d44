# SPDX-License-Identifier: Apache-2.0
"""Label selectors in Kubernetes' text form: `app=web,tier in (a, b),!old`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from tetragon_core.workloads.labels import condition

from .errors import FilterError, quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Labels = Mapping[str, str]
    Requirement = Callable[[Labels], bool]

__all__ = ["compile_selector"]

_TOKEN: Final = re.compile(r"[ \t\r\n]*(==|!=|[=!(),<>]|[^=!(),<> \t\r\n]+|\Z)")
_WORD: Final = r"[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
_VALUE: Final = re.compile(f"(?:{_WORD})?")
_KEY: Final = re.compile(
    rf"(?:(?=[^/]{{1,253}}/)[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*/)?{_WORD}"
)
_NUMBER: Final = re.compile(r"[0-9]{1,19}")
_SYMBOLS: Final = frozenset(("==", "!=", "=", "!", "(", ")", ",", "<", ">", ""))
_END: Final = ""
_WANTED: Final = "write k=v, k!=v, k in (a,b), k notin (a,b), k or !k, with commas between"


def compile_selector(name: str, text: str) -> Requirement:
    """Does it select these labels? Raises FilterError; `name` is the field's."""
    return _Parser(name, text).selector()


class _Parser:
    """Reads one selector, token by token."""

    def __init__(self, name: str, text: str) -> None:
        self._name = name
        self._text = text
        self._tokens = [found[1] for found in _TOKEN.finditer(text)]
        self._at = 0

    def selector(self) -> Requirement:
        """All requirements of it; an empty one selects everything."""
        requirements: list[Requirement] = []
        if self._next != _END:
            requirements.append(self._requirement())
            while self._take() == ",":
                requirements.append(self._requirement())
            self._at -= 1
        if self._next != _END:
            raise self._error(f"unexpected {quoted(self._next)}")
        return lambda labels: all(fulfils(labels) for fulfils in requirements)

    @property
    def _next(self) -> str:
        return self._tokens[self._at]

    def _take(self) -> str:
        self._at += 1
        return self._tokens[self._at - 1]

    def _requirement(self) -> Requirement:
        is_negated = self._next == "!"
        if is_negated:
            self._at += 1
        key = self._take()
        if not _KEY.fullmatch(key):
            raise self._error(f"{quoted(key)} is no label key")
        if is_negated:
            return condition(key, "DoesNotExist")
        if self._next in {",", _END}:
            return condition(key, "Exists")
        return self._comparison(key, self._take())

    def _comparison(self, key: str, operator: str) -> Requirement:
        if operator in {"<", ">"}:
            return self._order(key, is_less=operator == "<")
        if operator not in {"=", "==", "!=", "in", "notin"}:
            raise self._error(f"unexpected {quoted(operator)} after {quoted(key)}")
        values = self._values() if operator.endswith("in") else frozenset((self._value(),))
        if operator in {"!=", "notin"}:
            return condition(key, "NotIn", values)
        return condition(key, "In", values)

    def _order(self, key: str, *, is_less: bool) -> Requirement:
        """Kubernetes has it too: labels that are numbers."""
        limit = self._value()
        if not _NUMBER.fullmatch(limit):
            raise self._error(f"{quoted(limit)} is no number")
        bound = int(limit)

        def fulfils(labels: Labels) -> bool:
            if key not in labels or not _NUMBER.fullmatch(labels[key]):
                return False
            value = int(labels[key])
            return value < bound if is_less else value > bound

        return fulfils

    def _value(self) -> str:
        """The one value of an equation; it may be missing."""
        value = "" if self._next in _SYMBOLS else self._take()
        if not _VALUE.fullmatch(value):
            raise self._error(f"{quoted(value)} is no label value")
        return value

    def _values(self) -> frozenset[str]:
        if self._take() != "(":
            raise self._error("a list in parentheses is missing")
        values = [self._value()]
        while (after := self._take()) == ",":
            values.append(self._value())
        if after != ")":
            raise self._error("a closing parenthesis is missing")
        return frozenset(values)

    def _error(self, what: str) -> FilterError:
        return FilterError(f"{self._name}: {quoted(self._text)}: {what}; {_WANTED}")
