# SPDX-License-Identifier: Apache-2.0
"""What a policy comes to on a kernel, for people to read. Loads nothing and needs no root."""

from __future__ import annotations

import os
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tetragon_core.errors import PermissionDeniedError
from tetragon_core.policy.workload_filters import describe_filter
from tetragon_core.workloads.known import RUNTIMES
from tetragon_sensors.kernel.assumed import AssumedAbilities
from tetragon_sensors.kernel.facts import Kernel
from tetragon_sensors.kernel.programs import ProgramKind, load_program
from tetragon_sensors.program.opcodes import INSTRUCTION

from .check import make_plan
from .emitter import Environment
from .explain_enforcing import explain_enforcing, explain_rails, why_no_trampoline
from .explain_probes import at_sites, explain_probe
from .explain_selectors import explain_selectors
from .hookprogram import build_program
from .loads import explain_loader
from .order import ArgumentCheck, checks_in_order
from .plan import Method, Source, Timing
from .probing import PROBES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tetragon_core.policy.model import Policy
    from tetragon_sensors.program.linker import LinkedProgram

    from .plan import ArgumentPlan, HookPlan, Plan

__all__ = ["explain", "explain_plan"]

_RETURN_0: Final = bytes.fromhex("b700000000000000 9500000000000000")
_FEW: Final = 6
_WIDE_LOAD: Final = 0x18
_MAP_KINDS: Final = frozenset({1, 2})
_TIMES: Final = {
    Timing.ENTRY: "when it is called",
    Timing.EXIT: "when it returns, arguments and result at once",
    Timing.ENTRY_HALF: "when it is called; the result follows",
    Timing.RETURN_HALF: "when it returns: the result of the call that was reported",
    Timing.VERDICT: "nothing: does inside the call what another program decided",
    Timing.VERDICT_END: "nothing: the call is over, what was decided about it is forgotten",
    Timing.HASH: "nothing: hashes the file for the next program, and sleeps meanwhile",
    Timing.DEFERRED: "when it is called, with the hash: acts for the program that decides",
}
_GUARDS: Final = "what the program it guards would, when the kernel skips that one"


def explain(policy: Policy, btf_path: str | None = None) -> str:
    """The plan for this kernel, or for the one whose types are in a file.

    Raises PolicyError with all that is wrong, BtfError, UnsupportedKernelError.
    """
    if btf_path is not None:
        kernel = Kernel.from_btf(Path(btf_path))
        known = "assumed: only its types are known"
    elif _may_try():
        kernel = Kernel.running()
        known = "tried on this kernel"
    else:
        kernel = Kernel.running()
        kernel.abilities = AssumedAbilities(kernel.btf)
        known = "assumed: they cannot be tried without root"
    plan = make_plan(policy, kernel)
    head = [f"policy {plan.policy_name}" + (plan.namespace and f" in {plan.namespace}")]
    head.append(f"kernel {kernel.release}, {kernel.arch}; ways of attaching {known}")
    return "\n".join([*head, *explain_plan(plan, kernel), *explain_rails(plan, policy)]) + "\n"


def _may_try() -> bool:
    try:
        load_program(ProgramKind.RAW_TRACEPOINT, _RETURN_0, name="trial", log_level=0).close()
    except PermissionDeniedError:
        return os.geteuid() == 0  # refused to root as well: then the trials say the same
    return True


def explain_plan(plan: Plan, kernel: Kernel) -> Iterator[str]:
    """Lines about each program of a plan, then what is left out and the warnings."""
    if plan.gate is not None:
        yield f"only for {describe_filter(plan.gate.wanted)}"
        if plan.gate.wanted.namespace not in {"", *RUNTIMES}:
            yield "  (an agent without Kubernetes ignores the namespace, and warns)"
    for hook in plan.hooks:
        yield ""
        yield from _hook(hook, kernel)
    yield from explain_loader(plan.loader, kernel)
    own = [*plan.tables.maps(), *plan.maps]
    if own:
        yield ""
        yield "maps of this policy alone:"
        for spec in own:
            size = f"{spec.max_entries:,} x {spec.key_bytes} + {spec.value_bytes} bytes"
            yield f"  {spec.name:<14} {spec.kind.name.lower()}, {size}"
    if plan.skipped:
        yield f"\nleft out, as this kernel does not have them: {', '.join(plan.skipped)}"
    if plan.impossible:
        yield f"\ncannot be attached to on this kernel: {', '.join(plan.impossible)}"
    for warning in plan.warnings:
        yield f"warning: {warning.text('')}"


