# SPDX-License-Identifier: Apache-2.0
"""`&&`, `||` and `?:`. The first two do not mind the order: an error on one side is forgotten where
the other side decides alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .errors import CelRuntimeError
from .values import type_name

if TYPE_CHECKING:
    from .evaluation import Frame, Run

__all__ = ["conditional", "deciding"]


def deciding(operands: list[Run], *, decisive: bool) -> Run:
    """Compile `||` (true decides) or `&&` (false decides); else the first error, if any, stays."""

    def run(frame: Frame) -> bool:
        error: CelRuntimeError | None = None
        for operand in operands:
            try:
                value = operand(frame)
            except CelRuntimeError as raised:
                error = error or raised
                continue
            if value is decisive:
                return decisive
            if value is not (not decisive):
                error = error or no_bool(value)
        if error is not None:
            raise error
        return not decisive

    return run


def conditional(condition: Run, then: Run, otherwise: Run) -> Run:
    """Compile `?:`: only one branch is evaluated."""

    def run(frame: Frame) -> object:
        value = condition(frame)
        if value is True:
            return then(frame)
        if value is False:
            return otherwise(frame)
        raise no_bool(value)

    return run


def no_bool(value: object) -> CelRuntimeError:
    """The error for a value where only true and false make sense."""
    return CelRuntimeError(f"no such overload: bool was expected, found {type_name(value)}")
