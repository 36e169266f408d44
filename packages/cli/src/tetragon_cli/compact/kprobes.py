# SPDX-License-Identifier: Apache-2.0
"""What a kprobe event shows, by function name. A function is added as one row of FUNCTIONS.

Arguments of another type than the row expects give an empty piece, so that a policy can name any
type for any function.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from .text import escape, quote

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tetragon.tetragon_pb2 import KprobeArgument, ProcessKprobe

    from .text import Palette

    Arguments = Sequence[KprobeArgument]
    Fields = tuple[str, ...]
    Reader = Callable[[Arguments, Palette], Fields]

__all__ = ["FUNCTIONS", "Piece", "kprobe_piece"]

_PREFIXES: Final = ("__x64_", "__arm64_", "__ia32_")
_NAMESPACES: Final = {
    0: "any",
    0x2000000: "cgroup",
    0x8000000: "ipc",
    0x40000000: "net",
    0x20000: "mnt",
    0x20000000: "pid",
    0x80: "time",
    0x10000000: "user",
    0x4000000: "uts",
}
_MAY_WRITE: Final = 2
_MAY_READ: Final = 4


class Piece(NamedTuple):
    """The middle of a line: a picture, the event's word, and what follows the binary."""

    emoji: str
    word: str
    fields: tuple[str, ...]


def _cyan(text: str, p: Palette) -> str:
    return f"{p.cyan}{text}{p.reset}"


def _argument(arguments: Arguments, index: int, kind: str) -> KprobeArgument | None:
    """Argument `index` when it exists and is of that kind."""
    if index < len(arguments) and arguments[index].WhichOneof("arg") == kind:
        return arguments[index]
    return None


def _file(arguments: Arguments, index: int, p: Palette) -> str:
    argument = _argument(arguments, index, "file_arg")
    return _cyan(quote(argument.file_arg.path), p) if argument else ""


def _string(arguments: Arguments, index: int, p: Palette) -> str:
    """An argument of another type is an empty text, in colour."""
    return _cyan(quote(arguments[index].string_arg), p) if index < len(arguments) else ""


def _nothing(_arguments: Arguments, _p: Palette) -> Fields:
    return ()


def _file_and_size(arguments: Arguments, p: Palette) -> Fields:
    size = _cyan(f"{arguments[2].size_arg} bytes", p) if len(arguments) > 2 else ""
    return _file(arguments, 0, p), size


def _first_file(arguments: Arguments, p: Palette) -> Fields:
    return (_file(arguments, 0, p),)


def _second_file(arguments: Arguments, p: Palette) -> Fields:
    return (_file(arguments, 1, p),)


def _second_string(arguments: Arguments, p: Palette) -> Fields:
    return (_string(arguments, 1, p),)


def _two_strings(arguments: Arguments, p: Palette) -> Fields:
    return _string(arguments, 0, p), _string(arguments, 1, p)


def _user_id(arguments: Arguments, p: Palette) -> Fields:
    return (_cyan(str(arguments[0].int_arg), p) if arguments else "",)


def _namespace(arguments: Arguments, _p: Palette) -> Fields:
    return (_NAMESPACES.get(arguments[1].int_arg, "") if len(arguments) > 1 else "",)


def _connection(arguments: Arguments, p: Palette) -> Fields:
    argument = _argument(arguments, 0, "sock_arg")
    if argument is None:
        return ("",)
    sock = argument.sock_arg
    source, target = escape(sock.saddr), escape(sock.daddr)
    return (_cyan(f"tcp {source}:{sock.sport} -> {target}:{sock.dport}", p),)


def _sent(arguments: Arguments, p: Palette) -> Fields:
    count = arguments[1].int_arg if len(arguments) > 1 else 0
    return (*_connection(arguments, p), "bytes", str(count))


def _bpf_program(arguments: Arguments, p: Palette) -> Fields:
    argument = _argument(arguments, 0, "bpf_attr_arg")
    if argument is None:
        return ("",)
    program = argument.bpf_attr_arg
    names = escape(f"{program.ProgType} {program.ProgName}")
    return (_cyan(f"{names} instruction count {program.InsnCnt}", p),)


def _perf_event(arguments: Arguments, p: Palette) -> Fields:
    argument = _argument(arguments, 0, "perf_event_arg")
    if argument is None:
        return ("",)
    perf = argument.perf_event_arg
    return (_cyan(escape(f"{perf.Type} {perf.KprobeFunc}"), p),)


