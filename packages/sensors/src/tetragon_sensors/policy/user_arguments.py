# SPDX-License-Identifier: Apache-2.0
"""Arguments that are read out of the memory of a process: uprobes and USDT probes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tetragon_sensors.kernel.btf import Btf, BtfError

from .arguments import plan_parameter

if TYPE_CHECKING:
    from tetragon_core.policy.model import Argument, UprobeHook, UsdtHook
    from tetragon_core.policy.problems import Problems
    from tetragon_sensors.binaries.binary import Binary

    from .plan import ArgumentPlan
    from .planning import Planning

__all__ = ["is_for_this_machine", "of_process", "plan_user_arguments"]

_READABLE: Final = frozenset({"string", "char_buf", "char_iovec"})
"""Types that are addresses of bytes; the other addresses are of structures of the kernel."""


def is_for_this_machine(planning: Planning, hook: UprobeHook | UsdtHook, binary: Binary) -> bool:
    """Whether the instructions of a hook's file run here; a problem is noted if not."""
    machine, arch = binary.image.machine, planning.kernel.arch
    if machine == arch or not planning.kernel.is_running:
        return True
    planning.problems.error(f"{hook.path} is for {machine}, not {arch}", hook.at("path"))
    return False


def plan_user_arguments(
    planning: Planning, hook: UprobeHook | UsdtHook
) -> list[ArgumentPlan | None]:
    """The `args` of a hook in their order, None for each that is a problem."""
    problems = planning.problems
    types = planning.kernel.btf  # not used: the parser wants btfPath for resolve
    if hook.btf_path:
        try:
            types = Btf.from_file(Path(hook.btf_path))
        except BtfError as error:
            problems.error(str(error), hook.at("btf_path"))
            return [None]
    return [_plan(one, types, problems) for one in hook.args]


def _plan(argument: Argument, types: Btf, problems: Problems) -> ArgumentPlan | None:
    plan = plan_parameter(argument, None, "", types, problems)
    return of_process(plan, argument, problems) if plan is not None else None


def of_process(plan: ArgumentPlan, argument: Argument, problems: Problems) -> ArgumentPlan | None:
    """The plan of an argument or a result that a process gave; its type may not fit."""
    if plan.type.is_address and plan.type.names[0] not in _READABLE:
        problems.error(
            f"type {argument.type} is a structure of the kernel, which functions of processes "
            "are not given",
            argument.at("type"),
        )
        return None
    # neither maxData nor returnCopy is for processes, as the parser has warned
    return replace(plan, of_user=True, in_user=True, max_data=False, size_is_result=False)
