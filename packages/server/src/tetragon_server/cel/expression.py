# SPDX-License-Identifier: Apache-2.0
"""An expression over one event: from its text to what it says about an event."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .checker import check
from .declarations import event_declarations
from .errors import CelRuntimeError, error_at
from .evaluator import Program
from .parser import parse
from .values import type_name

if TYPE_CHECKING:
    from tetragon.events_pb2 import GetEventsResponse

    from .declarations import Declarations

__all__ = ["Expression", "compile_with"]


class Expression:
    """A compiled expression.

    kinds are the field numbers of the events that it mentions: those whose message is the type of
    a part of it. An event of another kind is not for this expression.
    """

    def __init__(self, text: str, kinds: frozenset[int], program: Program) -> None:
        self.text = text
        self.kinds = kinds
        self._program = program

    def evaluate(self, response: GetEventsResponse) -> bool:
        """Decide for one event; CelRuntimeError if the expression has no value for it."""
        value = self._program.evaluate(response)
        if value is True or value is False:
            return value
        raise CelRuntimeError(f"bool was expected as result, found {type_name(value)}")


def compile_with(text: str, declarations: Declarations | None = None) -> Expression:
    """Compile for the events of the API, or for other names; CelError says what is wrong where."""
    declarations = declarations or event_declarations()
    try:
        root = parse(text)
        kinds = check(text, root, declarations)
        return Expression(text, kinds, Program(root, declarations))
    except RecursionError:
        raise error_at(text, 0, "an expression that is nested less deeply was expected") from None
