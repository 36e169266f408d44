# SPDX-License-Identifier: Apache-2.0
"""Policies as the table of `tracingpolicy list`: upstream's columns, and ours at the end."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, Final

from tetragon import sensors_pb2 as pb

from .columns import aligned, size_text
from .compact.text import escape

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import Any

    # Enums of the API; their common methods are used.
    AnyEnum = Any

__all__ = ["attach_methods", "policy_table", "state_text"]

_HEADER: Final = (
    *("ID", "NAME", "DOMAIN", "STATE", "FILTERID", "NAMESPACE", "SENSORS", "KERNELMEMORY"),
    *("MODE", "NPOST", "NENFORCE", "NMONITOR", "METHOD", "SINCE"),
)
_HOOK_HEADER: Final = ("SECTION", "CFGIDX", "DESCRIPTION", "STATUS")


def policy_table(policies: Iterable[pb.TracingPolicyStatus]) -> str:
    """The table; below a row are the hooks of a policy that is not whole, what went wrong with
    enforcing, and the error.
    """
    listed = list(policies)
    rows = aligned([_HEADER, *map(_row, listed)])
    indent = " " * rows[0].index("NAME")
    lines = rows[:1]
    for row, policy in zip(rows[1:], listed, strict=True):
        lines.append(row)
        if policy.state == pb.TP_STATE_PARTIALLY_ENABLED and policy.hook_statuses:
            hooks = aligned([_HOOK_HEADER, *map(_hook_row, policy.hook_statuses)])
            lines += [indent + line for line in hooks]
        if policy.HasField("enforcement"):
            lines += [indent + line for line in _enforcement_lines(policy.enforcement)]
        lines += [f"{indent}error: {escape(line)}" for line in policy.error.splitlines()]
    return "".join(f"{line}\n" for line in lines)


def attach_methods(policy: pb.TracingPolicyStatus) -> str:
    """How its hooks are attached, each way once."""
    return escape(",".join(dict.fromkeys(one.method for one in policy.hook_statuses if one.method)))


def state_text(policy: pb.TracingPolicyStatus) -> str:
    """`enabled`, `load_error` …; a number that is newer than this client as it is."""
    return _lower(pb.TracingPolicyState, policy.state, "TP_STATE_")


def _row(policy: pb.TracingPolicyStatus) -> Sequence[str]:
    counters = policy.stats.action_counters
    enforced = counters.signal + counters.override + counters.notify_enforcer + counters.set
    monitored = (
        counters.monitor_signal
        + counters.monitor_override
        + counters.monitor_notify_enforcer
        + counters.monitor_set
    )
    return (
        str(policy.id),
        escape(policy.name),
        escape(policy.domain),
        state_text(policy),
        str(policy.filter_id),
        escape(policy.namespace) or "(global)",
        escape(",".join(policy.sensors)),
        size_text(policy.kernel_memory_bytes),
        _lower(pb.TracingPolicyMode, policy.mode, "TP_MODE_"),
        str(counters.post),
        str(enforced),
        str(monitored),
        attach_methods(policy),
        f"{policy.since.ToDatetime():%Y-%m-%dT%H:%M:%SZ}" if policy.HasField("since") else "",
    )


def _enforcement_lines(ledger: pb.EnforcementLedger) -> Iterator[str]:
    """What was to be done and was not, if there is any."""
    tried = f"of {ledger.attempts} attempts to enforce"
    if ledger.failed:
        why = f", the last with {_errno_text(ledger.last_errno)}" if ledger.last_errno else ""
        yield f"failed: {ledger.failed} {tried}{why}"
    if ledger.spared:
        yield f"spared: {ledger.spared} {tried}: processes that are never killed"


def _errno_text(number: int) -> str:
    return f"{errno.errorcode.get(number, number)} ({os.strerror(number)})"


def _hook_row(hook: pb.HookStatus) -> Sequence[str]:
    return (
        escape(hook.section),
        str(hook.hook_idx),
        escape(hook.hook_description),
        _lower(pb.HookState, hook.state, "STATUS_"),
    )


def _lower(kind: AnyEnum, number: int, prefix: str) -> str:
    name: str = kind.Name(number) if number in kind.values() else str(number)
    return name.removeprefix(prefix).lower()
