# SPDX-License-Identifier: Apache-2.0
"""What Kubernetes' label selectors ask of labels; how they are written is not known here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    Labels = Mapping[str, str]

__all__ = ["NEGATIVE", "Requirement", "condition"]

NEGATIVE: Final = frozenset(("NotIn", "DoesNotExist"))
"""Operators that hold where the label is missing."""


class Requirement(NamedTuple):
    """One condition of a selector."""

    key: str
    operator: str
    """In, NotIn, Exists or DoesNotExist."""
    values: frozenset[str] = frozenset()
    """Of In and NotIn."""


def condition(key: str, operator: str, values: Iterable[str] = ()) -> Callable[[Labels], bool]:
    """The condition as a function; the values are those of In and NotIn."""
    wanted = frozenset(values)
    match operator:
        case "In":
            return lambda labels: labels.get(key) in wanted
        case "NotIn":
            return lambda labels: labels.get(key) not in wanted
        case "Exists":
            return lambda labels: key in labels
        case _:
            return lambda labels: key not in labels
