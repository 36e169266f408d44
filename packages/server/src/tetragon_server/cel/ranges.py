# SPDX-License-Identifier: Apache-2.0
"""The macros over a list or the keys of a map: all, exists, exists_one, filter and map.

`all` and `exists` treat errors like `&&` and `||`; the others stop at the first one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .errors import CelRuntimeError
from .logic import no_bool
from .values import Map, type_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .evaluation import Frame, Run

__all__ = ["Range", "counting", "deciding_over", "filtering", "mapping"]


class Range:
    """What a macro goes through: each value is put into the macro's variable.

    weight is the number of nodes evaluated for one value: what it takes of the limit.
    """

    def __init__(self, source: Run, local: int, weight: int) -> None:
        self._source = source
        self._local = local
        self._weight = weight

    def values(self, frame: Frame) -> Iterator[object]:
        """Go through the range; CelRuntimeError if it is neither list nor map."""
        source = self._source(frame)
        if not isinstance(source, list | Map):
            raise CelRuntimeError(f"a list or map was expected, found {type_name(source)}")
        for value in source:
            frame.spend(self._weight)
            frame.locals[self._local] = value
            yield value


def deciding_over(range_: Range, predicate: Run, *, decisive: bool) -> Run:
    """Compile exists (a true value decides) or all (a false one does)."""

    def run(frame: Frame) -> bool:
        error: CelRuntimeError | None = None
        for _ in range_.values(frame):
            try:
                value = predicate(frame)
            except CelRuntimeError as raised:
                error = raised
                continue
            if value is decisive:
                return decisive
            if value is not (not decisive):
                error = no_bool(value)
        if error is not None:
            raise error
        return not decisive

    return run


def counting(range_: Range, predicate: Run) -> Run:
    """Compile exists_one."""
    return lambda frame: sum(_holds(predicate, frame) for _ in range_.values(frame)) == 1


def filtering(range_: Range, predicate: Run) -> Run:
    """Compile filter."""
    return lambda frame: [one for one in range_.values(frame) if _holds(predicate, frame)]


def mapping(range_: Range, predicate: Run | None, transform: Run) -> Run:
    """Compile map, with or without the predicate that says which values count."""
    if predicate is None:
        return lambda frame: [transform(frame) for _ in range_.values(frame)]
    return lambda frame: [
        transform(frame) for _ in range_.values(frame) if _holds(predicate, frame)
    ]


def _holds(predicate: Run, frame: Frame) -> bool:
    value = predicate(frame)
    if value is True or value is False:
        return value
    raise no_bool(value)
