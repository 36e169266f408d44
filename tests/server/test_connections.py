# SPDX-License-Identifier: Apache-2.0
"""How many connections a server keeps."""

from __future__ import annotations

import contextlib
import socket
from typing import TYPE_CHECKING

from server.harness import DEADLINE_S, connected
from tetragon import sensors_pb2
from tetragon_server.grpc_server import MAX_TCP_CONNECTIONS
from tetragon_server.listeners import tcp_sockets

if TYPE_CHECKING:
    from server.harness import Api


def first_bytes(connection: socket.socket) -> bytes:
    """What the server says on its own, empty if it hangs up."""
    try:
        return connection.recv(9)
    except ConnectionResetError:
        return b""


def test_tcp_connections_have_a_limit(api: Api) -> None:
    """One more is closed; the unix socket answers all the same, and TCP again when one ends."""
    sockets = tcp_sockets("127.0.0.1:0")
    address = sockets[0].getsockname()
    api.run(api.server.listen(sockets))
    with contextlib.ExitStack() as stack:

        def connect() -> socket.socket:
            return stack.enter_context(socket.create_connection(address, DEADLINE_S))

        kept = [connect() for _ in range(MAX_TCP_CONNECTIONS)]
        greetings = [first_bytes(one) for one in kept]
        refused = first_bytes(connect())
        with connected(api) as client:
            version = client.GetVersion(sensors_pb2.GetVersionRequest(), timeout=DEADLINE_S)
        kept[0].close()
        while not (accepted := first_bytes(connect())):
            pass

    assert all(greetings)
    assert refused == b""
    assert version.version
    assert accepted == greetings[0]
