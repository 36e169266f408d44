# SPDX-License-Identifier: Apache-2.0
"""One unary gRPC call over HTTP/2 (RFC 9113), by hand: a library would take longer than the hook.

It has one stream, asks for no dynamic header table, and takes replies that fit the first window, so
that it never has to grant the server more. Everything it waits for ends at the deadline.
"""

from __future__ import annotations

from time import monotonic

from tetragon_core.errors import ConnectionFailedError

from . import hpack

TYPE_CHECKING = False
if TYPE_CHECKING:
    from socket import socket
    from typing import Final

__all__ = ["Exchange", "RefusedError"]

_DATA, _HEADERS, _RESET, _SETTINGS, _PING, _GOAWAY, _WINDOW, _CONTINUATION = 0, 1, 3, 4, 6, 7, 8, 9
_PUSH: Final = 5
_END_STREAM, _ACK, _END_HEADERS, _PADDED, _PRIORITY = 0x1, 0x1, 0x4, 0x8, 0x20
_INITIAL_WINDOW, _MAX_FRAME = 4, 5
_PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_OUR_SETTINGS: Final = b"\x00\x01\x00\x00\x00\x00\x00\x02\x00\x00\x00\x00"
"""No dynamic header table, no pushed streams."""
_FRAME_BYTES: Final = 16_384
"""The largest frame and header block we take, and the first size a server takes."""
_FIRST_WINDOW: Final = 65_535
_REFUSED_STREAM: Final = 7
_MAX_WINDOW: Final = 2**31 - 1


class RefusedError(ConnectionFailedError):
    """The server has not looked at the call, so it may be made again."""


