# SPDX-License-Identifier: Apache-2.0
"""Arguments that are read out of the memory of a process: uprobes and USDT probes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from .arguments import plan_parameter

if TYPE_CHECKING:
    from tetragon_core.policy.model import Argument
    from tetragon_core.policy.problems import Problems
    from tetragon_sensors.kernel.btf import Btf

    from .plan import ArgumentPlan

__all__ = ["of_process", "plan_user_argument"]

_READABLE: Final = frozenset({"string", "char_buf", "char_iovec"})
"""Types that are addresses of bytes; the other addresses are of structures of the kernel."""


def plan_user_argument(argument: Argument, types: Btf, problems: Problems) -> ArgumentPlan | None:
    """An argument; `types` are those of the file the probe is in, for `resolve`."""
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
