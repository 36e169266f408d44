# SPDX-License-Identifier: Apache-2.0
"""Runs a workload and collects what the sensor and the observer say about it, and about it only."""

from __future__ import annotations

import os
import select
import time
import traceback
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from tetragon_core.cache import ProcessCache
from tetragon_core.clock import BootClock
from tetragon_core.messages import ExecFlag
from tetragon_core.observer import Observer
from tetragon_core.procfs import ProcScanner
from tetragon_core.stats import Counter, Stats
from tetragon_sensors.base import BaseSensor, SensorConfig

from .tree import Tree

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from tetragon_core.events import Event
    from tetragon_core.messages import Message

__all__ = ["DEADLINE_S", "ROOT_FLAGS", "Recorder", "recording", "spawn"]

ROOT_FLAGS: Final = int(ExecFlag.FIRST | ExecFlag.PARENT_UNTRACKED)
"""Of what `spawn` starts: its parent, the test run, is older than the sensor."""

DEADLINE_S: Final = 180
"""For everything that is waited for; emulated machines are slow."""
_RECORDS: Final = 1024
_FAILED: Final = 98


def _nothing() -> None:
    """Prepare nothing."""


def spawn(
    arguments: Sequence[str | bytes],
    *,
    prepare: Callable[[], object] = _nothing,
    program: str | bytes | int | None = None,
    stdin: int | None = None,
    stdout: int | None = None,
) -> int:
    """Start a program and return its pid; `prepare` runs in the child before exec.

    `program` is a path or a descriptor, by default the first argument.
    """
    pid = os.fork()
    if pid:
        return pid
    try:
        for number, fd in ((0, stdin), (1, stdout)):
            if fd is not None:
                os.dup2(fd, number)
        prepare()
        os.execve(arguments[0] if program is None else program, list(arguments), os.environ)
    except BaseException:  # noqa: BLE001  # this copy of the test run must end here
        traceback.print_exc()
    os._exit(_FAILED)


class Recorder:
    """An attached sensor with an observer that already knows the host, as in the agent."""

    def __init__(self, sensor: BaseSensor, stats: Stats) -> None:
        self.sensor = sensor
        self.stats = stats
        stats.add_source(sensor.counters)
        self.observer = Observer(ProcessCache(stats), BootClock(), stats, node_name="node")
        self.events: list[Event] = []
        """All that were made, also about what nobody follows; the first are those of the walk."""
        self._find_running()
        self.others: list[Message] = []
        """Messages about processes that nobody follows."""
        self._trees: list[Tree] = []

    def _find_running(self) -> None:
        scanned = list(ProcScanner().scan())
        queued = self.sensor.drain(_RECORDS * _RECORDS)
        self.events += self.observer.add_scanned(scanned, queued)
        for message in queued:
            self.events += self.observer.feed(message)

    def follow(self, pid: int) -> Tree:
        """Collect what comes about `pid` and its descendants from now on."""
        tree = Tree(pid)
        self._trees.append(tree)
        return tree

    def pump(self, timeout_s: float = 0.2) -> None:
        """Handle what waits; wait for something a little when nothing does."""
        select.select([self.sensor], [], [], timeout_s)
        for message in self.sensor.drain(_RECORDS):
            events = self.observer.feed(message)
            self.events += events
            if not sum(tree.feed(message, events) for tree in self._trees):
                self.others.append(message)

    def wait_until(self, holds: Callable[[], bool], what: str) -> None:
        """Pump until `holds()`; fail naming `what` at the deadline."""
        deadline = time.monotonic() + DEADLINE_S
        while not holds():
            assert time.monotonic() < deadline, f"still waiting for: {what}"
            self.pump()

    def finish(self, tree: Tree) -> Tree:
        """Wait for the last exit of the tree, then reap its root.

        While the root runs the ring is read now and then only, as a wake-up for each record is what
        most of an emulated machine's time would go to.
        """
        deadline = time.monotonic() + DEADLINE_S
        root = os.pidfd_open(tree.root)
        while not select.select([root], [], [], 0.2)[0]:
            assert time.monotonic() < deadline, f"{tree.root} still runs"
            self.pump(0)
        os.close(root)
        self.wait_until(lambda: tree.is_over, f"the end of {tree.root} and its children")
        self._trees.remove(tree)
        _, tree.status = os.waitpid(tree.root, 0)
        return tree

    def run(
        self,
        arguments: Sequence[str | bytes],
        *,
        prepare: Callable[[], object] = _nothing,
        program: str | bytes | int | None = None,
        output: Path | None = None,
    ) -> Tree:
        """Run a workload to its end; its standard output goes to the file `output`."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
        stdout = os.open(output, flags) if output else None
        try:
            pid = spawn(arguments, prepare=prepare, program=program, stdout=stdout)
        finally:
            if stdout is not None:
                os.close(stdout)
        return self.finish(self.follow(pid))

    @contextmanager
    def held(
        self,
        arguments: Sequence[str | bytes],
        *,
        prepare: Callable[[], object] = _nothing,
    ) -> Iterator[Tree]:
        """Run a workload that ends when its standard input does: at the end of the block.

        In the block its program runs, so that /proc can be asked about it.
        """
        reading, writing = os.pipe2(os.O_CLOEXEC)

        def prepare_without_pipe() -> None:
            os.close(writing)  # or the pipe stays open when `prepare` makes another process
            prepare()

        tree = self.follow(spawn(arguments, prepare=prepare_without_pipe, stdin=reading))
        os.close(reading)
        try:
            self.wait_until(lambda: bool(tree.execs) or tree.is_over, "the exec")
            yield tree
        finally:
            os.close(writing)
            self.finish(tree)

    def losses(self) -> dict[Counter, int]:
        """Every counter that stands for something lost or wrong, and is not 0."""
        counted = self.stats.snapshot() | dict(self.sensor.missed())
        wrong = {Counter.EXITS_DUPLICATE, Counter.PROCESS_TABLE_FULL}
        return {
            counter: value
            for counter, value in counted.items()
            if value and (counter.lost or counter in wrong)
        }


@contextmanager
def recording(config: SensorConfig | None = None) -> Iterator[Recorder]:
    """Load and attach a sensor for the block."""
    stats = Stats()
    with BaseSensor(config or SensorConfig(), stats) as sensor:
        yield Recorder(sensor, stats)
