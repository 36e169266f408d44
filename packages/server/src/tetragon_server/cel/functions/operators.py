# SPDX-License-Identifier: Apache-2.0
"""The types of operators that the evaluator does itself: the rows tell the checker what may stand
beside them. Only `!` has a function here.
"""

from __future__ import annotations

from typing import Final, NoReturn

from ..types import BOOL, INT
from .overloads import LIST, MAP, A, B, Function, Overload

__all__ = ["ROWS"]


def _by_the_evaluator(*_: object) -> NoReturn:
    raise AssertionError("the evaluator looks at the arguments of this operator itself")


ROWS: Final = (
    Function("!_", (Overload((BOOL,), BOOL, lambda value: not value),)),
    Function("_?_:_", (Overload((BOOL, A, A), A, _by_the_evaluator),)),
    Function("_==_", (Overload((A, A), BOOL, _by_the_evaluator),)),
    Function("_!=_", (Overload((A, A), BOOL, _by_the_evaluator),)),
    Function(
        "@in",
        (
            Overload((A, LIST), BOOL, _by_the_evaluator),
            Overload((A, MAP), BOOL, _by_the_evaluator),
        ),
    ),
    Function(
        "_[_]",
        (
            Overload((LIST, INT), A, _by_the_evaluator),
            Overload((MAP, A), B, _by_the_evaluator),
        ),
    ),
)
