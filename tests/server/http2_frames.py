# SPDX-License-Identifier: Apache-2.0
"""HTTP/2 byte by byte, for what no well-behaved client sends."""

from __future__ import annotations

import struct

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_PING = 6


def frame(kind: int, flags: int = 0, stream: int = 0, payload: bytes = b"") -> bytes:
    """RFC 9113, section 4.1."""
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


BEGIN = PREFACE + frame(4)
"""What a connection begins with: the preface and empty settings."""
PING = frame(_PING, payload=b"are you?")
PONG = frame(_PING, 1, payload=b"are you?")


def begin_call(stream: int, path: bytes | None, *more: tuple[bytes, bytes]) -> bytes:
    """Headers of a request whose message is still to come."""
    headers = [
        (b":method", b"POST"),
        (b":scheme", b"http"),
        *([] if path is None else [(b":path", path)]),
        (b":authority", b"x"),
        (b"content-type", b"application/grpc"),
        (b"te", b"trailers"),
        *more,
    ]
    texts = (bytes([len(text)]) + text for pair in headers for text in pair)
    block = b"".join(b"\0" + name + value for name, value in zip(texts, texts, strict=True))
    return frame(1, 4, stream, block)


def cancel(stream: int) -> bytes:
    """RST_STREAM with CANCEL."""
    return frame(3, stream=stream, payload=struct.pack(">I", 8))
