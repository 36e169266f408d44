# SPDX-License-Identifier: Apache-2.0
"""Names of system calls as policies write them: `sys_x`, `__x64_sys_x`, `abi/sys_x`."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from .problems import did_you_mean

__all__ = ["ABIS", "SyscallName", "looks_like_syscall", "parse_syscall_name"]

ABIS: Final = ("x64", "i386", "arm64", "arm32")
_PREFIX_ABIS: Final = {"__x64_": "x64", "__ia32_": "i386", "__arm64_": "arm64"}
_NAME: Final = re.compile(r"(__x64_|__ia32_|__arm64_)?sys_(\w+)", re.ASCII)


class SyscallName(NamedTuple):
    """A system call of one ABI."""

    abi: str
    """One of ABIS; empty: the kernel's own."""
    name: str
    """Without any prefix: `openat`."""


def looks_like_syscall(symbol: str) -> bool:
    """Whether a hook's `call` has the form of a system call."""
    abi, slash, name = symbol.rpartition("/")
    return _NAME.fullmatch(name) is not None and (not slash or abi in ABIS)


def parse_syscall_name(text: str) -> SyscallName:
    """Split what a list of type `syscalls`, or a `call`, names. Raises ValueError."""
    abi, slash, symbol = text.strip().rpartition("/")
    if slash and abi not in ABIS:
        hint = did_you_mean(abi, ABIS)
        raise ValueError(f'unknown ABI "{abi}"{hint}; allowed: {", ".join(ABIS)}')
    match = _NAME.fullmatch(symbol)
    if match is None:
        raise ValueError(f'"{text}" is no system call; write sys_NAME or ABI/sys_NAME')
    prefix_abi = _PREFIX_ABIS[match[1]] if match[1] else ""
    if abi and prefix_abi and (abi, prefix_abi) != ("arm32", "arm64") and abi != prefix_abi:
        raise ValueError(f'"{text}" names two ABIs, {abi} and {prefix_abi}')
    return SyscallName(abi or prefix_abi, match[2])
