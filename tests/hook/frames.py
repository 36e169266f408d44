# SPDX-License-Identifier: Apache-2.0
"""HTTP/2 frames as a server sends and reads them, made without the code under test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import hpack

if TYPE_CHECKING:
    import socket

DATA, HEADERS, RESET, SETTINGS, PING, GOAWAY, WINDOW, CONTINUATION = 0, 1, 3, 4, 6, 7, 8, 9
END_STREAM, END_HEADERS, PADDED, PRIORITY = 1, 4, 8, 32
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
EMPTY_REPLY = b"\0\0\0\0\0"


def frame(kind: int, flags: int = 0, stream: int = 0, data: bytes = b"") -> bytes:
    """One frame."""
    return len(data).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big") + data


def block(*headers: tuple[str, str], huffman: bool = True) -> bytes:
    """A header block without a dynamic table."""
    encoder = hpack.Encoder()
    encoder.header_table_size = 0
    return encoder.encode(headers, huffman=huffman)


def answer(status: str = "0", message: str = "", reply: bytes = EMPTY_REPLY) -> bytes:
    """Headers, data and trailers."""
    return (
        frame(HEADERS, END_HEADERS, 1, block((":status", "200")))
        + frame(DATA, 0, 1, reply)
        + frame(
            HEADERS,
            END_HEADERS | END_STREAM,
            1,
            block(("grpc-status", status), ("grpc-message", message)),
        )
    )


class Reader:
    """Reads what a client sends."""

    def __init__(self, connection: socket.socket) -> None:
        self._file = connection.makefile("rb")

    def preface(self) -> None:
        """The first bytes."""
        assert self._file.read(len(PREFACE)) == PREFACE

    def frame(self) -> tuple[int, int, int, bytes]:
        """Type, flags, stream and data; raises EOFError at the end."""
        head = self._file.read(9)
        if len(head) < 9:
            raise EOFError
        stream = int.from_bytes(head[5:], "big")
        return head[3], head[4], stream, self._file.read(int.from_bytes(head[:3], "big"))

    def until(self, kind: int, flag: int = 0) -> bytes:
        """Data of all frames of a kind until one has the flag (or the first, without)."""
        found = b""
        while True:
            this, flags, _, data = self.frame()
            if this == kind:
                found += data
                if flags & flag or not flag:
                    return found
