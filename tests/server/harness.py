# SPDX-License-Identifier: Apache-2.0
"""The real gRPC server on a private unix socket, in its own thread, or in an agent of its own."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc

from tetragon import events_pb2, sensors_pb2_grpc
from tetragon_core.stats import Stats
from tetragon_server.answers import Answers
from tetragon_server.bus import Bus
from tetragon_server.config import AgentConfig
from tetragon_server.encode import EncodedEvent
from tetragon_server.grpc_server import GrpcServer
from tetragon_server.listeners import unix_socket
from tetragon_server.service import ApiService
from tetragon_server.settings.effective import effective_values

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator, Mapping

    from tetragon_server.encode import EventEncoder
    from tetragon_server.history import History

DEADLINE_S = 20
TCP_PLACES = 8
"""Connections over TCP that a server in a test takes."""
FAKE_AGENT = Path(__file__).with_name("fake_agent.py")


def wait_until(holds: Callable[[], bool], what: str) -> None:
    """Return when `holds()` is true; fail naming `what` at the deadline."""
    pause = threading.Event()
    deadline = time.monotonic() + DEADLINE_S
    while not holds():
        assert time.monotonic() < deadline, f"still waiting for: {what}"
        pause.wait(0.005)


def spawn(run_dir: Path, *settings: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, str(FAKE_AGENT), str(run_dir), *settings],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def open_descriptors() -> int:
    """How many this process has."""
    return len(list(Path("/proc/self/fd").iterdir()))


def names_in(directory: Path) -> list[str]:
    """What is in `directory`, sorted."""
    return sorted(path.name for path in directory.iterdir())


class Api:
    """A running server and the loop it runs in."""

    def __init__(
        self,
        path: Path,
        *,
        max_events: int,
        max_bytes: int,
        more: Mapping[str, Any],
        history: tuple[History, EventEncoder] | None,
    ) -> None:
        self.address = f"unix:{path}"
        self.stats = Stats()
        self.bus = Bus(max_events=max_events, max_bytes=max_bytes)
        self.stats.add_source(self.bus.counters)
        self.loop = asyncio.new_event_loop()
        answers = Answers(
            lambda: effective_values(AgentConfig(cluster_name="c1")), self.stats, {"btf": True}
        )
        self._service = ApiService(self.bus, answers, more, history)
        self.server: GrpcServer

    async def start(self, socket: Any) -> None:
        """Serve on a bound socket."""
        self.server = GrpcServer([self._service], max_tcp=TCP_PLACES)
        await self.server.listen([socket])

    async def stop(self, drain_s: float = 0.2) -> None:
        """End as the agent does."""
        await self.bus.drain(drain_s)
        await self.server.stop()

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Result of `coroutine`, run in the server's loop."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(DEADLINE_S)

    def call(self, function: Callable[..., Any], *args: Any) -> Any:
        """Result of `function`, called in the server's loop."""
        done: concurrent.futures.Future[Any] = concurrent.futures.Future()
        self.loop.call_soon_threadsafe(lambda: done.set_result(function(*args)))
        return done.result(DEADLINE_S)

    def publish(self, *events: EncodedEvent) -> None:
        """Publish all events in one turn of the loop."""

        def publish_all() -> None:
            for event in events:
                self.bus.publish(event)

        self.call(publish_all)

    def tasks(self) -> int:
        """Tasks of the loop."""
        return len(self.call(asyncio.all_tasks, self.loop))


@contextlib.contextmanager
def running_api(
    directory: Path,
    *,
    max_events: int = 100_000,
    max_bytes: int = 1 << 30,
    more: Mapping[str, Any] | None = None,
    history: tuple[History, EventEncoder] | None = None,
) -> Iterator[Api]:
    """`more`: rpcs beside the service's own."""
    path = directory / "t.sock"
    limits = {"max_events": max_events, "max_bytes": max_bytes}
    api = Api(path, more=more or {}, history=history, **limits)
    thread = threading.Thread(target=api.loop.run_forever)
    thread.start()
    try:
        with unix_socket(str(path)) as socket:
            api.run(api.start(socket))
            try:
                yield api
            finally:
                api.run(api.stop())
    finally:
        api.loop.call_soon_threadsafe(api.loop.stop)
        thread.join(DEADLINE_S)
        api.loop.close()


@contextlib.contextmanager
def connected(
    api: Api, address: str = "", /, **options: int
) -> Iterator[sensors_pb2_grpc.FineGuidanceSensorsStub]:
    """A grpcio client with a connection of its own; on the unix socket, or at `address`."""
    arguments = [("grpc.use_local_subchannel_pool", 1), *options.items()]
    with grpc.insecure_channel(address or api.address, options=arguments) as channel:
        yield sensors_pb2_grpc.FineGuidanceSensorsStub(channel)


def subscribed(stream: Any) -> Any:
    """`stream`, once the server has answered that it is registered."""
    stream.initial_metadata()
    return stream


def everything() -> events_pb2.GetEventsRequest:
    """No filter."""
    return events_pb2.GetEventsRequest()


def numbered(number: int, size: int = 0) -> EncodedEvent:
    """An exec event whose pid is `number`, padded to about `size` bytes."""
    message = events_pb2.GetEventsResponse(node_name="n" * size)
    message.process_exec.process.pid.value = number
    return EncodedEvent(events_pb2.PROCESS_EXEC, message.SerializeToString())


def number_of(message: Any) -> int:
    """What `numbered` put in."""
    number: int = message.process_exec.process.pid.value
    return number
