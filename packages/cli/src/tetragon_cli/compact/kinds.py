# SPDX-License-Identifier: Apache-2.0
"""What an event shows, by kind. A kind is added as one row of KINDS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from .kprobes import Piece, kprobe_piece
from .syscalls import call_text
from .text import escape, quote

if TYPE_CHECKING:
    from collections.abc import Callable

    from tetragon import tetragon_pb2 as pb

    from .text import Palette

__all__ = ["KINDS"]


def _exec(event: pb.ProcessExec, p: Palette) -> Piece:
    return Piece("🚀", "process", (f"{p.cyan}{quote(event.process.arguments)}{p.reset}",))


def _exit(event: pb.ProcessExit, p: Palette) -> Piece:
    arguments = f"{p.cyan}{quote(event.process.arguments)}{p.reset}"
    end = escape(event.signal) or event.status
    return Piece("💥", "exit", (arguments, f"{p.red}{end}{p.reset}"))


def _loader(event: pb.ProcessLoader, p: Palette) -> Piece:
    build_id = f"{event.buildid.hex()} " if event.buildid else ""
    return Piece("🧬", "loader", (f"{build_id}{p.yellow}{quote(event.path)}{p.reset}",))


def _uprobe(event: pb.ProcessUprobe, _p: Palette) -> Piece:
    return Piece("🕵️", "uprobe", (quote(event.path), quote(event.symbol)))


def _usdt(event: pb.ProcessUsdt, _p: Palette) -> Piece:
    return Piece("🕵️", "usdt", (quote(event.path), quote(event.provider), quote(event.name)))


def _lsm(event: pb.ProcessLsm, _p: Palette) -> Piece:
    return Piece("🔒", "LSM", (escape(event.function_name),))


def _tracepoint(event: pb.ProcessTracepoint, _p: Palette) -> Piece:
    if event.subsys == "raw_syscalls" and event.event == "sys_enter":
        return Piece("☎ ", "syscall", (call_text(event.args),))
    return Piece("⁉️", "tracepoint", (escape(event.subsys), escape(event.event)))


# Events of each kind have their own message type, hence Any in the row's type.
KINDS: Final[dict[str, Callable[[Any, Palette], Piece]]] = {
    "process_exec": _exec,
    "process_exit": _exit,
    "process_kprobe": kprobe_piece,
    "process_tracepoint": _tracepoint,
    "process_loader": _loader,
    "process_uprobe": _uprobe,
    "process_usdt": _usdt,
    "process_lsm": _lsm,
}
