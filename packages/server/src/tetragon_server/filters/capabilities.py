# SPDX-License-Identifier: Apache-2.0
"""The filter `capabilities`: each given set has one key, and all given sets have to match."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from .errors import FilterError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tetragon import events_pb2 as events_pb

    from .subject import Predicate, Subject

    Numbers = frozenset[int]

__all__ = ["compile_capabilities"]

_SETS: Final = ("effective", "inheritable", "permitted")

_COMPARISONS: Final[dict[str, Callable[[Numbers, Numbers], bool]]] = {
    "any": lambda has, listed: not has.isdisjoint(listed),
    "all": lambda has, listed: has >= listed,
    "exactly": lambda has, listed: has == listed,
    "none": lambda has, listed: has.isdisjoint(listed),
}


def compile_capabilities(wanted: events_pb.CapFilter) -> Predicate:
    """Raises FilterError for a set with no key or several."""
    checks = [
        (name, *_comparison(name, getattr(wanted, name))) for name in _SETS if wanted.HasField(name)
    ]

    def matches(subject: Subject) -> bool:
        process = subject.process
        if process is None or not process.HasField("cap"):
            return False
        capabilities = process.cap
        return all(
            compare(frozenset(getattr(capabilities, name)), listed)
            for name, compare, listed in checks
        )

    return matches


def _comparison(
    name: str, wanted: events_pb.CapFilterSet
) -> tuple[Callable[[Numbers, Numbers], bool], Numbers]:
    given = wanted.ListFields()
    if len(given) != 1:
        keys = ", ".join(field.name for field, _ in given) or "none"
        raise FilterError(
            f"capabilities: {name} needs exactly one of {', '.join(_COMPARISONS)}; found {keys}"
        )
    [(field, values)] = given
    return _COMPARISONS[field.name], frozenset(values)
