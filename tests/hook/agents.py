# SPDX-License-Identifier: Apache-2.0
"""Agents that the hook calls: grpcio's server, and one that sends given bytes."""

from __future__ import annotations

import contextlib
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import grpc

from tetragon import sensors_pb2, sensors_pb2_grpc, tetragon_pb2

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

DEADLINE_S = 20.0


class Agent:
    """What a server was asked, and what it is to answer."""

    def __init__(self) -> None:
        self.requests: list[tetragon_pb2.RuntimeHookRequest] = []
        self.error = ""
        self.address = ""


class _Servicer(sensors_pb2_grpc.FineGuidanceSensorsServicer):
    def __init__(self, agent: Agent) -> None:
        self._agent = agent

    def RuntimeHook(self, request: Any, context: Any) -> Any:  # noqa: N802  # the rpc's name
        """Take or refuse."""
        self._agent.requests.append(request)
        if self._agent.error:
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, self._agent.error)
        return tetragon_pb2.RuntimeHookResponse()

    def GetVersion(self, _request: Any, _context: Any) -> Any:  # noqa: N802  # as above
        """Tell one."""
        return sensors_pb2.GetVersionResponse(version="v1.2.3")


@contextlib.contextmanager
def grpcio_agent(directory: Path) -> Iterator[Agent]:
    """GRPC's own server."""
    agent = Agent()
    agent.address = f"unix://{directory}/g.sock"
    server = grpc.server(ThreadPoolExecutor(1))
    sensors_pb2_grpc.add_FineGuidanceSensorsServicer_to_server(_Servicer(agent), server)
    server.add_insecure_port(agent.address)
    server.start()
    try:
        yield agent
    finally:
        server.stop(None).wait()


@contextlib.contextmanager
def sending(
    directory: Path, serve: Callable[[socket.socket], None], connections: int = 1
) -> Iterator[str]:
    """An agent that does what `serve` does with each connection; its address."""
    path = directory / "raw.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        listener.settimeout(DEADLINE_S)

        def accept() -> None:
            for _ in range(connections):
                connection, _ = listener.accept()
                connection.settimeout(DEADLINE_S)
                with connection, contextlib.suppress(OSError, EOFError):
                    serve(connection)

        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield f"unix://{path}"
        finally:
            thread.join()


def never_answering(connection: socket.socket) -> None:
    """Reads until the client goes."""
    while connection.recv(4096):
        pass
