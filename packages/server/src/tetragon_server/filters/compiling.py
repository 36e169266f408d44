# SPDX-License-Identifier: Apache-2.0
"""Lists of filters to one decision for each kind of event. What a field means is in `rows.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from google.protobuf.unknown_fields import UnknownFieldSet

from .errors import FilterError
from .rows import ROWS
from .subject import ALL_KINDS, PROCESS_KINDS, Subject
from .work import Work

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tetragon import events_pb2 as events_pb

    from ..filter_rules import FilterRules
    from .pid_set import PidSet
    from .subject import Predicate

    # All have to match; of several of them one.
    Conditions = Sequence[Predicate]

__all__ = ["Compiled", "compile_filters"]


class Compiled(NamedTuple):
    """What the filters let through."""

    kinds: frozenset[int] | None
    """The kinds of events that have to be looked at; None is all of them."""
    matches: Callable[[events_pb.GetEventsResponse], bool] | None
    """Is an event of these kinds wanted? None: all are."""


class _Filter(NamedTuple):
    """One Filter."""

    kinds: frozenset[int]
    conditions: Conditions
    """Beyond the kind; none: every event of the kinds matches."""
    follows: Sequence[PidSet]


class _Decision(NamedTuple):
    """What is asked about the events of one kind."""

    allow: Sequence[Conditions] | None
    """None: nothing is asked, they are allowed."""
    deny: Sequence[Conditions]


def compile_filters(
    allow: Sequence[events_pb.Filter],
    deny: Sequence[events_pb.Filter],
    rules: FilterRules,
    work: Work | None = None,
) -> Compiled:
    """Events that a filter of `allow` matches, or all without one, and that none of `deny` does.

    `work` counts what the same request has asked for elsewhere. Raises FilterError. The result
    keeps state when a filter has `pid_set`: it is for one subscriber.
    """
    work = work or Work(rules)
    work.check_filters(allow, deny)
    allowed = [_compile(one, work) for one in allow]
    denied = [_compile(one, work) for one in deny]
    decisions = {
        kind: decision for kind in ALL_KINDS if (decision := _decide(kind, allowed, denied))
    }
    follows = [state for one in (*allowed, *denied) for state in one.follows]
    kinds = frozenset(decisions) | (PROCESS_KINDS if follows else frozenset())
    is_open = all(one.allow is None and not one.deny for one in decisions.values())
    return Compiled(
        None if kinds >= ALL_KINDS else kinds,
        None if is_open and kinds == decisions.keys() else _matcher(decisions, follows),
    )


def _compile(wanted: events_pb.Filter, work: Work) -> _Filter:
    unknown = UnknownFieldSet(wanted)
    if len(unknown):
        # Showing more than was asked for would be wrong without anyone noticing.
        raise FilterError(
            f"filter field number {unknown[0].field_number} is not known here; leave it out"
        )
    checks = []
    for field, values in wanted.ListFields():
        if field.is_repeated:
            work.add_values(field.name, len(values))
        checks.append(ROWS[field.name](field.name, values, wanted, work))
    checks.sort(key=lambda check: check.cost)
    kinds = ALL_KINDS.intersection(*(check.kinds for check in checks))
    conditions = [check.matches for check in checks if check.matches is not None]
    return _Filter(
        kinds, conditions, [check.follows for check in checks if check.follows is not None]
    )


def _decide(kind: int, allowed: Sequence[_Filter], denied: Sequence[_Filter]) -> _Decision | None:
    """None when no event of this kind is wanted."""
    allow = [one.conditions for one in allowed if kind in one.kinds]
    deny = [one.conditions for one in denied if kind in one.kinds]
    if (allowed and not allow) or not all(deny):
        return None
    return _Decision(allow if all(allow) and allow else None, deny)


def _matcher(
    decisions: dict[int, _Decision], follows: Sequence[PidSet]
) -> Callable[[events_pb.GetEventsResponse], bool]:
    def matches(response: events_pb.GetEventsResponse) -> bool:
        subject = Subject(response)
        for state in follows:
            state.observe(subject)
        decision = decisions.get(subject.kind)
        if decision is None:
            return False
        allow, deny = decision
        if allow is not None and not _one_matches(allow, subject):
            return False
        return not _one_matches(deny, subject)

    return matches


def _one_matches(filters: Sequence[Conditions], subject: Subject) -> bool:
    # Loops: a generator for each filter would cost more than most conditions.
    for conditions in filters:
        for condition in conditions:
            if not condition(subject):
                break
        else:
            return True
    return False
