# SPDX-License-Identifier: Apache-2.0
"""BTF of a generated program: the least the kernel wants before functions can be global.

A global function is verified once, on its own, however often it is called (Documentation/bpf:
"global functions"); a callback of bpf_loop needs type information too. All our functions take u64
numbers and return an int; the first one takes the context.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["FUNC_INFO", "function_types"]

FUNC_INFO: Final = struct.Struct("<II")
"""struct bpf_func_info: index of the first instruction, type id."""

_HEADER: Final = struct.Struct("<HBBIIIII")
_TYPE: Final = struct.Struct("<III")
_PARAMETER: Final = struct.Struct("<II")
_MAGIC: Final = 0xEB9F
_INT, _POINTER, _FUNC, _FUNC_PROTO = 1, 2, 12, 13
_INT_SIGNED: Final = 1 << 24
_U64, _S32, _CONTEXT = 1, 2, 3
_STATIC, _GLOBAL = 0, 1


def function_types(functions: Sequence[tuple[str, int]]) -> tuple[bytes, list[int]]:
    """BTF for functions given as (name, number of u64 parameters), and the type id of each.

    The first is the program itself; the others become global.
    """
    strings = bytearray(b"\0")

    def name_of(text: str) -> int:
        offset = len(strings)
        strings.extend(text.encode() + b"\0")
        return offset

    parameter = name_of("a")
    types = [
        _TYPE.pack(name_of("u64"), _INT << 24, 8) + struct.pack("<I", 64),
        _TYPE.pack(name_of("int"), _INT << 24, 4) + struct.pack("<I", _INT_SIGNED | 32),
        _TYPE.pack(0, _POINTER << 24, _U64),
    ]
    ids = []
    for number, (name, parameters) in enumerate(functions):
        kinds = [_CONTEXT] if number == 0 else [_U64] * parameters
        prototype = _TYPE.pack(0, _FUNC_PROTO << 24 | len(kinds), _S32)
        types.append(prototype + b"".join(_PARAMETER.pack(parameter, kind) for kind in kinds))
        linkage = _STATIC if number == 0 else _GLOBAL
        types.append(_TYPE.pack(name_of(name), _FUNC << 24 | linkage, len(types)))
        ids.append(len(types))
    body = b"".join(types)
    header = _HEADER.pack(_MAGIC, 1, 0, _HEADER.size, 0, len(body), len(body), len(strings))
    return header + body + bytes(strings), ids
