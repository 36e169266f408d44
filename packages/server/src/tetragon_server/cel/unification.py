# SPDX-License-Identifier: Apache-2.0
"""Finding out what type variables stand for. One Unifier lives as long as one check.

The rules are those of the CEL language definition; where that leaves room, those of upstream's
library: a null goes where a message, time or wrapper is wanted, a wrapper goes where what it
wraps is wanted.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from .types import DYN, NULL, Type, TypeTooLargeError, is_more_general, same, variable

__all__ = ["Unifier"]

_MAX_STEPS: Final = 200_000
"""Comparisons of two types during one check; a filter of a hundred terms needs a few thousand."""

_NULLABLE = frozenset({"message", "opaque", "duration", "timestamp", "wrapper", "null"})


class Unifier:
    """Remembers what type variables stand for; a try that fails leaves no trace."""

    def __init__(self) -> None:
        self._bound: dict[str, Type] = {}
        self._trail: list[tuple[str, Type | None]] = []
        self._names = 0
        self._steps = 0

    def fresh(self) -> Type:
        """Make a type variable that nothing is known about."""
        self._names += 1
        return variable(f"_{self._names}")

    def fresh_copies(self, types: tuple[Type, ...]) -> tuple[Type, ...]:
        """Replace the named variables of a function's types by fresh ones, the same name alike."""
        fresh: dict[str, Type] = {}

        def copy(one: Type) -> Type:
            if one.kind == "variable":
                return fresh.setdefault(one.name, self.fresh())
            if one.has_variables:
                return replace(one, params=tuple(copy(param) for param in one.params))
            return one

        return tuple(copy(one) for one in types)

    def known(self, one: Type, *, final: bool = False) -> Type:
        """Replace variables by what they stand for; if final, those left over by dyn."""
        self._step()
        if not one.has_variables:
            return one
        if one.kind != "variable":
            return replace(one, params=tuple(self.known(p, final=final) for p in one.params))
        if one.name in self._bound:
            return self.known(self._bound[one.name], final=final)
        return DYN if final else one

    def assign(self, values: tuple[Type, ...], wanted: tuple[Type, ...]) -> bool:
        """Values may stand where wanted are wanted; then, and only then, variables are bound."""
        if len(values) != len(wanted):
            return False
        mark = len(self._trail)
        if all(self._assign(*pair) for pair in zip(values, wanted, strict=True)):
            return True
        while len(self._trail) > mark:
            name, before = self._trail.pop()
            if before is None:
                del self._bound[name]
            else:
                self._bound[name] = before
        return False

    def join(self, left: Type, right: Type) -> Type:
        """The type of a list that holds both: the more general one, dyn where none is."""
        if self.assign((left,), (right,)):
            return left if is_more_general(left, right) else right
        return DYN

    def _assign(self, value: Type, wanted: Type) -> bool:
        self._step()
        fits, is_known = False, False
        if wanted.kind == "variable":
            fits, is_known = self._stands_for(wanted, value)
        if value.kind == "variable" and not fits and not is_known:
            fits, is_known = self._stands_for(value, wanted)[0], True
        if fits or is_known:
            return fits
        if DYN in (value, wanted):
            return True
        if NULL in (value, wanted):
            return (wanted if value == NULL else value).kind in _NULLABLE
        if value.kind == wanted.kind and value.kind in {"list", "map"}:
            pairs = zip(value.params, wanted.params, strict=True)
            return all(self._assign(*pair) for pair in pairs)
        return value.kind == wanted.kind == "type" or same(value, wanted)

    def _stands_for(self, name: Type, one: Type) -> tuple[bool, bool]:
        """Bind name to one if they agree; also tells whether something was known of name."""
        if name == one:
            return True, True
        bound = self._bound.get(name.name)
        if bound is None:
            if not self._is_free_of(name, one):
                return False, False
            self._bind(name.name, one)
            return True, False
        if same(one, bound):
            return True, True
        if not self._assign(one, bound):
            return False, True
        general = one if is_more_general(one, bound) else bound
        if self._is_free_of(name, general):
            self._bind(name.name, general)
        return True, True

    def _is_free_of(self, name: Type, one: Type) -> bool:
        self._step()
        if one.kind == "variable":
            bound = self._bound.get(one.name)
            return one != name and (bound is None or self._is_free_of(name, bound))
        return all(self._is_free_of(name, param) for param in one.params)

    def _bind(self, name: str, one: Type) -> None:
        self._trail.append((name, self._bound.get(name)))
        self._bound[name] = one

    def _step(self) -> None:
        self._steps += 1
        if self._steps > _MAX_STEPS:
            raise TypeTooLargeError("an expression with simpler types was expected")
