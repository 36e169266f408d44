# SPDX-License-Identifier: Apache-2.0
"""Frames that clients of this project never send, and floods of those that they do."""

from __future__ import annotations

import contextlib
import socket
from typing import TYPE_CHECKING

import pytest

from server.harness import DEADLINE_S, TCP_PLACES, wait_until
from server.http2_frames import BEGIN, PING, PONG, begin_call, cancel, frame
from tetragon_server.listeners import tcp_sockets

if TYPE_CHECKING:
    from collections.abc import Iterator

    from server.harness import Api

GET_EVENTS = b"/tetragon.FineGuidanceSensors/GetEvents"


@contextlib.contextmanager
def raw_connection(api: Api) -> Iterator[socket.socket]:
    """A connection that has sent what each begins with."""
    sockets = tcp_sockets("127.0.0.1:0")
    address = sockets[0].getsockname()
    api.run(api.server.listen(sockets))
    with socket.create_connection(address, DEADLINE_S) as one:
        one.sendall(BEGIN)
        yield one


def answers(connection: socket.socket) -> bool:
    """The server is still there after all that was sent before."""
    connection.sendall(PING)
    received = b""
    while PONG not in received:
        more = connection.recv(65536)
        if not more:
            return False
        received += more
    return True


@pytest.mark.parametrize("stream", [0, 1])
def test_frames_of_unknown_kinds_are_ignored(
    api: Api, stream: int, caplog: pytest.LogCaptureFixture
) -> None:
    """As HTTP/2 wants it (RFC 9113, section 4.1), and without a word in the log."""
    with raw_connection(api) as one:
        one.sendall(begin_call(1, GET_EVENTS) + frame(0x20, stream=stream, payload=b"new"))
        is_there = answers(one) and answers(one)

    assert is_there
    assert [] == [record.message for record in caplog.records]


@pytest.mark.parametrize(
    "request_frame",
    [
        pytest.param(begin_call(1, b"/\xff"), id="path that is no ASCII"),
        pytest.param(begin_call(1, GET_EVENTS, (b"a", b"\xff")), id="header that is no ASCII"),
        pytest.param(begin_call(1, None), id="no path"),
    ],
)
def test_malformed_headers_write_no_log(
    api: Api, request_frame: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """Anybody can send them, as often as they like."""
    with raw_connection(api) as one:
        one.sendall(request_frame)
        with contextlib.suppress(ConnectionError):
            answers(one)
    wait_until(lambda: api.server.connections == 0, "the connection is gone")

    assert [] == [record.message for record in caplog.records]


def test_calls_cancelled_before_they_began_leave_nothing(api: Api) -> None:
    """A connection that had thousands of them is idle, so its place is free for the next one."""
    calls = b"".join(begin_call(one, GET_EVENTS) + cancel(one) for one in range(1, 8001, 2))
    with raw_connection(api) as first:
        first.sendall(calls)
        was_there = answers(first)
        address = first.getpeername()
        with contextlib.ExitStack() as stack:
            for _ in range(TCP_PLACES):
                stack.enter_context(socket.create_connection(address, DEADLINE_S)).recv(9)
            first_ended = not answers_any(first)

    assert was_there
    assert first_ended
    assert api.server.refused == 0


def answers_any(connection: socket.socket) -> bool:
    """As `answers`, for a connection that may have been reset."""
    try:
        return answers(connection)
    except ConnectionError:
        return False
