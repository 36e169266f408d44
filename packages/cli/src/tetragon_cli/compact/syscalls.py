# SPDX-License-Identifier: Apache-2.0
"""Text of a raw_syscalls/sys_enter event: the call's name and its arguments, with C types."""

from __future__ import annotations

import functools
import os
from typing import TYPE_CHECKING

from . import _syscalls

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tetragon.tetragon_pb2 import KprobeArgument

__all__ = ["HOST_ABI", "call_text"]

HOST_ABI = "arm64" if os.uname().machine == "aarch64" else "x64"

_TABLES = {
    "x64": _syscalls.X64,
    "i386": _syscalls.I386,
    "arm64": _syscalls.ARM64,
    "arm32": _syscalls.ARM32,
}


@functools.cache
def _names(abi: str) -> dict[int, str]:
    """Call names of one ABI by number; empty for an ABI that is not known."""
    names: dict[int, str] = {}
    number = 0
    for word in _TABLES.get(abi, "").split():
        if word.startswith("@"):
            number = int(word[1:])
        else:
            names[number] = word
            number += 1
    return names


@functools.cache
def _parameters() -> dict[str, list[tuple[str, str]]]:
    """Type and name of each parameter by call; calls without parameters are not in it."""
    table = {}
    for row in _syscalls.PARAMETERS.split(";"):
        call, _, rest = row.partition(":")
        pairs = (pair.split("=") for pair in rest.split("|"))
        table[call] = [(kind, name) for kind, name in pairs]
    return table


def _number(argument: KprobeArgument) -> tuple[int, str] | None:
    """Number and ABI that the first argument names."""
    if argument.HasField("long_arg"):
        return argument.long_arg, HOST_ABI
    if argument.HasField("syscall_id"):
        return argument.syscall_id.id, argument.syscall_id.abi
    return None


def _argument(kind: str, name: str, value: KprobeArgument | None) -> str:
    """One parameter with its value; the odd blank before `=?` is what upstream prints."""
    if value is None or not value.HasField("size_arg"):
        return f"{kind} {name}=?"
    if kind.endswith("*"):
        return f"{kind}{name}=0x{value.size_arg:x}"
    return f"{kind} {name}={value.size_arg}"


def call_text(arguments: Sequence[KprobeArgument]) -> str:
    """The whole call, `unknown` when the number or its ABI is."""
    called = _number(arguments[0]) if arguments else None
    if called is None:
        return "unknown"
    number, abi = called
    name = _names(abi).get(number)
    if name is None:
        return "unknown"
    if abi != HOST_ABI:
        return f"{abi}/{name}"
    parameters = _parameters().get(name)
    if parameters is None:
        return name
    texts = (
        _argument(kind, label, arguments[index] if index < len(arguments) else None)
        for index, (kind, label) in enumerate(parameters, start=1)
    )
    return f"{name}({', '.join(texts)})"
