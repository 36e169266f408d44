# SPDX-License-Identifier: Apache-2.0
"""What filters of a subscriber cost the agent for each event: `python -m bench.filters`.

In one process, without kernel or network. Times depend on the host, so each is also given as a
multiple of what the event costs without any filter, encoding included, measured in the same run.
"""

from __future__ import annotations

import sys
import time
import timeit
from typing import TYPE_CHECKING, Final, NamedTuple

from tetragon import events_pb2 as events_pb
from tetragon_core.events import ProcessExec
from tetragon_core.messages import ProcessKey
from tetragon_core.process import Image, Process
from tetragon_server.bus import Bus
from tetragon_server.encode import EncodedEvent, EventEncoder
from tetragon_server.filters import FilterRules, compile_view
from tetragon_server.process_message import ProcessBuilder

if TYPE_CHECKING:
    from collections.abc import Callable

_ROUNDS: Final = 15
_EVENTS: Final = 2000
_BINARY: Final = "/usr/bin/ls"
_OTHERS: Final = "^/opt/[a-z]+/bin/tool{}$"


def _filter(**fields: object) -> events_pb.GetEventsRequest:
    request = events_pb.GetEventsRequest()
    only = request.allow_list.add()
    for name, values in fields.items():
        getattr(only, name).extend(values)
    return request


def _fields(action: events_pb.FieldFilterAction, *paths: str) -> events_pb.GetEventsRequest:
    request = events_pb.GetEventsRequest()
    one = request.field_filters.add()
    one.action = action
    one.fields.paths.extend(paths)
    return request


class Case(NamedTuple):
    """One measured request."""

    what: str
    request: events_pb.GetEventsRequest


CASES: Final = (
    Case("event_set, wanted", _filter(event_set=[events_pb.PROCESS_EXEC])),
    Case("event_set, not wanted", _filter(event_set=[events_pb.PROCESS_EXIT])),
    Case("pid, no match", _filter(pid=[1])),
    Case("binary_regex: a plain path", _filter(binary_regex=[_BINARY])),
    Case("binary_regex: a pattern", _filter(binary_regex=["^/usr/bin/[a-z]+$"])),
    Case(
        "binary_regex: 10 patterns, no match",
        _filter(binary_regex=[_OTHERS.format(number) for number in range(10)]),
    ),
    Case("labels: app in (web,db), no pod", _filter(labels=["app in (web,db)"])),
    Case(
        "cel_expression: one comparison",
        _filter(cel_expression=[f"process_exec.process.binary == '{_BINARY}'"]),
    ),
    Case(
        "1,000 filters of one pid, no match",
        events_pb.GetEventsRequest(
            allow_list=[events_pb.Filter(pid=[number]) for number in range(1000, 2000)]
        ),
    ),
    Case(
        "field filter: INCLUDE two fields",
        _fields(events_pb.INCLUDE, "process.binary", "parent.binary"),
    ),
    Case("field filter: EXCLUDE parent", _fields(events_pb.EXCLUDE, "parent")),
)


def main() -> int:
    """Measure and print."""
    encoder = EventEncoder(
        ProcessBuilder(with_credentials=False, with_namespaces=False, host=None, users=None),
        node_name="node-1",
        cluster_name="",
    )
    event = ProcessExec(_process(42), _process(7), 1_700_000_000_123_456_789)
    payload = encoder.encode(event).payload

    bus = Bus(max_events=1 << 30, max_bytes=1 << 40)
    bus.subscribe()
    alone_us = _best_us(lambda: bus.publish(encoder.encode(event)))
    decoded_us = _best_us(lambda: EncodedEvent(events_pb.PROCESS_EXEC, payload).message)
    _print("encode and publish, no filter", alone_us, alone_us)
    _print("decode for filters, once for all subscribers", decoded_us, alone_us)
    for what, request in CASES:
        filtered = Bus(max_events=1 << 30, max_bytes=1 << 40)
        filtered.subscribe(*compile_view(request, FilterRules()))
        publish = filtered.publish
        cost_us = _best_us(lambda: publish(EncodedEvent(events_pb.PROCESS_EXEC, payload)))  # noqa: B023  # called at once
        _print(what, cost_us, alone_us)
    return 0


def _process(pid: int) -> Process:
    process = Process("node-1", ProcessKey(pid, 5000), ProcessKey(0, 1))
    process.pid = pid
    process.flags = "execve clone"
    process.image = Image(binary=_BINARY, arguments="-la /tmp", cwd="/root", uid=0, auid=1000)
    return process


def _best_us(action: Callable[[], object]) -> float:
    """Microseconds of one call, in the quickest of several rounds."""
    rounds = timeit.repeat(action, number=_EVENTS, repeat=_ROUNDS, timer=time.process_time)
    return min(rounds) / _EVENTS * 1e6


def _print(what: str, cost_us: float, alone_us: float) -> None:
    sys.stdout.write(f"{what:48} {cost_us:8.2f} us {cost_us / alone_us:7.2f} x\n")


if __name__ == "__main__":
    sys.exit(main())
