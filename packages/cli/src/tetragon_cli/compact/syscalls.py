# SPDX-License-Identifier: Apache-2.0
"""Text of a raw_syscalls/sys_enter event: the call's name and its arguments, with C types."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tetragon_core.syscalls import HOST_ABI, names, parameters

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tetragon.tetragon_pb2 import KprobeArgument

__all__ = ["HOST_ABI", "call_text"]


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
    name = names(abi).get(number)
    if name is None:
        return "unknown"
    if abi != HOST_ABI:
        return f"{abi}/{name}"
    known = parameters(name)
    if known is None:
        return name
    texts = (
        _argument(kind, label, arguments[index] if index < len(arguments) else None)
        for index, (kind, label) in enumerate(known, start=1)
    )
    return f"{name}({', '.join(texts)})"
