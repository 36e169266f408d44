# SPDX-License-Identifier: Apache-2.0
"""Options that choose events and their fields, and the request they make. Nothing is matched here:
the agent does that, or its own code when events are read from a file.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import click

from .boolean import boolean_option
from .comma_list import CommaList, flatten

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from tetragon.events_pb2 import GetEventsRequest, GetEventsResponse

__all__ = ["EVENT_TYPES", "EventChoice", "event_filter_options"]

EVENT_TYPES: Final = (
    "PROCESS_EXEC",
    "PROCESS_EXIT",
    "PROCESS_KPROBE",
    "PROCESS_LOADER",
    "PROCESS_LSM",
    "PROCESS_THROTTLE",
    "PROCESS_TRACEPOINT",
    "PROCESS_UPROBE",
    "PROCESS_USDT",
    "RATE_LIMIT_INFO",
    "TEST",
    "UNDEF",
)
"""Names of the API's EventType; not read from there, so that --help needs no protobuf."""


@dataclass(frozen=True, slots=True)
class _Row:
    """One list option: its flags, and the field of Filter that its values go to."""

    flags: tuple[str, ...]
    field: str
    text: str = ""
    """Without a text it is a hidden synonym."""


_ROWS: Final = (
    _Row(("-n", "--namespace"), "namespace", "Events in these Kubernetes namespaces."),
    _Row(("--namespaces",), "namespace"),
    _Row(("--namespace-regex",), "namespace_regex", "The same by regular expression."),
    _Row(("--pod",), "pod_regex", "Events in pods whose name matches."),
    _Row(("--pods",), "pod_regex"),
    _Row(("--containers",), "container_name_regex"),
    _Row(("--process",), "binary_regex", "Events of processes whose path matches."),
    _Row(("--processes",), "binary_regex"),
    _Row(("--policy-names",), "policy_names", "Events of these tracing policies."),
    _Row(
        ("--cel-expression",),
        "cel_expression",
        "Events this is true for; write one with commas in double quotes.",
    ),
)


@dataclass(frozen=True, slots=True)
class EventChoice:
    """What the options ask for."""

    filters: Mapping[str, Sequence[str]]
    """Field of Filter to values; what was not asked for is not in it."""
    included: Sequence[str] = ()
    excluded: Sequence[str] = ()

    def request(self) -> GetEventsRequest:
        """As Tetragon's client sends it: always one filter, which may be empty."""
        from tetragon import events_pb2 as events_pb  # noqa: PLC0415  # --help needs no protobuf

        request = events_pb.GetEventsRequest()
        only = request.allow_list.add()
        for field, values in self.filters.items():
            getattr(only, field).extend(values)
        for action, paths in (
            (events_pb.INCLUDE, self.included),
            (events_pb.EXCLUDE, self.excluded),
        ):
            if paths:
                request.field_filters.add(action=action).fields.paths.extend(paths)
        return request

    def select(self, events: Iterator[GetEventsResponse]) -> Iterator[GetEventsResponse]:
        """What the request would bring, of events that come from elsewhere."""
        if not (self.filters or self.included or self.excluded):
            return events
        from .selecting import select  # noqa: PLC0415  # the agent's code, with regular expressions

        return select(events, self.request())


def event_filter_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Decorator adding the options; the function gets one argument `choice`, an EventChoice."""

    @functools.wraps(function)
    def with_choice(*args: Any, **values: Any) -> Any:  # noqa: ANN401  # as the function
        return function(*args, choice=_take_choice(values), **values)

    decorated: Callable[..., Any] = with_choice
    for decorate in reversed((*map(_list_option, _ROWS), *_OTHERS)):
        decorated = decorate(decorated)
    return decorated


def _take_choice(values: dict[str, Any]) -> EventChoice:
    """Our part of a command's arguments, which are taken out of `values`."""
    filters: dict[str, list[str]] = {}
    for row in _ROWS:
        filters.setdefault(row.field, []).extend(flatten(values.pop(_parameter(row))))
    filters["event_set"] = list(values.pop("event_types"))
    if values.pop("host"):
        filters["namespace"].append("")  # means processes without a pod
    return EventChoice(
        {field: chosen for field, chosen in filters.items() if chosen},
        flatten(values.pop("include_fields")),
        flatten(values.pop("exclude_fields")),
    )


def _parameter(row: _Row) -> str:
    return row.flags[-1].removeprefix("--").replace("-", "_")


def _list_option(row: _Row) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    return click.option(
        *row.flags, type=CommaList(), multiple=True, hidden=not row.text, help=row.text
    )


_OTHERS: Final = (
    boolean_option("--host", text="Events of processes in no pod; adds to --namespace."),
    click.option(
        "-e",
        "--event-types",
        type=click.Choice(EVENT_TYPES),
        multiple=True,
        metavar="TYPE",
        help="Events of this type, for example PROCESS_EXEC; one for each -e.",
    ),
    click.option(
        "-f",
        "--include-fields",
        type=CommaList(),
        multiple=True,
        help="Only these fields of events: process.binary,parent.pid.",
    ),
    click.option(
        "-F",
        "--exclude-fields",
        type=CommaList(),
        multiple=True,
        help="Leave out these fields; stronger than -f.",
    ),
)
