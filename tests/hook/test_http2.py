# SPDX-License-Identifier: Apache-2.0
"""One call of a server that sends every frame by hand."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from hook.agents import DEADLINE_S, never_answering, sending
from hook.frames import (
    CONTINUATION,
    DATA,
    EMPTY_REPLY,
    END_HEADERS,
    END_STREAM,
    GOAWAY,
    HEADERS,
    PADDED,
    PING,
    PRIORITY,
    RESET,
    SETTINGS,
    WINDOW,
    Reader,
    answer,
    block,
    frame,
)
from tetragon_core.errors import ConnectionFailedError
from tetragon_crio_hook.agent_call import StatusError, call

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable
    from pathlib import Path

OK = block(("grpc-status", "0"))
STATUS_200 = block((":status", "200"))


def serving(data: bytes) -> Callable[[socket.socket], None]:
    """Read the call, then send this."""

    def serve(connection: socket.socket) -> None:
        reader = Reader(connection)
        reader.preface()
        reader.until(DATA, END_STREAM)
        connection.sendall(frame(SETTINGS) + data)
        while connection.recv(4096):
            pass

    return serve


def called(directory: Path, data: bytes, message: bytes = b"m", connections: int = 1) -> bytes:
    """The reply of a server that sends `data`."""
    with sending(directory, serving(data), connections) as address:
        return call(address, "RuntimeHook", message, time.monotonic() + DEADLINE_S)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(answer(), id="plain"),
        pytest.param(frame(PING, 0, 0, b"12345678") + answer(), id="after a ping"),
        pytest.param(frame(0x55, 0, 0, b"unknown") + answer(), id="after an unknown frame"),
        pytest.param(frame(GOAWAY, 0, 0, b"\0\0\0\1\0\0\0\0") + answer(), id="as its last call"),
        pytest.param(
            frame(
                HEADERS, END_HEADERS | PADDED | PRIORITY, 1, b"\3" + bytes(5) + STATUS_200 + b"xxx"
            )
            + frame(DATA, PADDED, 1, b"\2" + EMPTY_REPLY + b"xx")
            + frame(HEADERS, END_STREAM, 1, OK[:3])
            + frame(CONTINUATION, 0, 1, OK[3:5])
            + frame(CONTINUATION, END_HEADERS, 1, OK[5:]),
            id="padded and continued",
        ),
        pytest.param(
            frame(HEADERS, END_HEADERS, 1, STATUS_200)
            + b"".join(frame(DATA, 0, 1, bytes(1)) for _ in range(5))
            + frame(HEADERS, END_HEADERS, 1, OK)
            + frame(RESET, 0, 1, bytes(4)),
            id="byte by byte, reset at the end",
        ),
    ],
)
def test_answers(tmp_path: Path, data: bytes) -> None:
    """Every form of an answer that HTTP/2 allows."""
    assert called(tmp_path, data) == b""


def test_an_error_without_a_reply(tmp_path: Path) -> None:
    """Trailers only, with a message in percent encoding."""
    headers = ((":status", "200"), ("grpc-status", "9"), ("grpc-message", "no %C3%A4%0Ab %zz"))
    data = frame(HEADERS, END_HEADERS | END_STREAM, 1, block(*headers))

    with pytest.raises(StatusError, match=r"^the agent answered FAILED_PRECONDITION: no ä b %zz$"):
        called(tmp_path, data)


@pytest.mark.parametrize(
    ("data", "expected", "connections"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "no gRPC server", 1),
        (frame(HEADERS, 5, 1, block((":status", "404"))), "no gRPC server: HTTP 404", 1),
        (frame(HEADERS, 4, 3, STATUS_200), "type 1 for stream 3", 1),
        (frame(5, 4, 1, b"push"), "type 5 for stream 1", 1),
        (frame(HEADERS, 0, 1, STATUS_200) + frame(DATA, 0, 1), "block without an end", 1),
        (frame(DATA, PADDED, 1, b"\x05ab"), "more padding", 1),
        (frame(DATA, 0, 1, bytes(16000)) * 5, "more data than its window", 1),
        (frame(RESET, 0, 1, b"\0\0\0\2"), r"reset the call \(HTTP/2 code 2\)", 1),
        (frame(RESET, 0, 1, b"\0\0\0\7"), r"reset the call \(HTTP/2 code 7\)", 2),
        (frame(GOAWAY, 0, 0, bytes(8)), "takes no more calls", 2),
        (answer(reply=b"\1\0\0\0\0"), "reply has no message", 1),
        (answer(reply=b""), "reply has no message", 1),
        (b"\xff" * 64, "a frame of 16777215 bytes", 1),
    ],
)
def test_what_is_no_answer(tmp_path: Path, data: bytes, expected: str, connections: int) -> None:
    """One line says what came; a call that was refused unseen is made once more."""
    with pytest.raises(ConnectionFailedError, match=expected):
        called(tmp_path, data, connections=connections)


def test_a_closed_connection(tmp_path: Path) -> None:
    """A server that ends at once."""
    with (
        sending(tmp_path, lambda _: None) as address,
        pytest.raises(ConnectionFailedError, match="the agent"),
    ):
        call(address, "RuntimeHook", b"", time.monotonic() + DEADLINE_S)


def test_a_silent_server(tmp_path: Path) -> None:
    """The deadline ends it."""
    with (
        sending(tmp_path, never_answering) as address,
        pytest.raises(ConnectionFailedError, match="did not answer in time"),
    ):
        call(address, "RuntimeHook", b"", time.monotonic() + 0.05)


def test_a_large_message_waits_for_the_windows(tmp_path: Path) -> None:
    """Not a byte more than granted; a smaller initial window, larger frames."""
    message = bytes(range(256)) * 1024
    bodies: list[bytes] = []

    def serve(connection: socket.socket) -> None:
        reader = Reader(connection)
        reader.preface()
        received, granted = b"", 65_535
        connection.sendall(frame(SETTINGS, 0, 0, b"\0\4\0\0\x40\0" + b"\0\5\0\1\0\0"))
        while True:
            kind, flags, _, data = reader.frame()
            if kind != DATA:
                continue
            received += data
            assert len(received) <= granted
            if flags & END_STREAM:
                break
            if len(received) == granted:
                granted += 50_000
                # The window of the stream has become smaller meanwhile: 65535 - 16384 less.
                more = (50_000 + 49_151 * (granted == 115_535)).to_bytes(4, "big")
                connection.sendall(
                    frame(WINDOW, 0, 0, (50_000).to_bytes(4, "big")) + frame(WINDOW, 0, 1, more)
                )
        bodies.append(received)
        connection.sendall(answer())

    with sending(tmp_path, serve) as address:
        call(address, "RuntimeHook", message, time.monotonic() + DEADLINE_S)

    assert [b"\0" + len(message).to_bytes(4, "big") + message] == bodies