def _bpf_map(arguments: Arguments, p: Palette) -> Fields:
    argument = _argument(arguments, 0, "bpf_map_arg")
    if argument is None:
        return ("",)
    table = argument.bpf_map_arg
    sizes = f"key size {table.KeySize} value size {table.ValueSize} max entries {table.MaxEntries}"
    return (_cyan(f"{escape(f'{table.MapType} {table.MapName}')} {sizes}", p),)


def _truncated_path(arguments: Arguments, p: Palette) -> Fields:
    argument = _argument(arguments, 0, "path_arg")
    return (_cyan(quote(argument.path_arg.path), p) if argument else "",)


def _fixed(emoji: str, word: str, read: Reader) -> Callable[[Arguments, Palette], Piece]:
    """A function whose picture and word do not depend on its arguments."""
    return lambda arguments, p: Piece(emoji, word, read(arguments, p))


def _file_permission(arguments: Arguments, p: Palette) -> Piece:
    """The access mask names the word; both arguments are needed."""
    if len(arguments) < 2:
        return Piece("❓", "security_file_permission", ("",))
    fields = _first_file(arguments, p)
    mask = arguments[1].int_arg
    if mask == _MAY_WRITE:
        return Piece("📝", "write", fields)
    if mask == _MAY_READ:
        return Piece("📚", "read", fields)
    return Piece("❓", "security_file_permission", fields)


def _mmap_file(arguments: Arguments, p: Palette) -> Piece:
    """The protection bits become letters."""
    if len(arguments) < 2:
        return Piece("❓", "security_mmap_file", ("",))
    bits = arguments[1].uint_arg
    letters = "".join(letter for bit, letter in ((1, "r"), (2, "w"), (4, "x")) if bits & bit)
    return Piece("📝", f"mmap-{letters}", _first_file(arguments, p))


def _truncate(name: str, read: Reader) -> Callable[[Arguments, Palette], Piece]:
    def piece(arguments: Arguments, p: Palette) -> Piece:
        if not arguments:
            return Piece("❓", name, ("",))
        return Piece("📝", "truncate", read(arguments, p))

    return piece


FUNCTIONS: Final[dict[str, Callable[[Arguments, Palette], Piece]]] = {
    "sys_write": _fixed("📝", "write", _file_and_size),
    "sys_read": _fixed("📚", "read", _file_and_size),
    "fd_install": _fixed("📬", "open", _second_file),
    "sys_openat": _fixed("📬️", "openat", _second_string),
    "sys_open": _fixed("📬️", "open", _second_string),
    "sys_close": _fixed("📪", "close", _first_file),
    "sys_mount": _fixed("💾", "mount", _two_strings),
    "sys_pivot_root": _fixed("💾", "pivot_root", _two_strings),
    "sys_setuid": _fixed("🔑", "setuid", _user_id),
    "sys_clock_settime": _fixed("⏰", "clock_settime", _nothing),
    "proc_exec_connector": _fixed("🔧", "proc_exec_connector", _nothing),
    "sys_setns": _fixed("🔧", "setns", _namespace),
    "tcp_connect": _fixed("🔌", "connect", _connection),
    "tcp_close": _fixed("🧹", "close", _connection),
    "tcp_sendmsg": _fixed("📤", "sendmsg", _sent),
    "bpf_check": _fixed("🐝", "bpf_load", _bpf_program),
    "security_perf_event_alloc": _fixed("🐝", "perf_event_alloc", _perf_event),
    "security_bpf_map_alloc": _fixed("🗺", "bpf_map_create", _bpf_map),
    "security_bpf_map_create": _fixed("🗺", "bpf_map_create", _bpf_map),
    "security_file_permission": _file_permission,
    "security_mmap_file": _mmap_file,
    "security_path_truncate": _truncate("security_path_truncate", _truncated_path),
    "security_file_truncate": _truncate("security_file_truncate", _first_file),
}


def kprobe_piece(event: ProcessKprobe, p: Palette) -> Piece:
    """The row for the function, without the prefix an architecture gives its system calls."""
    name = event.function_name
    for prefix in _PREFIXES:
        if name.startswith(prefix):
            name = name.removeprefix(prefix)
            break
    row = FUNCTIONS.get(name)
    if row is None:
        return Piece("❓", "syscall", (escape(event.function_name),))
    return row(event.args, p)
