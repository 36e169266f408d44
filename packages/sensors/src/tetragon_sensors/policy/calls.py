# SPDX-License-Identifier: Apache-2.0
"""`call` of a hook to symbols of a kernel: system calls get their prefix, lists their members."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tetragon_core.policy.syscall_names import parse_syscall_name
from tetragon_sensors.kernel.tracefs import TracefsError

if TYPE_CHECKING:
    from tetragon_core.policy.model import FunctionHook, NamedList, Spec, Where
    from tetragon_core.policy.problems import Problems
    from tetragon_sensors.kernel.facts import Kernel

__all__ = ["resolve_calls"]

_LIST: Final = "list:"
_PREFIXES: Final = {
    "x64": "__x64_",
    "i386": "__ia32_",
    "arm64": "__arm64_",
    "arm32": "__arm64_",
}
_GUESSES: Final = 20
"""Wrong names with a guess at what was meant: one takes 25 ms, and a list can have thousands."""
_NATIVE: Final = {"x86_64": "x64", "aarch64": "arm64"}


def resolve_calls(
    hook: FunctionHook, spec: Spec, kernel: Kernel, problems: Problems, skipped: list[str]
) -> tuple[str, ...]:
    """Symbols the hook means on this kernel. What is missing is a problem, or goes to `skipped`."""
    if hook.call.startswith(_LIST):
        name = hook.call.removeprefix(_LIST)
        found = next((one for one in spec.lists if one.name == name), None)
        if found is None:
            problems.error(f'there is no list "{name}" in this policy', hook.where)
            return ()
        wanted = _members(found, hook, kernel, problems)
    else:
        wanted = [_symbol(hook.call, kernel, hook.where, problems, syscall=hook.syscall)]
    symbols = []
    for symbol in dict.fromkeys(one for one in wanted if one):
        if kernel.symbols.has(symbol):
            symbols.append(symbol)
        elif hook.ignore_call_not_found:
            skipped.append(symbol)
        else:
            near = kernel.symbols.near(symbol) if len(problems.errors) < _GUESSES else ""
            problems.error(f"this kernel has no function {symbol}{near}", hook.where)
    return tuple(symbols)


def _members(found: NamedList, hook: FunctionHook, kernel: Kernel, problems: Problems) -> list[str]:
    match found.type:
        case "generated_syscalls":
            return _syscalls(kernel)
        case "generated_ftrace":
            try:
                return kernel.tracefs.matching(found.pattern)
            except TracefsError as error:
                problems.error(str(error), hook.where)
                return []
        case kind:
            is_syscall = hook.syscall or kind == "syscalls"
            return [
                _symbol(str(value), kernel, value.where, problems, syscall=is_syscall)
                for value in found.values
            ]


def _syscalls(kernel: Kernel) -> list[str]:
    """All that can be watched: the rest has no tracepoint, or was built without tracing."""
    symbols = kernel.syscall_symbols()
    if not kernel.is_running:
        return symbols
    if kernel.abilities.can_fentry or kernel.abilities.can_kprobe:
        traceable = kernel.tracefs.traceable
        return [symbol for symbol in symbols if traceable is None or symbol in traceable]
    events = {name.removeprefix("sys_enter_") for name in kernel.tracefs.events("syscalls")}
    return [symbol for symbol in symbols if symbol.split("sys_", 1)[1] in events] or symbols


def _symbol(call: str, kernel: Kernel, where: Where, problems: Problems, *, syscall: bool) -> str:
    if not syscall:
        return call
    try:
        abi, name = parse_syscall_name(call)
    except ValueError as error:
        problems.error(
            f"{error}; for a function that is no system call write `syscall: false`", where
        )
        return ""
    native = _NATIVE.get(kernel.arch, "x64")
    return f"{_PREFIXES[abi or native]}sys_{name}"
