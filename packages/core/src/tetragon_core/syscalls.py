# SPDX-License-Identifier: Apache-2.0
"""System calls of each ABI: their numbers and names, and the C types of their parameters."""

from __future__ import annotations

import functools
import os
from typing import Final, NamedTuple

from . import _syscalls

__all__ = ["HOST_ABI", "Parameter", "names", "number", "parameters"]

HOST_ABI: Final = "arm64" if os.uname().machine == "aarch64" else "x64"

_TABLES: Final = {
    "x64": _syscalls.X64,
    "i386": _syscalls.I386,
    "arm64": _syscalls.ARM64,
    "arm32": _syscalls.ARM32,
}


class Parameter(NamedTuple):
    """A parameter of a system call."""

    type_text: str
    """In C, as `const char *`."""
    name: str


@functools.cache
def names(abi: str) -> dict[int, str]:
    """Call names of one ABI by number; empty for an ABI that is not known."""
    found: dict[int, str] = {}
    place = 0
    for word in _TABLES.get(abi, "").split():
        if word.startswith("@"):
            place = int(word[1:])
        else:
            found[place] = word
            place += 1
    return found


@functools.cache
def _numbers(abi: str) -> dict[str, int]:
    return {name: place for place, name in names(abi).items()}


def number(abi: str, name: str) -> int | None:
    """Number of a call in an ABI, None when it has none."""
    return _numbers(abi).get(name)


@functools.cache
def _all_parameters() -> dict[str, tuple[Parameter, ...]]:
    table = {}
    for row in _syscalls.PARAMETERS.split(";"):
        call, _, rest = row.partition(":")
        pairs = (pair.split("=") for pair in rest.split("|"))
        table[call] = tuple(Parameter(kind, name) for kind, name in pairs)
    return table


def parameters(name: str) -> tuple[Parameter, ...] | None:
    """Parameters of a call as 64-bit machines have them; None for calls without or not known."""
    return _all_parameters().get(name)
