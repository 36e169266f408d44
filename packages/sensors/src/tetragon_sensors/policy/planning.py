# SPDX-License-Identifier: Apache-2.0
"""What planning any kind of hook needs: the policy, the kernel, and what was found out so far."""

from __future__ import annotations

from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING

from tetragon_core.hooks import HookEvent, HookInfo
from tetragon_core.policy.problems import Problems

from .arguments import check_filters
from .plan import Target

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tetragon_core.policy.model import Hook, Policy, Selector
    from tetragon_sensors.kernel.facts import Kernel

    from .attaching import Impossible
    from .plan import ArgumentPlan
    from .workloads import Gates

__all__ = ["Planning"]

_TRUE = frozenset({"1", "t", "true"})


class Planning:
    """One policy on its way to a Plan; the planners of hooks note problems in it."""

    def __init__(
        self, policy: Policy, kernel: Kernel, numbers: Iterator[int], gates: Gates
    ) -> None:
        self.policy = policy
        self.kernel = kernel
        self.problems = Problems()
        self.skipped: list[str] = []
        """Names of what is not there and the policy says to ignore."""
        self.impossible: list[Impossible] = []
        self.rejected: list[str] = []
        """Places in files that do not have the digest the policy wants, and it says to go on."""
        self.gates = gates
        self._numbers = numbers
        self._notes = count()

    def option(self, name: str) -> bool:
        """Whether an option of the policy is switched on."""
        value = self.policy.spec.options.get(name)
        return value is not None and str(value).lower() in _TRUE

    def check_selectors(
        self,
        selectors: Sequence[Selector],
        plans: Sequence[ArgumentPlan],
        data_from: int,
        result: ArgumentPlan | None,
    ) -> None:
        """Note filters that are not possible for these arguments: `args`, then `data`."""
        for selector in selectors:
            check_filters(selector.match_args, plans[:data_from], self.problems)
            check_filters(selector.match_data, plans[data_from:], self.problems)
            results = [replace(result, index=0)] if result is not None else []
            filters = [replace(one, index=0) for one in selector.match_return_args]
            check_filters(filters, results, self.problems)

    def info(self, hook: Hook, event: HookEvent, function_name: str = "") -> HookInfo:
        """What all events of a hook have in common; more is added with dataclasses.replace."""
        return HookInfo(
            event=event,
            policy_name=self.policy.name,
            policy_namespace=self.policy.namespace,
            function_name=function_name,
            message=hook.message,
            tags=hook.tags,
        )

    def functions(self, hook: Hook, symbols: Iterable[tuple[str, int]]) -> tuple[Target, ...]:
        """Places of a hook on functions, each a symbol and its BTF id."""
        return tuple(
            self.target(symbol, self.info(hook, HookEvent.KPROBE, symbol), type_id)
            for symbol, type_id in symbols
        )

    def next_note(self) -> int:
        """Number of a program that others guard, in the policy's map of notes."""
        return next(self._notes)

    def target(self, symbol: str, info: HookInfo, type_id: int = 0) -> Target:
        """A place to attach to, with a number of its own."""
        return Target(symbol=symbol, hook=next(self._numbers), info=info, type_id=type_id)
