# SPDX-License-Identifier: Apache-2.0
"""Where the functions of an executable or library are, by bcc."""

from __future__ import annotations

import ctypes as c
from enum import IntEnum
from typing import Final

from ._ffi import BccSymbol, BccSymbolOption, bcc

__all__ = ["SymbolKind", "find_symbol"]


class SymbolKind(IntEnum):
    """Types of symbols (STT_*), as bits."""

    FUNCTION = 1 << 2
    RESOLVER = 1 << 10
    """A function that returns which implementation to use (STT_GNU_IFUNC)."""


_NO_PROCESS: Final = -1


def find_symbol(path: str, name: str, kind: SymbolKind = SymbolKind.FUNCTION) -> int | None:
    """Offset in the file of what has this name; None when it has no such symbol.

    Symbols of a matching file with debug information (by build id or debug link) count as well.
    Raises TetragonError when bcc's library is not installed.
    """
    lib = bcc()
    found = BccSymbol()
    option = BccSymbolOption(
        use_debug_file=1, check_debug_file_crc=1, lazy_symbolize=0, use_symbol_type=kind
    )
    failed = lib.bcc_resolve_symname(
        path.encode(), name.encode(), 0, _NO_PROCESS, c.byref(option), c.byref(found)
    )
    if found.module:
        lib.bcc_procutils_free(found.module)
    return None if failed else int(found.offset)
