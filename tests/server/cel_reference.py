# SPDX-License-Identifier: Apache-2.0
"""The reference: Google's CEL for C++, with the same names as ours. It lacks Kubernetes' libraries.

Where it differs from the CEL for Go that upstream uses, upstream's library counts: see
`test_cel_differences.py`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

from cel_expr_python import cel  # type: ignore[import-untyped]  # it ships stubs, but no py.typed

from tetragon.events_pb2 import GetEventsResponse
from tetragon_server.cel import CelError, CelRuntimeError, compile_expression

if TYPE_CHECKING:
    from collections.abc import Iterable

    Outcome = Literal["rejected", "error"] | bool

__all__ = ["our_outcomes", "reference_outcomes"]

_EVENTS = GetEventsResponse.DESCRIPTOR.oneofs_by_name["event"].fields
_ENVIRONMENT = cel.NewEnv(
    variables={
        one.name: cel.Type(one.message_type.full_name) for one in _EVENTS if one.message_type
    },
    container="tetragon",
)
_MIXED_ORDER = re.compile(r"no matching overload for '_[<>]=?_'")
_MACRO = re.compile(r"\.(?:all|exists|exists_one|filter|map)\(")


def our_outcomes(text: str, events: Iterable[GetEventsResponse]) -> list[Outcome]:
    """What our implementation says about each event."""
    try:
        expression = compile_expression(text)
    except CelError:
        return ["rejected" for _ in events]
    outcomes: list[Outcome] = []
    for event in events:
        try:
            outcomes.append(expression.evaluate(event))
        except CelRuntimeError:
            outcomes.append("error")
    return outcomes


def reference_outcomes(text: str, events: Iterable[GetEventsResponse]) -> list[Outcome] | None:
    """What the reference says; None where it is known to be stricter than upstream's library.

    That is the order of numbers of different types after a macro.
    """
    try:
        expression = _ENVIRONMENT.compile(text)
    except RuntimeError as error:
        is_stricter = _MIXED_ORDER.search(str(error)) and _MACRO.search(text)
        return None if is_stricter else ["rejected" for _ in events]
    if expression.return_type().name() != "BOOL":
        return ["rejected" for _ in events]
    return [_evaluated(expression, event) for event in events]


def _evaluated(expression: cel.Expression, event: GetEventsResponse) -> Outcome:
    try:
        value = expression.eval(data={one.name: getattr(event, one.name) for one in _EVENTS})
    except RuntimeError:
        return "error"
    return bool(value.plain_value()) if value.type().name() == "BOOL" else "error"