def _hook(hook: HookPlan, kernel: Kernel) -> Iterator[str]:
    names = list(dict.fromkeys(target.symbol for target in hook.targets))
    more = f" and {len(names) - _FEW} more" if len(names) > _FEW else ""
    yield f"{', '.join(names[:_FEW])}{more}"
    yield f"  attached by    {hook.method.value}"
    for head, line in _why(hook, kernel):
        yield f"  {head:14} {line}"
    yield f"  reports        {_GUARDS if hook.is_guard else _TIMES[hook.timing]}"
    for head, line in explain_enforcing(hook, kernel):
        yield f"  {head:14} {line}"
    for plan in (*hook.arguments, *([hook.result] if hook.result else [])):
        yield f"  argument       {_argument(plan, hook)}"
    yield from explain_selectors(hook) if not hook.is_silent else ()
    maps = _NumberedMaps()
    program = build_program(hook, _environment(hook, kernel, maps), {})
    if not hook.is_silent:
        yield f"  record         {hook.record_bytes} bytes{_variable(hook)}"
    yield f"  maps           {', '.join(sorted(_used_maps(program, maps)))}"
    yield f"  program        {len(program)} instructions"


def _why(hook: HookPlan, kernel: Kernel) -> Iterator[tuple[str, str]]:
    if hook.method in PROBES:
        yield from explain_probe(hook, kernel)
        return
    for line in _why_not(hook, kernel):
        yield "why", line


def _why_not(hook: HookPlan, kernel: Kernel) -> Iterator[str]:
    """Why it is no better method; nothing for the best."""
    abilities, symbol = kernel.abilities, hook.targets[0].symbol
    best = {Method.FENTRY, Method.FEXIT, Method.RAW_TRACEPOINT, Method.FMOD_RET, Method.LSM}
    if hook.method in best or (hook.method is Method.TRACEPOINT and "/" in symbol):
        return
    if reason := why_no_trampoline(hook, kernel):
        yield f"no fentry: {reason}"
        return
    if any(plan.source is Source.REGISTER for plan in hook.arguments):
        yield "no fentry: the policy reads registers"
    elif not abilities.can_fentry:
        yield f"no fentry: {abilities.can_fentry.reason}"
    elif kernel.btf.find_function(symbol) is None:
        yield f"no fentry: the kernel's types have no function {symbol}"
    else:
        yield f"no fentry: one program serves all {len(hook.targets)} functions"
    if hook.method is Method.TRACEPOINT:
        yield f"no kprobe: {abilities.can_kprobe.reason}"
    elif hook.method in {Method.KPROBE, Method.KRETPROBE} and not abilities.can_kprobe_multi:
        yield f"no kprobe-multi: {abilities.can_kprobe_multi.reason}"


# ---- arguments ----


def _argument(plan: ArgumentPlan, hook: HookPlan) -> str:
    match plan.source:
        case Source.ARGUMENT:
            place = f"argument {plan.index}{at_sites(plan, hook)}"
        case Source.RESULT:
            place = "the result"
        case Source.CURRENT_TASK:
            place = "the running task"
        case Source.REGISTER:
            place = f"register at {plan.register_offset} of pt_regs"
    steps = "".join(f" +{step.offset}{' ->' if step.dereference else ''}" for step in plan.steps)
    label = f' "{plan.label}"' if plan.label else ""
    return f"{plan.type.names[0]}{label} from {place}{steps}; {_when(plan, hook)}"


def _when(plan: ArgumentPlan, hook: HookPlan) -> str:
    """The first selector that needs it."""
    if hook.timing is not Timing.RETURN_HALF and not plan.type.filters_value:
        for number, selector in enumerate(hook.selectors):
            for check in checks_in_order(hook, selector):
                if isinstance(check, ArgumentCheck) and check.argument == plan:
                    return f"read for selector {number}, once"
    return "read for the record"


# ---- the program ----


class _NumberedMaps(dict[str, int]):
    """Has every map: one that is asked for gets the next number in place of a descriptor."""

    def __init__(self) -> None:
        super().__init__()
        self._numbers = count(1)

    def __missing__(self, name: str) -> int:
        return self.setdefault(name, next(self._numbers))


def _environment(hook: HookPlan, kernel: Kernel, maps: _NumberedMaps) -> Environment:
    return Environment(
        btf=kernel.btf,
        maps=maps,
        has_exchange=kernel.version >= (5, 12),
        cookie=hook.uses_cookie,
        tables=hook.tables,
        preemption=kernel.preemption_functions,
    )


def _used_maps(program: LinkedProgram, maps: _NumberedMaps) -> set[str]:
    names = {number: name for name, number in maps.items()}
    return {
        names[immediate]
        for opcode, registers, _, immediate in INSTRUCTION.iter_unpack(program.instructions)
        if opcode == _WIDE_LOAD and registers >> 4 in _MAP_KINDS
    }


def _variable(hook: HookPlan) -> str:
    plans = (*hook.arguments, *([hook.result] if hook.result else []))
    names = [plan.text for plan in plans if plan.type.is_variable]
    return f", and the text of {', '.join(names)}" if names else ""
