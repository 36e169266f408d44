# SPDX-License-Identifier: Apache-2.0
"""Header blocks of HTTP/2 (RFC 7541), as far as one call needs them.

Writes literals only. Reads everything a server may send to a peer that allows it no dynamic table.
Of the static table only the status codes have their texts: gRPC uses no other header there.
"""

from __future__ import annotations

from tetragon_core.errors import ConnectionFailedError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

__all__ = ["decode", "encode"]

_STATUS: Final = {8: "200", 9: "204", 10: "206", 11: "304", 12: "400", 13: "404", 14: "500"}
_STATIC_ENTRIES: Final = 61
_HUFFMAN: Final = (
    "ISXXXXXXXTZXXZXXXXXXXXZXXXXXXXXXBFFHIBDGFFDGDBBBAAABBBBBBBCDKBHFIBCCCCCCCCCCCCCCCCCCCC"
    "CCDCDIOIJBKABABABBBACCBBBABCBAABCCCCCKGJIXPRPPRRRSRSSSSSTSTTRSTSSSSQRSRSSTRQPRRSSQSRRT"
    "QRSSQQRQSRSSPRRRSRRSVVPORSRUVVVWWVTUOQVWWVWTQQVVXWWWPTPQRQQSRRUUTTVSVWVVWWWWWXWWWWWVZ"
)
"""Bits of the code of each byte and of the end, `A` being 5 (RFC 7541, Appendix B): the code is
canonical, so they are all there is to know."""
_END: Final = 256


def encode(headers: tuple[tuple[str, str], ...]) -> bytes:
    """A block of literals that nobody is to keep."""
    texts = (_text(one) for pair in headers for one in pair)
    return b"".join(b"\x00" + name + value for name, value in zip(texts, texts, strict=True))


def _text(text: str) -> bytes:
    data = text.encode()
    return _integer(len(data)) + data


def _integer(value: int) -> bytes:
    """With a prefix of seven bits."""
    if value < 0x7F:
        return bytes((value,))
    value -= 0x7F
    rest = b"\x7f"
    while value >= 0x80:
        rest += bytes((value & 0x7F | 0x80,))
        value >>= 7
    return rest + bytes((value,))


def decode(block: bytes) -> dict[str, str]:
    """Headers of a block by name; of equal names the first counts.

    Raises ConnectionFailedError for a block that is broken, or that uses a dynamic table.
    """
    headers: dict[str, str] = {}
    position = 0
    try:
        while position < len(block):
            position = _decode_one(block, position, headers)
    except (IndexError, UnicodeDecodeError) as error:
        raise _broken("it ends within a header") from error
    return headers


def _decode_one(block: bytes, position: int, headers: dict[str, str]) -> int:
    first = block[position]
    if first & 0x80:  # an entry of a table
        index, position = _read_integer(block, position, 7)
        _known(index)
        if index in _STATUS:
            headers.setdefault(":status", _STATUS[index])
        return position
    if first & 0xE0 == 0x20:  # the table gets a size
        size, position = _read_integer(block, position, 5)
        if size:
            raise _broken("it has a dynamic table, which was not allowed")
        return position
    index, position = _read_integer(block, position, 6 if first & 0x40 else 4)
    if index:
        _known(index)
        name = ":status" if index in _STATUS else ""
    else:
        name, position = _read_text(block, position)
    value, position = _read_text(block, position)
    headers.setdefault(name, value)
    return position


def _known(index: int) -> None:
    if not 0 < index <= _STATIC_ENTRIES:
        raise _broken(f"it names entry {index} of a table that is not there")


def _read_integer(block: bytes, position: int, bits: int) -> tuple[int, int]:
    most = (1 << bits) - 1
    value = block[position] & most
    position += 1
    if value < most:
        return value, position
    for shift in range(0, 28, 7):
        byte = block[position]
        position += 1
        value += (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
    raise _broken("a number in it is too large")


def _read_text(block: bytes, position: int) -> tuple[str, int]:
    is_packed = block[position] & 0x80
    length, position = _read_integer(block, position, 7)
    data = block[position : position + length]
    if len(data) < length:
        raise _broken("it ends within a header")
    return (_unpack(data) if is_packed else data.decode("latin-1")), position + length


def _unpack(data: bytes) -> str:
    """Huffman code."""
    codes = _codes()
    found = bytearray()
    code, length = 0, 0
    for byte in data:
        for shift in range(7, -1, -1):
            code = code << 1 | byte >> shift & 1
            length += 1
            symbol = codes.get((length, code))
            if symbol is not None:
                if symbol == _END:
                    raise _broken("a text in it holds the end code")
                found.append(symbol)
                code, length = 0, 0
    if length > 7 or code != (1 << length) - 1:
        raise _broken("a text in it ends within a code")
    return found.decode("latin-1")


def _codes() -> dict[tuple[int, int], int]:
    """Length and code → byte."""
    codes: dict[tuple[int, int], int] = {}
    code, before = 0, 0
    for length, symbol in sorted((ord(one) - 60, byte) for byte, one in enumerate(_HUFFMAN)):
        code <<= length - before
        codes[length, code] = symbol
        code, before = code + 1, length
    return codes


def _broken(why: str) -> ConnectionFailedError:
    return ConnectionFailedError(f"the agent's header block is broken: {why}")
