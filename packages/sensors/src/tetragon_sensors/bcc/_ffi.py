# SPDX-License-Identifier: Apache-2.0
"""C signatures of the functions of bcc's runtime library that we call, and where the library is.

The structures are those of bcc_syms.h, which have been the same since bcc 0.8.
"""

from __future__ import annotations

import ctypes as c
import functools
from typing import Any, Final

from tetragon_sensors.shared_library import Signatures, open_library

__all__ = ["BccSymbol", "BccSymbolOption", "bcc"]


class BccSymbol(c.Structure):
    """struct bcc_symbol."""

    _fields_ = (
        ("name", c.c_char_p),
        ("demangle_name", c.c_char_p),
        ("module", c.c_void_p),
        ("offset", c.c_uint64),
    )


class BccSymbolOption(c.Structure):
    """struct bcc_symbol_option."""

    _fields_ = (
        ("use_debug_file", c.c_int),
        ("check_debug_file_crc", c.c_int),
        ("lazy_symbolize", c.c_int),
        ("use_symbol_type", c.c_uint32),
    )


_SIGNATURES: Final[Signatures] = {
    "bcc_resolve_symname": (
        c.c_int,
        (
            *(c.c_char_p, c.c_char_p, c.c_uint64, c.c_int),
            *(c.POINTER(BccSymbolOption), c.POINTER(BccSymbol)),
        ),
    ),
    "bcc_procutils_free": (None, (c.c_void_p,)),
}


@functools.cache
def bcc() -> Any:  # noqa: ANN401  (a ctypes library has no useful static type)
    """Open the library and declare what we call; it is loaded when first asked for.

    Raises TetragonError when it is not installed.
    """
    return open_library("libbcc_bpf.so.0", "libbpfcc or libbcc", _SIGNATURES)
