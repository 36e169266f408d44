# SPDX-License-Identifier: Apache-2.0
"""Protobuf by hand, as far as joining ready-made parts needs it: tags, lengths, times."""

from __future__ import annotations

from functools import lru_cache

__all__ = ["delimited", "tag", "timestamp", "varint"]

_SMALL = tuple(bytes((value,)) for value in range(128))
_LENGTH_DELIMITED = 2


def varint(value: int) -> bytes:
    """`value`, not negative, in protobuf's base-128 form."""
    if value < 128:
        return _SMALL[value]
    if value < 1 << 14:
        return bytes((value & 127 | 128, value >> 7))
    if 1 << 28 <= value < 1 << 35:  # seconds of today, and most nanoseconds
        low = (value & 127 | 128, value >> 7 & 127 | 128)
        return bytes((*low, value >> 14 & 127 | 128, value >> 21 & 127 | 128, value >> 28))
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def tag(number: int, wire_type: int = _LENGTH_DELIMITED) -> bytes:
    """What stands before the value of field `number`."""
    return varint(number << 3 | wire_type)


def delimited(field_tag: bytes, body: bytes) -> bytes:
    """A string, bytes or message field."""
    length = len(body)
    if length < 128:
        return field_tag + _SMALL[length] + body
    return b"".join((field_tag, varint(length), body))


def timestamp(wall_ns: int) -> bytes:
    """Body of a google.protobuf.Timestamp; `wall_ns` counts from the Unix epoch."""
    seconds = wall_ns // 1_000_000_000
    nanos = wall_ns - seconds * 1_000_000_000
    return _seconds(seconds) + b"\x10" + varint(nanos) if nanos else _seconds(seconds)


# Many events have the same second.
@lru_cache(maxsize=64)
def _seconds(seconds: int) -> bytes:
    return b"\x08" + varint(seconds) if seconds else b""
