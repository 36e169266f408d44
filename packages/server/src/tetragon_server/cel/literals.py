# SPDX-License-Identifier: Apache-2.0
"""Text of a literal token -> its value. The lexer has already checked the form of escapes."""

from __future__ import annotations

import re

from .values import INT_MAX, INT_MIN, UINT_MAX, Uint

__all__ = ["bytes_value", "double_value", "int_value", "string_value", "uint_value"]

_NAMED = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_ESCAPE = re.compile(r"\\(?:([0-3][0-7]{2})|([xX])(..)|u(....)|U(.{8})|(.))", re.DOTALL)


def int_value(text: str) -> int:
    """Read a decimal or 0x number with its sign; ValueError beyond 64 bits."""
    value = int(text, 16 if "0x" in text else 10)
    if not INT_MIN <= value <= INT_MAX:
        raise ValueError("a 64-bit signed number was expected")
    return value


def uint_value(text: str) -> Uint:
    """Read a number that ends in u; ValueError beyond 64 bits."""
    value = int(text[:-1], 16 if text.startswith("0x") else 10)
    if value > UINT_MAX:
        raise ValueError("a 64-bit unsigned number was expected")
    return Uint(value)


def double_value(text: str) -> float:
    """Read a floating point number; ValueError where it is too large for one."""
    value = float(text)
    if value in {float("inf"), float("-inf")}:
        raise ValueError("a number within the range of a double was expected")
    return value


def string_value(token: str) -> str:
    """Take quotes and escapes away; ValueError for an escape that is no Unicode character."""
    body, is_raw = _body(token)
    return body if is_raw else _ESCAPE.sub(_character, body)


def bytes_value(token: str) -> bytes:
    """Like string_value: UTF-8, with octal and x escapes as single bytes; no u escapes."""
    body, is_raw = _body(token[1:])
    if is_raw:
        return body.encode()
    out = bytearray()
    end = 0
    for match in _ESCAPE.finditer(body):
        out += body[end : match.start()].encode() + _byte(match)
        end = match.end()
    return bytes(out + body[end:].encode())


def _body(token: str) -> tuple[str, bool]:
    is_raw = token[0] in "rR"
    quoted = token[1:] if is_raw else token
    width = 3 if len(quoted) >= 6 and quoted[:3] in {'"""', "'''"} else 1
    body = quoted[width:-width].replace("\r\n", "\n").replace("\r", "\n")
    return body, is_raw


def _character(match: re.Match[str]) -> str:
    octal, _, hexadecimal, short, long, named = match.groups()
    if named is not None:
        return _NAMED.get(named, named)
    point = int(octal, 8) if octal else int(hexadecimal or short or long, 16)
    if point > 0x10FFFF or 0xD800 <= point <= 0xDFFF:
        raise ValueError(f"an escape for a Unicode character was expected, found {match.group()}")
    return chr(point)


def _byte(match: re.Match[str]) -> bytes:
    octal, _, hexadecimal, short, long, named = match.groups()
    if short or long:
        raise ValueError(f"a byte was expected, found the Unicode escape {match.group()}")
    if named is not None:
        return _NAMED.get(named, named).encode()
    return bytes([int(octal, 8) if octal else int(hexadecimal, 16)])
