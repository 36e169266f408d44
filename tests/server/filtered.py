# SPDX-License-Identifier: Apache-2.0
"""Events and filters for the tests of filters."""

from __future__ import annotations

from typing import Any

from tetragon import events_pb2 as events_pb
from tetragon import tetragon_pb2 as pb
from tetragon_server.filters import FilterRules, compile_filters

ALL_ON = FilterRules(
    with_process_cred=True,
    ancestors=frozenset({"base", "kprobe", "tracepoint", "lsm", "uprobe", "usdt", "loader"}),
)
THROTTLE = events_pb.GetEventsResponse(
    process_throttle=events_pb.ProcessThrottle(cgroup="c"), node_name="n"
)
"""An event without a process."""


def event(kind: str = "process_exec", **fields: Any) -> events_pb.GetEventsResponse:
    """An event of this kind; `fields` are those of its message."""
    response = events_pb.GetEventsResponse(node_name="n")
    getattr(response, kind).MergeFrom(type(getattr(response, kind))(**fields))
    getattr(response, kind).SetInParent()
    return response


def of(**fields: Any) -> events_pb.GetEventsResponse:
    """An exec of a process with these fields."""
    return event(process=process(**fields))


def process(pid: int = 7, **fields: Any) -> pb.Process:
    """A process."""
    return pb.Process(pid={"value": pid}, **fields)


def in_pod(**fields: Any) -> events_pb.GetEventsResponse:
    """An exec in a pod with these fields."""
    return of(pod=pb.Pod(**fields))


def keeps(
    response: events_pb.GetEventsResponse,
    allow: list[events_pb.Filter],
    deny: list[events_pb.Filter] | None = None,
    rules: FilterRules = ALL_ON,
) -> bool:
    """Do the filters let the event through, as a subscription uses them?"""
    kinds, matches = compile_filters(allow, deny or [], rules)
    name = response.WhichOneof("event")
    kind = 0 if name is None else response.DESCRIPTOR.fields_by_name[name].number
    if kinds is not None and kind not in kinds:
        return False
    return matches is None or matches(response)
