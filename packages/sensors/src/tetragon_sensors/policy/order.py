# SPDX-License-Identifier: Apache-2.0
"""In which order a selector's filters run: cheapest first, else as the policy has them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tetragon_core.policy.workload_filters import filter_of

from .plan import Timing

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tetragon_core.policy.model import (
        ArgumentFilter,
        BinaryFilter,
        CapabilityFilter,
        NamespaceFilter,
        PidFilter,
        Selector,
    )

    from .plan import ArgumentPlan, HookPlan
    from .workloads import Gate

    ProcessFilter = PidFilter | NamespaceFilter | CapabilityFilter

__all__ = [
    "ArgumentCheck",
    "BinaryCheck",
    "ChangeCheck",
    "Check",
    "ProcessCheck",
    "WorkloadCheck",
    "checks_in_order",
    "checks_of_winner",
]

_PROCESS_COST: Final = 1
_CHANGE_COST: Final = 2


@dataclass(frozen=True, slots=True)
class ProcessCheck:
    """A filter on the process that hits the hook."""

    wanted: ProcessFilter
    cost: int = _PROCESS_COST
    """As ArgumentType.cost: 0 registers, 1 a structure, 2 a string, 3 a path."""


@dataclass(frozen=True, slots=True)
class ArgumentCheck:
    """A filter on an argument or on the result."""

    wanted: ArgumentFilter
    argument: ArgumentPlan

    @property
    def cost(self) -> int:
        """Of reading the argument."""
        return self.argument.type.cost


@dataclass(frozen=True, slots=True)
class BinaryCheck:
    """All filters on the executable of the process, or on that of its parent."""

    wanted: tuple[BinaryFilter, ...]
    of_parent: bool = False
    cost: int = _PROCESS_COST


@dataclass(frozen=True, slots=True)
class ChangeCheck:
    """All filters on what has changed since exec."""

    selector: Selector
    cost: int = _CHANGE_COST


@dataclass(frozen=True, slots=True)
class WorkloadCheck:
    """matchWorkloads, or the selectors of the policy."""

    gate: Gate
    cost: int = _PROCESS_COST


Check = WorkloadCheck | ProcessCheck | BinaryCheck | ChangeCheck | ArgumentCheck


def checks_in_order(hook: HookPlan, selector: Selector) -> list[Check]:
    """All of the selector's filters that the hook's program decides."""
    own = hook.gates.of(filter_of(selector.match_workloads))
    gates = [own] if hook.asks_gate_first else [hook.gate, own]
    checks: list[Check] = [WorkloadCheck(gate) for gate in gates if gate is not None]
    for filters, of_parent in (
        (selector.match_binaries, False),
        (selector.match_parent_binaries, True),
    ):
        given = tuple(one for one in filters if one.values)  # without values it says nothing
        if given:
            checks.append(BinaryCheck(given, of_parent))
    if selector.match_namespace_changes or selector.match_capability_changes:
        checks.append(ChangeCheck(selector))
    checks += map(ProcessCheck, selector.match_pids)
    checks += map(ProcessCheck, selector.match_namespaces)
    checks += map(ProcessCheck, selector.match_capabilities)
    arguments = [one for one in hook.arguments if one.position < hook.data_from]
    data = [one for one in hook.arguments if one.position >= hook.data_from]
    checks += _on_arguments(selector.match_args, arguments, 0)
    checks += _on_arguments(selector.match_data, data, hook.data_from)
    if selector is hook.selectors[-1]:  # nothing comes after it, so the order does not matter
        checks += _on_result(hook, selector)
    return sorted(checks, key=lambda check: check.cost)


def checks_of_winner(hook: HookPlan, selector: Selector) -> list[ArgumentCheck]:
    """Filters on the result of a selector whose other filters hold: when they fail, it ends there.

    So it is too where entry and return are seen by two programs.
    """
    return [] if selector is hook.selectors[-1] else _on_result(hook, selector)


def _on_result(hook: HookPlan, selector: Selector) -> list[ArgumentCheck]:
    if hook.timing is not Timing.EXIT or hook.result is None:
        return []
    return [ArgumentCheck(one, hook.result) for one in selector.match_return_args]


def _on_arguments(
    filters: Iterable[ArgumentFilter], arguments: Sequence[ArgumentPlan], first: int
) -> Iterator[ArgumentCheck]:
    """`first`: position in the event of what a filter calls 0."""
    for wanted in filters:
        if wanted.args:
            place = first + wanted.args[0]
            found = (plan for plan in arguments if plan.position == place)
        else:
            found = (plan for plan in arguments if plan.index == wanted.index)
        yield ArgumentCheck(wanted, next(found))
