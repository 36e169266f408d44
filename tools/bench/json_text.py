# SPDX-License-Identifier: Apache-2.0
"""What an event costs as JSON: the agent's way and protobuf's own, from its bytes.

Run it with `.venv/bin/python tools/bench/json_text.py`. Compare the ratios only: the times are this
machine's and this moment's. Each process is met twice, as in life: in its exec and in its exit.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from google.protobuf import json_format

from tetragon.events_pb2 import GetEventsResponse
from tetragon_core.events import ProcessExec, ProcessExit
from tetragon_core.messages import ProcessKey
from tetragon_core.process import Image, Process
from tetragon_server.encode import EventEncoder
from tetragon_server.export.json_lines import JsonLines
from tetragon_server.process_message import ProcessBuilder

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_PROCESSES: Final = 1000
_ROUNDS: Final = 7
_START_NS: Final = 1_700_000_000_123_456_789


def payloads(first_pid: int) -> list[bytes]:
    """Exec and exit of processes with one parent and 300 characters of arguments."""
    builder = ProcessBuilder(with_credentials=False, with_namespaces=False, host=None, users=None)
    encoder = EventEncoder(builder, node_name="node1", cluster_name="")
    parent = process(1)
    made: list[bytes] = []
    for pid in range(first_pid, first_pid + _PROCESSES):
        one = process(pid)
        ended = ProcessExit(
            process=one, parent=parent, time_ns=_START_NS + pid, status=1, signal=""
        )
        begun = ProcessExec(process=one, parent=parent, time_ns=_START_NS + pid)
        made += (encoder.encode(event).payload for event in (begun, ended))
    return made


def process(pid: int) -> Process:
    """One that nobody has seen before."""
    made = Process("node1", ProcessKey(pid, 5000), ProcessKey(0, 1))
    made.start_time_ns = _START_NS
    made.flags = "execve clone"
    made.image = Image(
        binary="/usr/bin/python3", arguments="-c " + "x" * 300, cwd="/root", uid=0, auid=0
    )
    return made


def microseconds(make: Callable[[bytes], object], batches: Sequence[Sequence[bytes]]) -> float:
    """CPU per event, of the best round; each round has processes of its own."""
    best = float("inf")
    for batch in batches:
        before = time.process_time()
        for payload in batch:
            make(payload)
        best = min(best, time.process_time() - before)
    return best / len(batches[0]) * 1e6


def main() -> None:
    """Measure and print."""
    batches = [payloads(10 + number * _PROCESSES) for number in range(_ROUNDS)]
    lines = JsonLines(node_name="node1", cluster_name="")
    ways: dict[str, Callable[[bytes], object]] = {
        "export": lines.line,
        "MessageToJson": lambda data: json_format.MessageToJson(
            GetEventsResponse.FromString(data), preserving_proto_field_name=True
        ),
    }
    figures = {name: microseconds(make, batches) for name, make in ways.items()}
    for name, figure in figures.items():
        print(f"{name:14} {figure:6.1f} us an event")
    print(f"ratio          {figures['MessageToJson'] / figures['export']:6.1f}")


if __name__ == "__main__":
    main()
