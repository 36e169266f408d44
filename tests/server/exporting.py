# SPDX-License-Identifier: Apache-2.0
"""For tests of the export: events that are ready to be written, sinks and clocks that obey."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING

from tetragon import events_pb2 as pb
from tetragon_server.encode import EncodedEvent
from tetragon_server.export.file_sink import FileSink
from tetragon_server.export.retention import Retention
from tetragon_server.export.sink import ExportedEvent, SinkError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

NOON_NS = 1_767_323_045_006_000_000
"""2026-01-02T03:04:05.006Z."""
STAMP = "2026-01-02T03-04-05.006"
MIB = 1024 * 1024


def ready(number: int, size: int = 0) -> ExportedEvent:
    """An event whose line tells its number, filled up to `size` bytes with the line end."""
    text = f'{{"n":{number}}}'
    line = f'{{"n":{number},"x":"{"x" * (size - len(text) - 8)}"}}\n' if size else f"{text}\n"
    return ExportedEvent(pb.PROCESS_EXEC, number, line[:-1].encode())


def ready_ones(numbers: Iterable[int], size: int = 0) -> list[ExportedEvent]:
    return [ready(number, size) for number in numbers]


def numbers_in(*paths: Path) -> list[int]:
    """Of every event in these files; each line has to be whole."""
    lines = [line for path in paths for line in path.read_text().splitlines(keepends=True)]
    assert all(line.endswith("\n") for line in lines)
    return [json.loads(line)["n"] for line in lines]


def exec_of(pid: int) -> EncodedEvent:
    """An event as it comes from the bus."""
    message = pb.GetEventsResponse(node_name="n1")
    message.process_exec.process.pid.value = pid
    message.process_exec.process.binary = f"/bin/b{pid}"
    message.time.seconds = pid
    return EncodedEvent(pb.PROCESS_EXEC, message.SerializeToString())


def exit_of(pid: int) -> EncodedEvent:
    message = pb.GetEventsResponse(node_name="n1")
    message.process_exit.process.pid.value = pid
    message.process_exit.process.binary = f"/bin/b{pid}"
    return EncodedEvent(pb.PROCESS_EXIT, message.SerializeToString())


def file_sink(
    path: Path, *, max_mib: int = 1, backups: int = 0, compress: bool = False
) -> FileSink:
    """A sink at a time that stands still."""
    return FileSink(
        path,
        max_mib=max_mib,
        mode=0o600,
        retention=Retention(max_backups=backups, compress=compress),
        now_ns=lambda: NOON_NS,
    )


class Seconds:
    """A clock that moves when told."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        """The time."""
        return self.now


class FakeSink:
    """Keeps what it is given; while `failure` is set it takes `takes` events and then none."""

    name = "fake"
    refused = 0
    max_line_bytes = 1000

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.failure = ""
        self.takes = 0
        self.attempts = 0
        self.is_closed = False
        self.gate = threading.Event()
        """Writes wait for it."""
        self.gate.set()
        self.is_writing = False

    def write(self, batch: Sequence[ExportedEvent]) -> None:
        """As told."""
        self.is_writing = True
        self.gate.wait(timeout=20)
        self.is_writing = False
        self.attempts += 1
        taken = batch[: self.takes] if self.failure else batch
        self.lines += [event.line for event in taken]
        if self.failure:
            self.takes = 0
            raise SinkError(self.failure, len(taken))

    def close(self) -> None:
        """Be closed."""
        self.is_closed = True
