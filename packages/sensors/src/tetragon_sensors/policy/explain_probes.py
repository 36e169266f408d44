# SPDX-License-Identifier: Apache-2.0
"""What explain says of programs in files: uprobes and USDT probes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .faulting import reads_process
from .plan import Method
from .usdt_frame import UsdtFrame

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tetragon_sensors.kernel.facts import Kernel

    from .plan import ArgumentPlan, HookPlan, Target

__all__ = ["at_sites", "explain_probe"]


def explain_probe(hook: HookPlan, kernel: Kernel) -> Iterator[tuple[str, str]]:
    """Head and text of each line about where the program is, and what it may do there."""
    abilities = kernel.abilities
    is_usdt = isinstance(hook.frame, UsdtFrame)
    one_by_one = hook.method in {Method.UPROBE, Method.URETPROBE} and not is_usdt
    if one_by_one and not abilities.can_uprobe_multi:
        yield "why", f"no uprobe-multi: {abilities.can_uprobe_multi.reason}"
    for target in hook.targets:
        yield "place", _place(target)
    plans = (*hook.arguments, *([hook.result] if hook.result else []))
    if hook.sleeps:
        yield "memory", "waits for pages of the process that are not in memory"
    elif reads_process(plans):
        reason = abilities.can_sleep_in_uprobe.reason
        yield "memory", f"cannot read pages of the process that are not in memory: {reason}"


def _place(target: Target) -> str:
    assert target.binary is not None
    build_id = target.binary.image.build_id().hex()
    name = f"{target.info.symbol} " if target.info.symbol else ""
    counter = target.info.ref_ctr_offset
    return (
        f"{name}at offset {target.offset:#x} of {target.binary.path}"
        + (f", build id {build_id[:12]}" if build_id else "")
        + (f", reference counter at {counter:#x}" if counter else "")
    )


def at_sites(plan: ArgumentPlan, hook: HookPlan) -> str:
    """Where the sites of a USDT probe have an argument, as their notes say; else empty."""
    if not isinstance(hook.frame, UsdtFrame):
        return ""
    return f" ({hook.frame.arguments[plan.index].text})"
