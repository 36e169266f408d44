# SPDX-License-Identifier: Apache-2.0
"""How a kernel calls the entry functions of its system calls."""

from __future__ import annotations

from typing import Final

from tetragon_core import syscalls

__all__ = ["NUMBERS_ONLY", "call_name", "entry_symbol", "native_abi", "symbol_prefix"]

_PREFIXES: Final = {
    "x64": "__x64_sys_",
    "i386": "__ia32_sys_",
    "arm64": "__arm64_sys_",
    "arm32": "__arm64_sys_",
}
_NATIVE: Final = {"x86_64": "x64", "aarch64": "arm64"}

NUMBERS_ONLY: Final = frozenset({"get_thread_area", "set_thread_area"})
"""Calls with a number and a function, but none of them leads to the other (syscall_64.tbl)."""

_RENAMED: Final = {
    "x64": {
        "fstat": "newfstat",
        "lstat": "newlstat",
        "sendfile": "sendfile64",
        "stat": "newstat",
        "umount2": "umount",
        "uname": "newuname",
    },
    "arm64": {
        "fadvise64": "fadvise64_64",
        "fstat": "newfstat",
        "sendfile": "sendfile64",
        "umount2": "umount",
        "uname": "newuname",
    },
}
"""Calls whose function has another name: arch/x86/entry/syscalls/syscall_64.tbl, asm-generic."""


def native_abi(machine: str) -> str:
    """The ABI of 64-bit programs of a machine (uname -m)."""
    return _NATIVE.get(machine, "x64")


def symbol_prefix(abi: str) -> str:
    """What entry functions of an ABI begin with: `__x64_sys_`."""
    return _PREFIXES[abi]


def entry_symbol(abi: str, name: str) -> str:
    """Entry function of a call, given its name (`stat`) or its function's (`newstat`)."""
    return symbol_prefix(abi) + _RENAMED.get(abi, {}).get(name, name)


def call_name(abi: str, function: str) -> str | None:
    """Name of the call whose entry function is `newstat`, or of `stat` itself; None for neither."""
    by_function = {function: name for name, function in _RENAMED.get(abi, {}).items()}
    name = by_function.get(function, function)
    return name if syscalls.number(abi, name) is not None else None
