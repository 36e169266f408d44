# SPDX-License-Identifier: Apache-2.0
"""How many connections a server keeps."""

from __future__ import annotations

import contextlib
import socket
from typing import TYPE_CHECKING

import grpc
import pytest

from server.harness import (
    DEADLINE_S,
    TCP_PLACES,
    connected,
    everything,
    open_descriptors,
    subscribed,
    wait_until,
)
from tetragon import sensors_pb2
from tetragon_server.listeners import tcp_sockets

if TYPE_CHECKING:
    from server.harness import Api


def first_bytes(connection: socket.socket) -> bytes:
    """What the server says on its own, empty if it hangs up."""
    try:
        return connection.recv(9)
    except ConnectionResetError:
        return b""


def test_idle_connections_make_room(api: Api) -> None:
    """When all places are taken the one that was opened first and does nothing has to go."""
    sockets = tcp_sockets("127.0.0.1:0")
    address = sockets[0].getsockname()
    api.run(api.server.listen(sockets))
    with contextlib.ExitStack() as stack:

        def connect() -> socket.socket:
            return stack.enter_context(socket.create_connection(address, DEADLINE_S))

        kept = [connect() for _ in range(TCP_PLACES)]
        greetings = [first_bytes(one) for one in kept]
        newest = first_bytes(connect())
        with connected(api) as client:
            version = client.GetVersion(sensors_pb2.GetVersionRequest(), timeout=DEADLINE_S)
        rest = read_all(kept[0])
        still_open = is_open(kept[1])

    assert all(greetings)
    assert newest == greetings[0]
    assert version.version
    assert rest is not None
    assert still_open


def test_connections_with_calls_keep_their_places(api: Api) -> None:
    """When every connection has a call going on, one more is refused and counted."""
    sockets = tcp_sockets("127.0.0.1:0")
    address = "{}:{}".format(*sockets[0].getsockname())
    api.run(api.server.listen(sockets))
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(connected(api, address)) for _ in range(TCP_PLACES)]
        streams = [subscribed(client.GetEvents(everything())) for client in clients]
        refused = stack.enter_context(connected(api, address))

        with pytest.raises(grpc.RpcError) as caught:
            refused.GetVersion(sensors_pb2.GetVersionRequest(), timeout=DEADLINE_S)
        are_active = [stream.is_active() for stream in streams]

    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    assert [True] * TCP_PLACES == are_active
    assert api.server.refused >= 1


def test_a_thousand_connections_of_garbage(api: Api) -> None:
    """Neither garbage nor silence on the port costs anybody else the service, or leaves a task."""
    sockets = tcp_sockets("127.0.0.1:0")
    address = sockets[0].getsockname()
    api.run(api.server.listen(sockets))
    before = open_descriptors()
    for number in range(1000):
        with socket.create_connection(address, DEADLINE_S) as one:
            one.sendall(b"GET / HTTP/1.1\r\n\r\n" if number % 2 else b"\x16\x03\x01\xff\xff")
    with connected(api) as client:
        version = client.GetVersion(sensors_pb2.GetVersionRequest(), timeout=DEADLINE_S)
    wait_until(lambda: api.server.connections == 0, "connections are gone")

    assert version.version
    wait_until(lambda: open_descriptors() <= before + 1, "descriptors are closed")


def read_all(connection: socket.socket) -> bytes | None:
    """What comes until the server hangs up; None when it does not within the deadline."""
    received = b""
    try:
        while more := connection.recv(4096):
            received += more
    except ConnectionResetError:
        return received
    except TimeoutError:
        return None
    return received


def is_open(connection: socket.socket) -> bool:
    """The server has not hung up."""
    connection.settimeout(0)
    try:
        while connection.recv(4096):
            pass
    except BlockingIOError:
        return True
    return False
