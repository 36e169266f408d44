# SPDX-License-Identifier: Apache-2.0
"""A writer of BTF, record by record as Documentation/bpf/btf.rst has them; types count from 1."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tetragon_sensors.kernel.btf import Kind

HEADER: Final = struct.Struct("<HBBIIIII")
MAGIC: Final = 0xEB9F
SIGNED: Final = 1 << 24


class BtfBlob:
    """Types are added one after the other; each call returns the new type's id."""

    def __init__(self) -> None:
        self._strings = bytearray(b"\0")
        self._types: list[bytes] = []

    def _text(self, text: str) -> int:
        if not text:
            return 0
        self._strings += text.encode() + b"\0"
        return len(self._strings) - len(text.encode()) - 1

    def add(
        self,
        kind: Kind,
        name: str = "",
        *,
        word: int = 0,
        count: int = 0,
        flag: bool = False,
        tail: bytes = b"",
    ) -> int:
        """Any record; `word` is its size or the type it refers to."""
        info = kind << 24 | count | flag << 31
        self._types.append(struct.pack("<III", self._text(name), info, word) + tail)
        return len(self._types)

    def integer(self, kind: Kind, name: str, size: int, *, signed: bool = False) -> int:
        """An integer type."""
        encoding = (SIGNED if signed else 0) | size * 8
        return self.add(kind, name, word=size, tail=struct.pack("<I", encoding))

    def array(self, kind: Kind, element: int, length: int, index: int) -> int:
        """An array."""
        return self.add(kind, tail=struct.pack("<III", element, index, length))

    def record(
        self,
        kind: Kind,
        name: str,
        size: int,
        members: Sequence[tuple[str, int, int, int]],
    ) -> int:
        """A struct or union of (name, type, first bit, bits of a bit field or 0)."""
        has_bits = any(bits for *_, bits in members)
        tail = b"".join(
            struct.pack("<III", self._text(member), type_id, place | bits << 24)
            for member, type_id, place, bits in members
        )
        return self.add(kind, name, word=size, count=len(members), flag=has_bits, tail=tail)

    def prototype(self, kind: Kind, result: int, parameters: Sequence[tuple[str, int]]) -> int:
        """A function's type; the parameter ("", 0) stands for `...`."""
        tail = b"".join(struct.pack("<II", self._text(name), one) for name, one in parameters)
        return self.add(kind, word=result, count=len(parameters), tail=tail)

    def values(self, kind: Kind, name: str, values: Sequence[tuple[str, int]]) -> int:
        """An enum of 4 bytes."""
        tail = b"".join(struct.pack("<Ii", self._text(one), value) for one, value in values)
        return self.add(kind, name, word=4, count=len(values), flag=True, tail=tail)

    def wide_values(self, kind: Kind, name: str, values: Sequence[tuple[str, int]]) -> int:
        """An unsigned enum of 8 bytes."""
        tail = b"".join(
            struct.pack("<III", self._text(one), value & 0xFFFFFFFF, value >> 32)
            for one, value in values
        )
        return self.add(kind, name, word=8, count=len(values), tail=tail)

    def image(self) -> bytes:
        """The whole file."""
        types = b"".join(self._types)
        strings = bytes(self._strings)
        head = HEADER.pack(MAGIC, 1, 0, HEADER.size, 0, len(types), len(types), len(strings))
        return head + types + strings
