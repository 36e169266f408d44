# SPDX-License-Identifier: Apache-2.0
"""The lines that may follow an event line: stack traces of kprobes, file hashes of LSM hooks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from .text import quote

if TYPE_CHECKING:
    from tetragon.tetragon_pb2 import ProcessKprobe, ProcessLsm, StackTraceEntry

    from .text import Palette

__all__ = ["hash_text", "stack_text"]

_BINPRM_HOOKS: Final = frozenset(
    f"bprm_{name}"
    for name in (
        "check_security",
        "committed_creds",
        "committing_creds",
        "creds_for_exec",
        "creds_from_file",
    )
)
_FILE_HOOKS: Final = frozenset(
    ("file_ioctl", "file_lock", "file_open", "file_post_open", "file_receive", "mmap_file")
)


def _kernel_entry(entry: StackTraceEntry, p: Palette) -> str:
    return (
        f"{p.green}   0x{entry.address:x}:{p.reset}{p.blue} {quote(entry.symbol)}{p.reset}"
        f"+{p.yellow}0x{entry.offset:x}\n{p.reset}"
    )


def _user_entry(entry: StackTraceEntry, p: Palette) -> str:
    symbol = f"{p.blue} {quote(entry.symbol)}{p.reset}" if entry.symbol else ""
    return (
        f"{p.green}   0x{entry.address:x}:{p.reset}{symbol}"
        f"{p.yellow} ({quote(entry.module)}+0x{entry.offset:x})\n{p.reset}"
    )


def stack_text(event: ProcessKprobe, p: Palette) -> str:
    """Both stack traces, each under its heading, as far as present."""
    parts = []
    if event.kernel_stack_trace:
        parts.append("Kernel:\n")
        parts.extend(_kernel_entry(entry, p) for entry in event.kernel_stack_trace)
    if event.user_stack_trace:
        parts.append("User:\n")
        parts.extend(_user_entry(entry, p) for entry in event.user_stack_trace)
    return "".join(parts)


def hash_text(event: ProcessLsm, p: Palette) -> str:
    """The hashed file and its hash; nothing for hooks whose first argument is no file."""
    if not event.ima_hash or not event.args:
        return ""
    argument = event.args[0]
    if event.function_name in _BINPRM_HOOKS and argument.HasField("linux_binprm_arg"):
        path = argument.linux_binprm_arg.path
    elif event.function_name in _FILE_HOOKS and argument.HasField("file_arg"):
        path = argument.file_arg.path
    else:
        return ""
    return f"{p.green}   {quote(path)}{p.reset}{p.blue} {quote(event.ima_hash)}\n{p.reset}"
