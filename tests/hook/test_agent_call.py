# SPDX-License-Identifier: Apache-2.0
"""Calls of real servers: gRPC's own, and the agent."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from hook.agents import DEADLINE_S, grpcio_agent
from server.running_agent import running_agent
from tetragon.tetragon_pb2 import CreateContainer, RuntimeHookRequest
from tetragon_core import __version__
from tetragon_core.errors import ConnectionFailedError, TetragonError, UsageError
from tetragon_crio_hook.agent_call import StatusError, call
from tetragon_crio_hook.request_message import version_of

if TYPE_CHECKING:
    from pathlib import Path

SIZES = (0, 1, 16_384, 65_535, 300_000, 3_000_000)


def request_of(size: int) -> RuntimeHookRequest:
    """With annotations of this size together."""
    container = CreateContainer(cgroupsPath="/a/b", annotations={"a": "x" * size})
    return RuntimeHookRequest(createContainer=container)


def deadline() -> float:
    """Far enough."""
    return time.monotonic() + DEADLINE_S


def test_grpc_server_takes_messages_of_any_size(tmp_path: Path) -> None:
    """Frames and windows of the library's server."""
    requests = [request_of(size) for size in SIZES]
    with grpcio_agent(tmp_path) as agent:
        for request in requests:
            assert (
                call(agent.address, "RuntimeHook", request.SerializeToString(), deadline()) == b""
            )
        version = version_of(call(agent.address, "GetVersion", b"", deadline()))

    assert requests == agent.requests
    assert version == "v1.2.3"


def test_grpc_server_refuses(tmp_path: Path) -> None:
    """Its status and message are in the error; an unknown call is one."""
    with grpcio_agent(tmp_path) as agent:
        agent.error = "cgroup /ä is not there"
        with pytest.raises(StatusError, match="FAILED_PRECONDITION: cgroup /ä is not there"):
            call(agent.address, "RuntimeHook", request_of(5).SerializeToString(), deadline())
        with pytest.raises(StatusError, match="UNIMPLEMENTED"):
            call(agent.address, "NoSuchCall", b"", deadline())
        with pytest.raises(StatusError, match="RESOURCE_EXHAUSTED"):
            call(agent.address, "RuntimeHook", bytes(5_000_000), deadline())


def test_the_agent_answers(tmp_path: Path) -> None:
    """Version, containers with annotations of any size, and a request that announces nothing."""
    with running_agent(tmp_path / "run") as agent:
        address = f"unix://{agent.run_dir}/tetragon.sock"
        version = version_of(call(address, "GetVersion", b"", deadline()))
        for size in SIZES:
            call(address, "RuntimeHook", request_of(size).SerializeToString(), deadline())
        with pytest.raises(StatusError, match="announces nothing"):
            call(address, "RuntimeHook", b"", deadline())

    assert __version__ in version


def test_abstract_sockets_and_hosts(tmp_path: Path) -> None:
    """What is not there is told with its address."""
    for address in (
        "unix-abstract:tetragon-none",
        f"unix:{tmp_path}/none",
        "localhost:1",
        "[::1]:1",
    ):
        with pytest.raises(ConnectionFailedError, match="cannot connect"):
            call(address, "GetVersion", b"", deadline())


def test_localhost_needs_no_file_of_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing tells names, it is this host, on which nobody listens at this port."""

    def know_nothing(*_: object) -> None:
        raise OSError(-2, "Name or service not known")

    monkeypatch.setattr("_socket.getaddrinfo", know_nothing)
    with pytest.raises(ConnectionFailedError, match="cannot connect"):
        call("localhost:1", "GetVersion", b"", deadline())
    with pytest.raises(ConnectionFailedError, match="no address for elsewhere"):
        call("elsewhere:1", "GetVersion", b"", deadline())


@pytest.mark.parametrize("address", ["", "unix://", "nowhere", "host:port", "unix:///a\0b"])
def test_wrong_addresses(address: str) -> None:
    """They are no connections that failed."""
    with pytest.raises(UsageError, match="--grpc-address"):
        call(address, "GetVersion", b"", deadline())


def test_a_path_that_is_too_long() -> None:
    """An error as any other."""
    with pytest.raises(TetragonError, match="unix"):
        call(f"unix:///{'x' * 200}", "GetVersion", b"", deadline())
