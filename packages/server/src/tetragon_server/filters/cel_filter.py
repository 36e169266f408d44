# SPDX-License-Identifier: Apache-2.0
"""The filter `cel_expression`: which expressions are evaluated, and what a failing one means.

Expressions are tried in order, those that name the event's kind only; the first that is true
matches. One that fails while it runs ends the filter for this event: nothing matches, whatever the
others would say. That is Tetragon's rule, and the failure is logged.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from .errors import FilterError, quoted

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .subject import Predicate, Subject
    from .work import Work

__all__ = ["compile_cel"]

_log = logging.getLogger(__name__)


def compile_cel(texts: Iterable[str], work: Work) -> tuple[frozenset[int], Predicate]:
    """Kinds of events that the expressions name, and the test. Raises FilterError."""
    from ..cel import CelError, CelRuntimeError, compile_expression  # noqa: PLC0415  # few use it

    expressions = []
    for text in texts:
        work.add_cel("cel_expression", text)
        try:
            expressions.append(compile_expression(text))
        except CelError as error:
            told = " ".join(str(error).split())
            raise FilterError(f"cel_expression: {quoted(text)}: {told}") from None

    def matches(subject: Subject) -> bool:
        try:
            return any(
                one.evaluate(subject.response) for one in expressions if subject.kind in one.kinds
            )
        except CelRuntimeError as error:
            # An event a second may fail; who looks for the reason asks for it with --log-level.
            _log.debug("a filter's CEL expression failed: %s", error)
            return False

    return frozenset().union(*(one.kinds for one in expressions)), matches
