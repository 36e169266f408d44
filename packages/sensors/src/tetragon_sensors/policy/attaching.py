# SPDX-License-Identifier: Apache-2.0
"""Which way of attaching is best for a function here: fentry, kprobe-multi, kprobe, tracepoint."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from tetragon_core.policy.model import HookKind
from tetragon_sensors.kernel.tracefs import TracefsError

from .enforcing import denies_itself, lsm_function
from .frames import RegistersFrame, SyscallEventFrame, SyscallFrame, WordsFrame
from .plan import Method, Source

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tetragon_core.policy.model import FunctionHook, Where
    from tetragon_sensors.kernel.btf import Function, Parameter
    from tetragon_sensors.kernel.facts import Kernel
    from tetragon_sensors.kernel.tracefs import Event

    from .enforcing import Demand
    from .frames import Frame
    from .plan import ArgumentPlan

__all__ = ["Functions", "Impossible", "plan_functions"]

_ONE_BY_ONE: Final = 8
"""Up to this many functions of one hook each get a program of their own, by fentry."""
_SYSCALL_PREFIXES: Final = ("__x64_sys_", "__arm64_sys_")
_32_BIT_PREFIX: Final = "__ia32_"


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
    denies: bool = False
    """The program at the entry returns the error itself."""

    def can_report_at_exit(self, arguments: Sequence[ArgumentPlan], demand: Demand) -> bool:
        """Whether arguments can be read when the function returns, so that one program is enough.

        Numbers always can. What a security hook is given outlives it, as its callers go on with it
        (security/security.c); the hooks that free are not among these.
        """
        if self.entry is not Method.FENTRY:
            return False
        symbol = self.symbols[0][0]
        if symbol.startswith("security_") and "free" not in symbol:
            return not demand.gates_returns  # what it guards has not begun when it returns
        if demand:
            return False
        return all(
            (one.type.filters_value and not one.steps) or one.source is Source.CURRENT_TASK
            for one in arguments
        )


@dataclass(frozen=True, slots=True)
class Impossible:
    """Functions of a hook that this kernel offers no way to attach to."""

    symbols: tuple[str, ...]
    reason: str
    where: Where


def plan_functions(
    hook: FunctionHook,
    symbols: Sequence[str],
    kernel: Kernel,
    impossible: list[Impossible],
    demand: Demand,
    *,
    one_by_one: bool = False,
) -> Iterator[Functions]:
    """Group the symbols by what they are attached by.

    `one_by_one`: the policy's option disable-kprobe-multi.
    """
    abilities = kernel.abilities
    if demand.denies:
        deniable = [one for one in symbols if not hook.syscall or denies_itself(kernel, one)]
        yield from _denying(hook, deniable, kernel, impossible)
        symbols = [one for one in symbols if one not in deniable]
    avoids = bool(demand) and kernel.preempts_programs and bool(abilities.can_kprobe)
    reads_registers = any(one.source == "pt_regs" for one in hook.data)
    must_fentry = hook.kind is HookKind.FENTRY
    rest: list[str] = []
    for symbol in symbols:
        function = kernel.btf.find_function(symbol)
        many = avoids or (len(symbols) > _ONE_BY_ONE and not must_fentry)
        if function and abilities.can_fentry and not many and not reads_registers:
            yield _fentry(hook, symbol, function)
        elif must_fentry:
            reason = f"fentry is not possible here: {abilities.can_fentry.reason}"
            impossible.append(Impossible(tuple(symbols), reason, hook.where))
            return
        else:
            rest.append(symbol)
    if not rest:
        return
    if abilities.can_kprobe:
        yield from _kprobes(hook, rest, kernel, one_by_one=one_by_one)
    elif hook.syscall and not reads_registers:
        yield from _events(hook, rest, kernel, impossible)
    else:
        reason = (
            f"no way to attach to {', '.join(rest[:3])} on this kernel: "
            f"{abilities.can_fentry.reason}; {abilities.can_kprobe.reason}"
        )
        impossible.append(Impossible(tuple(rest), reason, hook.where))


def _denying(
    hook: FunctionHook, symbols: Sequence[str], kernel: Kernel, impossible: list[Impossible]
) -> Iterator[Functions]:
    """Each function with a program that decides whether it is called, or what the hook says."""
    for symbol in symbols:
        function = kernel.btf.find_function(symbol)
        can_modify = kernel.abilities.can_modify(symbol)
        by_lsm = None if hook.syscall else _same_hook(kernel, symbol, function)
        if by_lsm is not None and (kernel.preempts_programs or not can_modify):
            yield replace(_fentry(hook, symbol, by_lsm), entry=Method.LSM, denies=True)
        elif function is not None and can_modify:
            yield replace(_fentry(hook, symbol, function), entry=Method.FMOD_RET, denies=True)
        else:
            reason = (
                f"{symbol} cannot be denied here: by fmod_ret: {can_modify.reason}; "
                f"by an LSM hook: {kernel.abilities.can_lsm.reason or 'it has none of its kind'}"
            )
            impossible.append(Impossible((symbol,), reason, hook.where))


def _same_hook(kernel: Kernel, symbol: str, function: Function | None) -> Function | None:
    """The LSM hook that a security_ function asks with the same arguments, if BPF may answer."""
    found = lsm_function(kernel, symbol) if kernel.abilities.can_lsm else None
    if found is None or function is None:
        return None
    types = [
        [kernel.btf.type_text(parameter.type_id) for parameter in one.parameters]
        for one in (found, function)
    ]
    return found if types[0] == types[1] and found.return_type_id else None


def _fentry(hook: FunctionHook, symbol: str, function: Function) -> Functions:
    words = WordsFrame(len(function.parameters))
    frame: Frame = SyscallFrame(words, _is_32_bit(symbol)) if hook.syscall else words
    return Functions(
        symbols=((symbol, function.type_id),),
        entry=Method.FENTRY,
        at_return=Method.FEXIT,
        frame=frame,
        return_frame=frame,
        parameters=None if hook.syscall else function.parameters,
        prototype=function.prototype,
    )


def _kprobes(
    hook: FunctionHook, symbols: Sequence[str], kernel: Kernel, *, one_by_one: bool
) -> Iterator[Functions]:
    multi = kernel.abilities.can_kprobe_multi and len(symbols) > 1 and not one_by_one
    shared = multi or kernel.abilities.has_cookie
    for group in _alike(symbols) if shared else [[one] for one in symbols]:
        frame: Frame = RegistersFrame()
        if hook.syscall:
            frame = SyscallFrame(frame, _is_32_bit(group[0]))
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


def _is_32_bit(symbol: str) -> bool:
    return symbol.startswith(_32_BIT_PREFIX)


def _alike(symbols: Sequence[str]) -> list[list[str]]:
    """Groups that find their arguments in the same registers."""
    groups = [[one for one in symbols if _is_32_bit(one) is narrow] for narrow in (False, True)]
    return [group for group in groups if group]


def _events(
    hook: FunctionHook, symbols: Sequence[str], kernel: Kernel, impossible: list[Impossible]
) -> Iterator[Functions]:
    """System calls where neither fentry nor kprobes work: the kernel's own tracepoints."""
    by_count: dict[int, list[str]] = {}
    for symbol in symbols:
        event = _event_of(symbol, kernel)
        if event is None:
            reason = (
                f"{symbol} has no tracepoint, and neither fentry "
                f"({kernel.abilities.can_fentry.reason}) nor a kprobe "
                f"({kernel.abilities.can_kprobe.reason}) is possible here"
            )
            impossible.append(Impossible((symbol,), reason, hook.where))
        else:
            by_count.setdefault(len(event.fields) - 1, []).append(symbol)
    for count, usable in by_count.items():
        for group in [usable] if kernel.abilities.has_cookie else [[one] for one in usable]:
            yield Functions(
                symbols=tuple((symbol, 0) for symbol in group),
                entry=Method.TRACEPOINT,
                at_return=Method.TRACEPOINT,
                frame=SyscallEventFrame(count),
                return_frame=SyscallEventFrame(count),
            )


def _event_of(symbol: str, kernel: Kernel) -> Event | None:
    for prefix in _SYSCALL_PREFIXES:
        if symbol.startswith(prefix):
            try:
                return kernel.tracefs.event("syscalls", f"sys_enter_{symbol.removeprefix(prefix)}")
            except TracefsError:
                return None
    return None
