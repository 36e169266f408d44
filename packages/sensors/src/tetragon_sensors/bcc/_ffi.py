# SPDX-License-Identifier: Apache-2.0
"""C signatures of the functions of bcc's runtime library that we call, and where the library is.

The structures are those of bcc_syms.h, which have been the same since bcc 0.8.
"""

from __future__ import annotations

import ctypes as c
import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from tetragon_core.errors import TetragonError

if TYPE_CHECKING:
    from collections.abc import Mapping

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


Signatures: TypeAlias = "Mapping[str, tuple[Any, tuple[Any, ...]]]"
"""Result and arguments of each function we call."""
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


def _candidates() -> list[str]:
    """The copy that travels with the package, then the system's own."""
    bundled = Path(__file__).parent.parent / "_lib" / "libbcc_bpf.so.0"
    return [str(bundled), "libbcc_bpf.so.0"]


@functools.cache
def bcc() -> Any:  # noqa: ANN401  (a ctypes library has no useful static type)
    """Open the library and declare what we call; it is loaded when first asked for.

    Raises TetragonError when it is not installed.
    """
    for name in _candidates():
        try:
            lib = c.CDLL(name, use_errno=True)
        except OSError:
            continue
        for function, (result, arguments) in _SIGNATURES.items():
            entry = getattr(lib, function)
            entry.restype = result
            entry.argtypes = arguments
        return lib
    raise TetragonError("libbcc_bpf.so.0 was not found: install the package libbpfcc or libbcc")
