# SPDX-License-Identifier: Apache-2.0
"""A policy as ListTracingPolicies shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tetragon import sensors_pb2 as pb
from tetragon_core.policy.model import (
    FunctionHook,
    HookKind,
    LsmHook,
    TracepointHook,
    UprobeHook,
    UsdtHook,
)

from .entry import LOADED, PolicyMode, PolicyState

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tetragon_core.policy.model import Hook, Policy

    from .engine import HookStatus
    from .entry import PolicyEntry

__all__ = ["policy_status"]

_SENSORS: Final = {
    HookKind.KPROBE: "generic_kprobe",
    HookKind.FENTRY: "generic_fentry",
    HookKind.TRACEPOINT: "generic_tracepoint",
    HookKind.LSM: "generic_lsm",
    HookKind.UPROBE: "generic_uprobe",
    HookKind.USDT: "generic_usdt",
}
_MODES: Final = {
    PolicyMode.ENFORCE: pb.TP_MODE_ENFORCE,
    PolicyMode.MONITOR: pb.TP_MODE_MONITOR,
    PolicyMode.MONITOR_ONLY: pb.TP_MODE_MONITOR_ONLY,
}
_STATES: Final = {
    LOADED: pb.STATUS_LOADED,
    "digest rejected": pb.STATUS_DIGEST_REJECTED,
    "call not found": pb.STATUS_CALL_NOT_FOUND,
    "partial call not found": pb.STATUS_PARTIAL_CALL_NOT_FOUND,
}
_ACTIONS: Final = {
    "posted": "post",
    **{name: name for name in pb.TracingPolicyActionCounters.DESCRIPTOR.fields_by_name},
}
_LEDGER: Final = frozenset(pb.EnforcementLedger.DESCRIPTOR.fields_by_name)


def policy_status(entry: PolicyEntry) -> pb.TracingPolicyStatus:
    """All that is known of a policy now; costs a system call or two for the counters."""
    status = pb.TracingPolicyStatus(
        id=entry.id,
        filter_id=entry.id if entry.is_filtered else 0,
        name=entry.key.name,
        namespace=entry.key.namespace,
        domain=entry.key.domain,
        sensors=_sensors(entry.policy),
        enabled=entry.is_enabled,
        error="\n".join(filter(None, (entry.error, entry.fallback))),
        state=entry.state.value,
        kernel_memory_bytes=entry.kernel_memory_bytes,
        hook_statuses=[_hook_status(hook, entry.policy) for hook in entry.hooks],
        warnings=entry.warnings,
        fell_back=bool(entry.fallback),
        max_kills_per_minute=0 if entry.mode is PolicyMode.MONITOR_ONLY else entry.max_kills,
    )
    if entry.loaded is not None:
        status.workload_filters.extend(entry.loaded.filter_numbers)
    if entry.loaded is not None or entry.state is PolicyState.DISABLED:
        status.mode = _MODES[entry.mode]
    if entry.since_ns:
        status.since.FromNanoseconds(entry.since_ns)
    if entry.is_enabled and entry.loaded is not None:
        _fill_counters(status, entry.counters())
    return status


def _sensors(policy: Policy) -> list[str]:
    """Upstream's names, each once, in the order of the policy."""
    names = [_SENSORS[hook.kind] for hook in policy.spec.hooks]
    names += ["__loader__"] if policy.spec.loader else []
    return list(dict.fromkeys(names))


def _hook_status(hook: HookStatus, policy: Policy) -> pb.HookStatus:
    section, index = _place(hook.name, policy)
    return pb.HookStatus(
        section=section,
        hook_idx=index,
        hook_description=hook.name,
        state=_STATES.get(hook.state, pb.STATUS_UNSPECIFIED),
        method=hook.method,
    )


def _place(name: str, policy: Policy) -> tuple[str, int]:
    """Section and index of the hook a symbol belongs to; of a list's symbols the list's hook.

    What no hook has is where loads are seen, if the policy wants these.
    """
    counted: dict[HookKind, int] = {}
    lists = "", 0
    for hook in policy.spec.hooks:
        index = counted.setdefault(hook.kind, 0)
        counted[hook.kind] += 1
        if _is_of(name, hook):
            return hook.kind.value, index
        if not lists[0] and isinstance(hook, FunctionHook) and hook.call.startswith("list:"):
            lists = hook.kind.value, index
    return lists if lists[0] or not policy.spec.loader else ("loader", 0)


def _is_of(name: str, hook: Hook) -> bool:
    match hook:
        case TracepointHook():
            return name in {hook.event, f"{hook.subsystem}/{hook.event}"}
        case FunctionHook():
            return name == hook.call or (hook.syscall and name.endswith(f"_{hook.call}"))
        case LsmHook():
            return name == hook.hook
        case UprobeHook():
            places = (*hook.symbols, *map(hex, (*hook.offsets, *hook.addrs)))
            return name in {f"{hook.path}:{one}" for one in places}
        case UsdtHook():
            return name == f"{hook.path}:{hook.provider}:{hook.name}"
    return False


def _fill_counters(status: pb.TracingPolicyStatus, counters: Mapping[str, int]) -> None:
    actions = status.stats.action_counters
    actions.SetInParent()
    for name, value in counters.items():
        if name in _ACTIONS:
            setattr(actions, _ACTIONS[name], value)
        elif name in _LEDGER:
            setattr(status.enforcement, name, value)
    status.missed = counters.get("missed", 0)