class Exchange:
    """One call on a connection of its own."""

    def __init__(self, connection: socket, deadline: float) -> None:
        """`deadline` is on time.monotonic()."""
        self._connection = connection
        self._deadline = deadline
        self._received = b""
        self._window = self._stream_window = self._initial_window = _FIRST_WINDOW
        self._max_frame = _FRAME_BYTES
        self._headers: dict[str, str] = {}
        self._reply = b""
        self._is_over = False

    def call(self, path: str, authority: str, message: bytes) -> tuple[dict[str, str], bytes]:
        """Headers with trailers, and the reply's bytes with gRPC's prefix.

        Raises ConnectionFailedError when there is no answer in time, or one that is none.
        """
        left_ms = max(1, int((self._deadline - monotonic()) * 1000))
        block = hpack.encode(
            (
                (":method", "POST"),
                (":scheme", "http"),
                (":path", path),
                (":authority", authority),
                ("te", "trailers"),
                ("content-type", "application/grpc"),
                ("user-agent", "tetragon-mini-hook"),
                ("grpc-timeout", f"{left_ms}m"),
            )
        )
        self._send(
            _PREFACE + _frame(_SETTINGS, 0, 0, _OUR_SETTINGS) + _frame(_HEADERS, 4, 1, block)
        )
        whole = b"\x00" + len(message).to_bytes(4, "big") + message
        rest = self._send_message(memoryview(whole))
        while not self._is_over:
            self._take(*self._read_frame())
            if rest and not self._is_over:
                rest = self._send_message(rest)
        return self._headers, self._reply

    def _send_message(self, rest: memoryview) -> memoryview:
        """Send what the windows permit; return what is left."""
        while rest:
            size = min(len(rest), self._window, self._stream_window, self._max_frame)
            if size <= 0:
                break
            flags = _END_STREAM if size == len(rest) else 0
            self._send(_frame(_DATA, flags, 1, bytes(rest[:size])))
            self._window -= size
            self._stream_window -= size
            rest = rest[size:]
        return rest

    def _take(self, kind: int, flags: int, stream: int, data: bytes) -> None:
        if stream not in {0, 1} or kind == _PUSH:
            raise _protocol_error(f"a frame of type {kind} for stream {stream}")
        if kind == _DATA:
            self._take_data(flags, data)
        elif kind == _HEADERS:
            self._take_headers(flags, data)
        elif kind == _RESET:
            self._take_reset(data)
        elif kind == _GOAWAY:
            _take_goaway(data)
        elif kind == _WINDOW:
            self._take_window(stream, data)
        elif kind in {_SETTINGS, _PING} and not flags & _ACK:
            if kind == _SETTINGS:
                self._take_settings(data)
            self._send(_frame(kind, _ACK, 0, data if kind == _PING else b""))
        if kind in {_DATA, _HEADERS} and flags & _END_STREAM:
            self._is_over = True

    def _take_data(self, flags: int, data: bytes) -> None:
        self._reply += _unpadded(flags, data)
        if len(self._reply) > _FIRST_WINDOW:
            raise _protocol_error("more data than its window permits")

    def _take_headers(self, flags: int, data: bytes) -> None:
        """The block may go on in frames that follow directly."""
        block = _unpadded(flags, data)
        if flags & _PRIORITY:
            block = block[5:]
        while not flags & _END_HEADERS:
            kind, flags, _, more = self._read_frame()
            block += more
            if kind != _CONTINUATION or len(block) > _FRAME_BYTES:
                raise _protocol_error("a header block without an end")
        for name, value in hpack.decode(block).items():
            self._headers.setdefault(name, value)

    def _take_reset(self, data: bytes) -> None:
        """A server that has answered may reset the stream instead of reading on (code 0)."""
        code = int.from_bytes(data, "big")
        if code == 0 and "grpc-status" in self._headers:
            self._is_over = True
            return
        error = RefusedError if code == _REFUSED_STREAM else ConnectionFailedError
        raise error(f"the agent reset the call (HTTP/2 code {code})")

    def _take_settings(self, data: bytes) -> None:
        for start in range(0, len(data), 6):
            name = int.from_bytes(data[start : start + 2], "big")
            value = int.from_bytes(data[start + 2 : start + 6], "big")
            if name == _INITIAL_WINDOW:
                self._stream_window += value - self._initial_window
                self._initial_window = value
            elif name == _MAX_FRAME:
                self._max_frame = max(value, _FRAME_BYTES)

    def _take_window(self, stream: int, data: bytes) -> None:
        more = int.from_bytes(data, "big") & _MAX_WINDOW
        if stream:
            self._stream_window += more
        else:
            self._window += more

    def _read_frame(self) -> tuple[int, int, int, bytes]:
        head = self._read(9)
        length = int.from_bytes(head[:3], "big")
        if length > _FRAME_BYTES:
            raise _protocol_error(f"a frame of {length} bytes")
        stream = int.from_bytes(head[5:], "big") & _MAX_WINDOW
        return head[3], head[4], stream, self._read(length)

    def _read(self, length: int) -> bytes:
        while len(self._received) < length:
            self._connection.settimeout(self._left_s())
            try:
                more = self._connection.recv(_FIRST_WINDOW)
            except TimeoutError as error:
                raise _timeout() from error
            except OSError as error:
                raise ConnectionFailedError(f"the agent is gone: {error.strerror}") from error
            if not more:
                raise ConnectionFailedError("the agent closed the connection without an answer")
            self._received += more
        data, self._received = self._received[:length], self._received[length:]
        return data

    def _send(self, data: bytes) -> None:
        self._connection.settimeout(self._left_s())
        try:
            self._connection.sendall(data)
        except TimeoutError as error:
            raise _timeout() from error
        except OSError as error:
            raise ConnectionFailedError(f"the agent is gone: {error.strerror}") from error

    def _left_s(self) -> float:
        left = self._deadline - monotonic()
        if left <= 0:
            raise _timeout()
        return left


def _take_goaway(data: bytes) -> None:
    """A server that ends still answers the calls it has begun with."""
    last = int.from_bytes(data[:4], "big") & _MAX_WINDOW
    if last < 1:
        code = int.from_bytes(data[4:8], "big")
        raise RefusedError(f"the agent takes no more calls (HTTP/2 code {code})")


def _unpadded(flags: int, data: bytes) -> bytes:
    if not flags & _PADDED:
        return data
    if not data or data[0] >= len(data):
        raise _protocol_error("a frame with more padding than bytes")
    return data[1 : len(data) - data[0]]


def _frame(kind: int, flags: int, stream: int, data: bytes) -> bytes:
    head = len(data).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big")
    return head + data


def _timeout() -> ConnectionFailedError:
    return ConnectionFailedError("the agent did not answer in time (see --grpc-timeout)")


def _protocol_error(what: str) -> ConnectionFailedError:
    return ConnectionFailedError(f"what answers is no gRPC server: it sent {what}")
