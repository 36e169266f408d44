# SPDX-License-Identifier: Apache-2.0
"""The function table: every function and operator that a call may name, except those that look at
their arguments one by one (`&&`, `||`, `?:`) or take any two values (`==`, `in`, indexing).
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from . import arithmetic, comparison, conversions, network, operators, texts, times
from .overloads import Dispatch, Overload

if TYPE_CHECKING:
    from .overloads import Function

__all__ = ["Dispatch", "Overload", "overloads_of"]

_ROWS: tuple[Function, ...] = (
    *arithmetic.ROWS,
    *comparison.ROWS,
    *conversions.ROWS,
    *network.ROWS,
    *operators.ROWS,
    *texts.ROWS,
    *times.ROWS,
)


@cache
def overloads_of(name: str) -> tuple[Overload, ...]:
    """All overloads of a function, in the order of the table; none for an unknown one."""
    return tuple(one for row in _ROWS if row.name == name for one in row.overloads)
