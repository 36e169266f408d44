# SPDX-License-Identifier: Apache-2.0
"""Which way of attaching is best for a function here: fentry, kprobe-multi, kprobe, tracepoint."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tetragon_core.policy.model import HookKind

from .frames import RegistersFrame, SyscallEventFrame, SyscallFrame, WordsFrame
from .plan import Method, Source

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tetragon_core.policy.model import FunctionHook
    from tetragon_core.policy.problems import Problems
    from tetragon_sensors.kernel.btf import Function, Parameter
    from tetragon_sensors.kernel.facts import Kernel

    from .frames import Frame
    from .plan import ArgumentPlan

__all__ = ["Functions", "plan_functions"]

_ONE_BY_ONE: Final = 8
"""Up to this many functions of one hook each get a program of their own, by fentry."""
_SYSCALL_PREFIXES: Final = ("__x64_sys_", "__arm64_sys_")


@dataclass(frozen=True, slots=True, kw_only=True)
class Functions:
    """Functions one program is attached to, and how."""

    symbols: tuple[tuple[str, int], ...]
    """Symbol and BTF id."""
    entry: Method
    at_return: Method
    frame: Frame
    return_frame: Frame
    parameters: Sequence[Parameter] | None = None
    """None: not known, as for system calls."""
    prototype: str = ""

    def can_report_at_exit(self, arguments: Sequence[ArgumentPlan]) -> bool:
        """Whether arguments can be read when the function returns, so that one program is enough.

        Numbers always can. What a security hook is given outlives it, as its callers go on with it
        (security/security.c); the hooks that free are not among these.
        """
        if self.entry is not Method.FENTRY:
            return False
        symbol = self.symbols[0][0]
        if symbol.startswith("security_") and "free" not in symbol:
            return True
        return all(
            (one.type.filters_value and not one.steps) or one.source is Source.CURRENT_TASK
            for one in arguments
        )


def plan_functions(
    hook: FunctionHook, symbols: Sequence[str], kernel: Kernel, problems: Problems
) -> Iterator[Functions]:
    """Group the symbols by what they are attached by."""
    abilities = kernel.abilities
    reads_registers = any(one.source == "pt_regs" for one in hook.data)
    must_fentry = hook.kind is HookKind.FENTRY
    rest: list[str] = []
    for symbol in symbols:
        function = kernel.btf.find_function(symbol)
        many = len(symbols) > _ONE_BY_ONE and not must_fentry
        if function and abilities.can_fentry and not many and not reads_registers:
            yield _fentry(hook, symbol, function)
        elif must_fentry:
            problems.error(
                f"fentry is not possible here: {abilities.can_fentry.reason}", hook.where
            )
            return
        else:
            rest.append(symbol)
    if not rest:
        return
    if abilities.can_kprobe:
        yield from _kprobes(hook, rest, kernel)
    elif hook.syscall and not reads_registers:
        yield from _events(hook, rest, kernel, problems)
    else:
        problems.error(
            f"no way to attach to {', '.join(rest[:3])} on this kernel: "
            f"{abilities.can_fentry.reason}; {abilities.can_kprobe.reason}",
            hook.where,
        )


def _fentry(hook: FunctionHook, symbol: str, function: Function) -> Functions:
    words = WordsFrame(len(function.parameters))
    frame: Frame = SyscallFrame(words) if hook.syscall else words
    return Functions(
        symbols=((symbol, function.type_id),),
        entry=Method.FENTRY,
        at_return=Method.FEXIT,
        frame=frame,
        return_frame=frame,
        parameters=None if hook.syscall else function.parameters,
        prototype=function.prototype,
    )


def _kprobes(hook: FunctionHook, symbols: Sequence[str], kernel: Kernel) -> Iterator[Functions]:
    frame: Frame = RegistersFrame()
    if hook.syscall:
        frame = SyscallFrame(frame)
    multi = kernel.abilities.can_kprobe_multi and len(symbols) > 1
    groups = [symbols] if multi or kernel.abilities.has_cookie else [[one] for one in symbols]
    for group in groups:
        function = kernel.btf.find_function(group[0]) if not hook.syscall else None
        yield Functions(
            symbols=tuple((symbol, 0) for symbol in group),
            entry=Method.KPROBE_MULTI if multi else Method.KPROBE,
            at_return=Method.KRETPROBE_MULTI if multi else Method.KRETPROBE,
            frame=frame,
            return_frame=RegistersFrame(),
            parameters=function.parameters if function else None,
            prototype=function.prototype if function else "",
        )


def _events(
    hook: FunctionHook, symbols: Sequence[str], kernel: Kernel, problems: Problems
) -> Iterator[Functions]:
    """System calls where neither fentry nor kprobes work: the kernel's own tracepoints."""
    usable = []
    for symbol in symbols:
        name = next(
            (symbol.removeprefix(one) for one in _SYSCALL_PREFIXES if symbol.startswith(one)), ""
        )
        if name and kernel.tracefs.has_event("syscalls", f"sys_enter_{name}"):
            usable.append(symbol)
        else:
            problems.error(
                f"{symbol} has no tracepoint, and neither fentry "
                f"({kernel.abilities.can_fentry.reason}) nor a kprobe "
                f"({kernel.abilities.can_kprobe.reason}) is possible here",
                hook.where,
            )
    groups = [usable] if kernel.abilities.has_cookie else [[one] for one in usable]
    for group in groups:
        yield Functions(
            symbols=tuple((symbol, 0) for symbol in group),
            entry=Method.TRACEPOINT,
            at_return=Method.TRACEPOINT,
            frame=SyscallEventFrame(),
            return_frame=SyscallEventFrame(),
        )
