# SPDX-License-Identifier: Apache-2.0
"""USDT probes of executables and libraries, as their notes have them, by bcc."""

from __future__ import annotations

import ctypes as c
import functools
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ._ffi import BccSymbolOption, bcc

if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = ["UsdtNote", "find_objects", "read_usdt_notes"]

_OBJECTS: Final = 1 << 1
"""STT_OBJECT."""


class _ElfUsdt(c.Structure):
    """struct bcc_elf_usdt of bcc_elf.h, up to what is used."""

    _fields_ = (
        ("pc", c.c_uint64),
        ("base_addr", c.c_uint64),
        ("semaphore", c.c_uint64),
        ("provider", c.c_char_p),
        ("name", c.c_char_p),
        ("arg_fmt", c.c_char_p),
    )


_ON_PROBE: Final = c.CFUNCTYPE(None, c.c_char_p, c.POINTER(_ElfUsdt), c.c_void_p)
_ON_SYMBOL: Final = c.CFUNCTYPE(c.c_int, c.c_char_p, c.c_uint64, c.c_uint64, c.c_void_p)


class UsdtNote(NamedTuple):
    """One site of a probe; addresses are those the file was linked to."""

    provider: str
    name: str
    address: int
    base: int
    """Address of the section .stapsdt.base when the note was written."""
    semaphore: int
    """Address of the counter of those who watch; 0: the probe has none."""
    arguments: str


@functools.cache
def _library() -> Any:  # noqa: ANN401  (a ctypes library has no useful static type)
    lib = bcc()
    lib.bcc_elf_foreach_usdt.restype = c.c_int
    lib.bcc_elf_foreach_usdt.argtypes = (c.c_char_p, _ON_PROBE, c.c_void_p)
    lib.bcc_elf_foreach_sym.restype = c.c_int
    lib.bcc_elf_foreach_sym.argtypes = (c.c_char_p, _ON_SYMBOL, c.c_void_p, c.c_void_p)
    return lib


def read_usdt_notes(path: str) -> list[UsdtNote]:
    """All USDT probes of a file, in the order of their notes; none when it cannot be read.

    Raises TetragonError when bcc's library is not installed.
    """
    notes: list[UsdtNote] = []

    def keep(_path: bytes, probe: Any, _payload: object) -> None:  # noqa: ANN401  a ctypes pointer
        one = probe.contents
        texts = [_text(value) for value in (one.provider, one.name, one.arg_fmt)]
        notes.append(UsdtNote(texts[0], texts[1], one.pc, one.base_addr, one.semaphore, texts[2]))

    _library().bcc_elf_foreach_usdt(path.encode(), _ON_PROBE(keep), None)
    return notes


def find_objects(path: str, names: Collection[str]) -> dict[str, set[int]]:
    """Addresses of variables of a file: of static ones several may have one name.

    Raises TetragonError when bcc's library is not installed.
    """
    wanted = {name.encode() for name in names}
    found: dict[str, set[int]] = {}

    def keep(name: bytes, address: int, _size: int, _payload: object) -> int:
        if name in wanted:
            found.setdefault(name.decode(), set()).add(address)
        return 0

    option = BccSymbolOption(
        use_debug_file=1, check_debug_file_crc=1, lazy_symbolize=0, use_symbol_type=_OBJECTS
    )
    _library().bcc_elf_foreach_sym(path.encode(), _ON_SYMBOL(keep), c.byref(option), None)
    return found


def _text(value: bytes | None) -> str:
    return (value or b"").decode(errors="replace")
