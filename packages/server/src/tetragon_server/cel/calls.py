# SPDX-License-Identifier: Apache-2.0
"""Which overloads of a function take arguments of some types, and what type comes out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .errors import CelError
from .functions import overloads_of
from .types import BOOL, DYN, INT, UINT, same

if TYPE_CHECKING:
    from .declarations import Declarations
    from .nodes import Call
    from .types import Type
    from .unification import Unifier

__all__ = ["CallChecker"]

_LOGIC = frozenset({"_&&_", "_||_"})


class CallChecker:
    """Resolves the calls of one expression. Its errors lack the position: the caller knows it."""

    def __init__(self, unifier: Unifier) -> None:
        self._unifier = unifier
        self._mixed_numbers = False

    def allow_mixed_numbers(self) -> None:
        """From now on < and the like take numbers of two types, as upstream's after a macro."""
        self._mixed_numbers = True

    def is_function(self, name: str) -> bool:
        """True for a name of the function table."""
        return bool(overloads_of(name))

    def result(self, node: Call, args: list[Type], declarations: Declarations) -> Type:
        """The type of a call; args start with the target, if any. Writes the full name."""
        if node.function in _LOGIC:
            if all(self._unifier.assign((one,), (BOOL,)) for one in args):
                return BOOL
            raise self._no_overload(node, args)
        name = next((n for n in declarations.candidates(node.function) if overloads_of(n)), None)
        if name is None:
            raise CelError(f"no function is called {node.function}")
        node.function = name
        result = self._matching(node, tuple(args))
        if result is None:
            raise self._no_overload(node, args)
        return result

    def _matching(self, node: Call, args: tuple[Type, ...]) -> Type | None:
        """The one type that all matching overloads give, dyn where they differ."""
        result: Type | None = None
        for overload in overloads_of(node.function):
            if overload.is_member != (node.target is not None):
                continue
            if overload.is_mixed_numbers and not self._mixed_numbers:
                continue
            *params, given = self._unifier.fresh_copies((*overload.params, overload.result))
            if not self._unifier.assign(args, tuple(params)):
                continue
            found = self._unifier.known(given)
            if result is None:
                result = found
            elif result != DYN and not same(found, result):
                result = DYN
        return result

    def _no_overload(self, node: Call, args: list[Type]) -> CelError:
        shown = [self._unifier.known(one, final=True) for one in args]
        types = ", ".join(map(str, shown))
        hint = ""
        if any(same(one, UINT) for one in shown) and INT in shown:
            hint = "; an unsigned number is written with a u, such as 1u"
        return CelError(f"{_shown(node)} does not take ({types}){hint}")


def _shown(node: Call) -> str:
    """The function as it is written: == for _==_."""
    name = node.function.replace("@", "")
    return {"_?_:_": "?:", "_[_]": "[]"}.get(name) or name.strip("_") or name
