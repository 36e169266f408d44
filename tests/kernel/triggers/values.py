# SPDX-License-Identifier: Apache-2.0
"""Expected hits and their values, by the API's fields."""

from __future__ import annotations

import platform
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from tetragon_core.hooks import ArgumentValue, HookEvent
from tetragon_sensors.policy.acting import ENFORCING
from tetragon_sensors.policy.actions import ACTION_NUMBERS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tetragon_core.hooks import HookInfo, HookMessage

__all__ = [
    "Hit",
    "executable",
    "file",
    "hit_of",
    "lines",
    "long",
    "number",
    "packet",
    "path",
    "size",
    "sock",
    "syscall",
    "text",
    "unsigned",
]

_ENFORCING: Final = {ACTION_NUMBERS[name]: name for name in ENFORCING}


class Hit(NamedTuple):
    """What a test compares of a hit: where it was, its arguments, what was returned and done."""

    name: str
    arguments: tuple[ArgumentValue, ...] = ()
    result: ArgumentValue | None = None
    action: str = ""
    """The one that enforced; empty: none."""
    is_hashed: bool = False
    """Whether it has the hash of a file."""

    def __str__(self) -> str:
        result = f" = {self.result[1]}" if self.result else ""
        action = f" {self.action}" if self.action else ""
        hashed = " hashed" if self.is_hashed else ""
        return f"{self.name}({', '.join(map(_text, self.arguments))}){result}{action}{hashed}"


def lines(hits: Iterable[Hit]) -> str:
    """A line per hit, for a readable difference."""
    return "".join(f"{hit}\n" for hit in hits)


def _text(value: ArgumentValue) -> str:
    shown = value.value
    if isinstance(shown, dict):
        shown = " ".join(f"{name}:{one}" for name, one in shown.items())
    return f"{value.field} {value.label} {shown}"


def hit_of(message: HookMessage) -> Hit:
    """The comparable part of a message; see `_without_chance`."""
    arguments = tuple(map(_without_chance, message.arguments))
    result = message.return_value
    return Hit(
        _name_of(message.info),
        arguments,
        _without_chance(result) if result else None,
        _ENFORCING.get(message.action, ""),
        bool(message.ima_hash),
    )


def _name_of(info: HookInfo) -> str:
    match info.event:
        case HookEvent.TRACEPOINT:
            return f"{info.subsystem}/{info.tracepoint}"
        case HookEvent.UPROBE:
            return info.symbol
        case HookEvent.USDT:
            return f"{info.provider}/{info.probe}"
        case HookEvent.LOADER:
            return "loader"
        case _:
            return info.function_name


def _without_chance(value: ArgumentValue) -> ArgumentValue:
    """Leave out what nobody can know before: a socket's cookie, a packet's hash."""
    if value.field not in {"sock_arg", "skb_arg"}:
        return value
    assert isinstance(value.value, dict)
    kept = {name: one for name, one in value.value.items() if name not in {"cookie", "hash"}}
    assert value.value.get("cookie") != 0
    return value._replace(value=kept)


def syscall(name: str, *arguments: ArgumentValue, result: ArgumentValue | None = None) -> Hit:
    """A hit of a system call's entry function."""
    prefix = "__x64_sys_" if platform.machine() == "x86_64" else "__arm64_sys_"
    return Hit(prefix + name, arguments, result)


def number(value: int, label: str = "") -> ArgumentValue:
    """An int."""
    return ArgumentValue("int_arg", value, label)


def unsigned(value: int) -> ArgumentValue:
    """A uint32."""
    return ArgumentValue("uint_arg", value)


def long(value: int) -> ArgumentValue:
    """An int64."""
    return ArgumentValue("long_arg", value)


def size(value: int) -> ArgumentValue:
    """A size_t or uint64."""
    return ArgumentValue("size_arg", value)


def text(value: str) -> ArgumentValue:
    """A string."""
    return ArgumentValue("string_arg", value)


def _with_path(field: str, name: str, permission: str) -> ArgumentValue:
    return ArgumentValue(field, {"path": name, "flags": "", "permission": permission})


def file(name: str, permission: str = "-rw-r--r--") -> ArgumentValue:
    """An open file."""
    return _with_path("file_arg", name, permission)


def path(name: str, permission: str = "-rw-r--r--") -> ArgumentValue:
    """A path or dentry."""
    return _with_path("path_arg", name, permission)


def executable(name: str) -> ArgumentValue:
    """What is about to be executed."""
    return _with_path("linux_binprm_arg", name, "-rwxr-xr-x")


def sock(
    source: str = "127.0.0.1",
    source_port: int = 0,
    destination: str = "127.0.0.1",
    destination_port: int = 0,
    state: str = "TCP_ESTABLISHED",
    *,
    protocol: str = "IPPROTO_TCP",
    label: str = "",
) -> ArgumentValue:
    """A socket without mark and priority."""
    value = {
        "family": "AF_INET6" if ":" in source else "AF_INET",
        "type": "SOCK_STREAM" if protocol == "IPPROTO_TCP" else "SOCK_DGRAM",
        "protocol": protocol,
        "mark": 0,
        "priority": 0,
        "saddr": source,
        "daddr": destination,
        "sport": source_port,
        "dport": destination_port,
        "state": state,
    }
    return ArgumentValue("sock_arg", value, label)


def packet(
    source_port: int,
    destination_port: int,
    length: int,
    label: str = "",
    *,
    address: str = "127.0.0.1",
) -> ArgumentValue:
    """A UDP datagram from an address to itself; `length` is that of all its headers and data."""
    value = {
        "len": length,
        "priority": 0,
        "mark": 0,
        "sec_path_len": 0,
        "sec_path_olen": 0,
        "saddr": address,
        "daddr": address,
        "sport": source_port,
        "dport": destination_port,
        "proto": 17,
        "protocol": "IPPROTO_UDP",
        "family": "AF_INET6" if ":" in address else "AF_INET",
    }
    return ArgumentValue("skb_arg", value, label)


def namespace(name: str) -> int:
    """Inode of a namespace of this process."""
    return Path(f"/proc/self/ns/{name}").stat().st_ino
