# SPDX-License-Identifier: Apache-2.0
"""The table of filters: what each field of the API's Filter means. A new field is a row here.

All given fields of a Filter have to match, and of a list's values one. An event that lacks what a
field looks at does not match it, which is why most rows name the kinds of events that may.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from tetragon import events_pb2 as events_pb

from .capabilities import compile_capabilities
from .cel_filter import compile_cel
from .errors import FilterError
from .patterns import compile_patterns
from .pid_set import PidSet
from .selectors import compile_selector
from .subject import ALL_KINDS, ANCESTOR_KINDS, PARENT_KINDS, POLICY_KINDS, PROCESS_KINDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from google.protobuf.wrappers_pb2 import BoolValue

    from tetragon import tetragon_pb2 as pb

    from .subject import Predicate, Subject
    from .work import Work

    # The values of a field have the type the API says, hence Any.
    Compile = Callable[[str, Any, events_pb.Filter, Work], "Check"]
    Look = Callable[[Subject], str | None]

__all__ = ["ROWS", "Check"]

_EXACT: Final = 0
_SEARCH: Final = 1
_EVALUATE: Final = 2


class Check(NamedTuple):
    """One field of a Filter, compiled."""

    kinds: frozenset[int]
    """Kinds of events that it can match."""
    matches: Predicate | None = None
    """None: the kinds decide."""
    cost: int = _EXACT
    """Cheap ones are asked first."""
    follows: PidSet | None = None
    """Has to see every event with a process."""


def _event_set(_: str, kinds: Iterable[int], __: events_pb.Filter, ___: Work) -> Check:
    return Check(frozenset(kinds) & ALL_KINDS)


def _pid(_: str, pids: Iterable[int], __: events_pb.Filter, ___: Work) -> Check:
    wanted = frozenset(pids)
    return Check(
        PROCESS_KINDS,
        lambda subject: subject.process is not None and subject.process.pid.value in wanted,
    )


def _pid_set(_: str, pids: Iterable[int], __: events_pb.Filter, work: Work) -> Check:
    if not work.rules.allow_pid_set:
        raise FilterError("pid_set: not allowed here; the agent's option enable-pid-set-filter is")
    state = PidSet(pids)
    return Check(PROCESS_KINDS, state.matches, follows=state)


def _namespace(_: str, names: Iterable[str], __: events_pb.Filter, ___: Work) -> Check:
    wanted = frozenset(names)

    def matches(subject: Subject) -> bool:
        process = subject.process
        if process is None:
            return False
        return (process.pod.namespace if process.HasField("pod") else "") in wanted

    return Check(PROCESS_KINDS, matches)


def _health_check(_: str, wanted: BoolValue, __: events_pb.Filter, ___: Work) -> Check:
    value = wanted.value

    def matches(subject: Subject) -> bool:
        return value == (_is_probe(subject.process) or _is_probe(subject.parent))

    return Check(PROCESS_KINDS if value else ALL_KINDS, matches)


def _is_probe(process: pb.Process | None) -> bool:
    return process is not None and process.pod.container.maybe_exec_probe


def _in_init_tree(_: str, wanted: BoolValue, __: events_pb.Filter, ___: Work) -> Check:
    value = wanted.value
    return Check(
        PROCESS_KINDS,
        lambda subject: subject.process is not None and subject.process.in_init_tree.value == value,
    )


def _policy_names(_: str, names: Iterable[str], __: events_pb.Filter, ___: Work) -> Check:
    # Tetragon forgot the newest kind, usdt; who names a policy wants all of its events.
    wanted = frozenset(names) - {""}
    return Check(POLICY_KINDS, lambda subject: subject.event.policy_name in wanted)


def _capabilities(_: str, wanted: events_pb.CapFilter, __: events_pb.Filter, work: Work) -> Check:
    if not work.rules.with_process_cred:
        raise FilterError(
            "capabilities: events have none; start the agent with enable-process-cred"
        )
    return Check(PROCESS_KINDS, compile_capabilities(wanted))


def _labels(name: str, texts: Iterable[str], _: events_pb.Filter, work: Work) -> Check:
    selectors = []
    for text in texts:
        work.add_expression(name, text)
        selectors.append(compile_selector(name, text))

    def matches(subject: Subject) -> bool:
        process = subject.process
        if process is None or not process.HasField("pod"):
            return False
        labels = process.pod.pod_labels
        return any(selects(labels) for selects in selectors)

    return Check(PROCESS_KINDS, matches, _SEARCH)


def _cel_expression(_: str, texts: Iterable[str], __: events_pb.Filter, work: Work) -> Check:
    return Check(*compile_cel(texts, work), _EVALUATE)


def _ancestor_binary_regex(
    name: str, patterns: Iterable[str], filter_: events_pb.Filter, work: Work
) -> Check:
    for kind in sorted(filter_.event_set or ANCESTOR_KINDS):
        _check_ancestors(name, kind, work.rules.ancestors)
    searches = compile_patterns(name, patterns, work)

    def matches(subject: Subject) -> bool:
        return any(
            search(ancestor.binary) for ancestor in subject.event.ancestors for search in searches
        )

    return Check(ANCESTOR_KINDS, matches, _SEARCH)


def _check_ancestors(name: str, kind: int, enabled: frozenset[str]) -> None:
    """Raise FilterError for a kind of event that comes without ancestors."""
    known = kind in ALL_KINDS
    shown = events_pb.EventType.Name(kind) if known else f"event type {kind}"
    if kind not in ANCESTOR_KINDS:
        raise FilterError(f"{name}: {shown} never has ancestors; name other types in event_set")
    is_base = kind in {events_pb.PROCESS_EXEC, events_pb.PROCESS_EXIT}
    word = "base" if is_base else shown.removeprefix("PROCESS_").lower()
    if word not in enabled:
        needed = word if is_base else f"base,{word}"
        raise FilterError(
            f"{name}: {shown} has no ancestors here; start the agent with"
            f" enable-ancestors={needed}, or name other types in event_set"
        )


def _searching(kinds: frozenset[int], look: Look) -> Compile:
    """A row of patterns for the text that `look` finds; None is never searched."""

    def compile_row(name: str, patterns: Iterable[str], _: events_pb.Filter, work: Work) -> Check:
        searches = compile_patterns(name, patterns, work)

        def matches(subject: Subject) -> bool:
            text = look(subject)
            return text is not None and any(search(text) for search in searches)

        return Check(kinds, matches, _SEARCH)

    return compile_row


def _in_process(read: Callable[[pb.Process], str | None]) -> Compile:
    def look(subject: Subject) -> str | None:
        return None if subject.process is None else read(subject.process)

    return _searching(PROCESS_KINDS, look)


def _in_parent(read: Callable[[pb.Process], str | None]) -> Compile:
    def look(subject: Subject) -> str | None:
        parent = subject.parent
        return None if parent is None else read(parent)

    return _searching(PARENT_KINDS, look)


def _in_pod(read: Callable[[pb.Pod], str | None]) -> Compile:
    return _in_process(lambda process: read(process.pod) if process.HasField("pod") else None)


def _container_name(pod: pb.Pod) -> str | None:
    return pod.container.name if pod.HasField("container") else None


ROWS: Final[Mapping[str, Compile]] = {
    "binary_regex": _in_process(lambda process: process.binary),
    "namespace": _namespace,
    "health_check": _health_check,
    "pid": _pid,
    "pid_set": _pid_set,
    "event_set": _event_set,
    "pod_regex": _in_pod(lambda pod: pod.name),
    "arguments_regex": _in_process(lambda process: process.arguments),
    "labels": _labels,
    "policy_names": _policy_names,
    "capabilities": _capabilities,
    "parent_binary_regex": _in_parent(lambda parent: parent.binary),
    "cel_expression": _cel_expression,
    "parent_arguments_regex": _in_parent(lambda parent: parent.arguments),
    "container_id": _in_process(lambda process: process.docker),
    "in_init_tree": _in_init_tree,
    "ancestor_binary_regex": _ancestor_binary_regex,
    "container_name_regex": _in_pod(_container_name),
    "namespace_regex": _in_pod(lambda pod: pod.namespace),
}
"""Field of Filter to what compiles it, in the order of the API."""
