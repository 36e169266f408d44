# SPDX-License-Identifier: Apache-2.0
"""Generated programs of hooks that enforce, for the machine in bpf_kernel.py."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Final

from sensors.bpf_kernel import KernelMachine
from tetragon_core.hooks import HookEvent, HookInfo
from tetragon_core.policy.model import Action, Selector
from tetragon_sensors.kernel.btf import Btf
from tetragon_sensors.policy.emitter import Environment
from tetragon_sensors.policy.frames import WordsFrame
from tetragon_sensors.policy.hookprogram import build_program
from tetragon_sensors.policy.plan import Denial, HookPlan, Method, Target, Timing
from tetragon_sensors.policy.record import HEADER_BYTES

if TYPE_CHECKING:
    from typing import Any

__all__ = ["HOOK", "acting", "action", "hook", "program"]

HOOK: Final = 7
"""Its number in records."""


def action(name: str, **fields: Any) -> Action:
    """One of a policy."""
    return Action(action=name, **fields)


def hook(*actions: Action, **more: Any) -> HookPlan:
    """A hook without arguments that wants every call."""
    info = HookInfo(event=HookEvent.LSM, policy_name="test")
    given: dict[str, Any] = {
        "method": Method.LSM,
        "timing": Timing.ENTRY,
        "frame": WordsFrame(1),
        "targets": (Target(symbol="test", hook=HOOK, info=info),),
        "selectors": (Selector(match_actions=actions),),
        "record_bytes": HEADER_BYTES,
        "denial": Denial.RETURNED,
    }
    return HookPlan(**{**given, **more})


def program(plan: HookPlan, machine: KernelMachine) -> bytes:
    """Its instructions."""
    environment = Environment(btf=_types(), maps=machine.maps, has_exchange=True, cookie=False)
    return build_program(plan, environment, {}).instructions


def acting(*actions: Action, **more: Any) -> tuple[KernelMachine, bytes]:
    """A new machine, and the program of `hook`."""
    machine = KernelMachine()
    return machine, program(hook(*actions, **more), machine)


@functools.cache
def _types() -> Btf:
    return Btf.vmlinux()
