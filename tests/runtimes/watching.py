# SPDX-License-Identifier: Apache-2.0
"""The agent beside a runtime, and what it says of the runtime's containers."""

from __future__ import annotations

import json
import signal
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from kernel.agents import Client, await_ready, start_agent, wait
from runtimes.growth import Growth

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
    from pathlib import Path

    from runtimes.model import Runtime, Started

__all__ = ["NOWHERE", "Origin", "Watch", "start_many", "watching"]

_AT_ONCE: Final = 4
_PREFIX: Final = 31
"""Digits of a container's id that events have, unless the agent was asked for all."""


class Origin(NamedTuple):
    """Where an event says that a process is; empty texts on the host."""

    docker: str
    container_id: str
    name: str
    image: str

    @classmethod
    def of(cls, container: Started, kind: str) -> Origin:
        """What is right for processes of the container."""
        container_id = f"{kind}://{container.id}"
        return cls(container.id[:_PREFIX], container_id, container.name, container.image)

    @classmethod
    def said(cls, process: dict[str, Any]) -> Origin:
        """What an event says."""
        container = process.get("pod", {}).get("container", {})
        image = container.get("image", {}).get("name", "")
        name, container_id = container.get("name", ""), container.get("id", "")
        return cls(process.get("docker", ""), container_id, name, image)


NOWHERE: Final = Origin("", "", "", "")


class Watch:
    """An agent and a client of its events; both can be started again."""

    def __init__(
        self, directory: Path, finish: Path, *options: str, prefix: Sequence[str] = ()
    ) -> None:
        """`options`: of the agent; `prefix`: a command that runs it."""
        self.directory = directory
        self._options = options
        self._prefix = prefix
        self._finish = finish
        self._earlier: list[dict[str, Any]] = []
        self._start()

    def restart(self) -> None:
        """Kill the agent and start another; events until then stay known."""
        self.agent.send_signal(signal.SIGKILL)
        self.agent.wait()
        self._end_client()
        self._earlier += self._client.events()
        self._start()

    def end(self) -> None:
        """End both."""
        self._end_client()
        self.agent.terminate()
        self.agent.wait()

    def processes(self, *kinds: str) -> list[dict[str, Any]]:
        """The process of every event of these kinds so far (process_exec, process_exit)."""
        return [
            event[kind]["process"] for event in self.events() for kind in kinds if kind in event
        ]

    def events(self) -> list[dict[str, Any]]:
        """All so far."""
        return [*self._earlier, *self._client.events()]

    def named(self, names: Collection[str], *kinds: str) -> dict[str, list[Origin]]:
        """Name → what events of processes with this only argument say; waits for all."""
        found: dict[str, list[Origin]] = {}

        def are_all_there() -> bool:
            found.clear()
            for process in self.processes(*kinds):
                if (name := process.get("arguments", "")) in names:
                    found.setdefault(name, []).append(Origin.said(process))
            return len(found) == len(names)

        wait(are_all_there, f"{', '.join(kinds)} of {len(names)} containers")
        return found

    def longest_delay_s(self, names: Collection[str]) -> float:
        """From the kernel to the client, of exec events of processes with this only argument."""
        delays = [
            at - datetime.fromisoformat(event["time"]).timestamp()
            for at, line in self._growth.lines()
            if (event := json.loads(line))
            .get("process_exec", {})
            .get("process", {})
            .get("arguments")
            in names
        ]
        return max(delays)

    def _start(self) -> None:
        self.agent = start_agent(self.directory, *self._options, prefix=self._prefix)
        await_ready(self.agent, self.directory)
        self._client = Client(self.directory)
        self._client.mark(self._finish, "first-marker")
        self._growth = Growth(self.directory / "events")

    def _end_client(self) -> None:
        self._client.process.terminate()
        self._client.process.wait()
        self._growth.stop()


@contextmanager
def watching(
    directory: Path, finish: Path, runtime: Runtime | None, *options: str
) -> Iterator[Watch]:
    """An agent that asks this runtime, or none, and a client that is known to receive events."""
    if runtime is None:
        watch = Watch(directory, finish, "--container-runtimes", "", *options)
    else:
        options = (*runtime.agent_options, *options)
        watch = Watch(directory, finish, *options, prefix=runtime.agent_prefix)
    try:
        yield watch
    finally:
        watch.end()


def start_many(start: Callable[[str], Started], names: Iterable[str]) -> dict[str, Started]:
    """Start a container for each name, some at the same time."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return {one.name: one for one in pool.map(start, names)}
