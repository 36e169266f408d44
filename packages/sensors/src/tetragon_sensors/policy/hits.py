# SPDX-License-Identifier: Apache-2.0
"""Records of hooks to HookMessage. Halves of one call wait here for each other."""

from __future__ import annotations

from collections import OrderedDict
from struct import Struct
from typing import TYPE_CHECKING, Final

from tetragon_core.hooks import ArgumentValue, HookMessage, StackFrame
from tetragon_core.messages import ProcessKey

from .record import HEADER, HitFlag, HitHeader

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tetragon_sensors.kernel.symbols import Symbols

    from .plan import ArgumentPlan, HookPlan, Target

__all__ = ["HitDecoder"]

_WAITING: Final = 4096
"""Entries whose return has not come; the oldest is given up for another."""
_ENTRY: Final = int(HitFlag.ENTRY_HALF)
_RETURN: Final = int(HitFlag.RETURN_HALF)


class HitDecoder:
    """Knows every loaded hook by its number."""

    def __init__(self, symbols: Symbols | None = None) -> None:
        self.given_up = 0
        """Entries dropped because too many waited."""
        self.unknown = 0
        """Records of hooks that were unloaded meanwhile."""
        self._hooks: dict[int, tuple[Target, HookPlan]] = {}
        self._returns: dict[int, HookPlan] = {}
        self._waiting: OrderedDict[tuple[int, int], HookMessage] = OrderedDict()
        self._symbols = symbols

    def add(self, plans: Iterable[HookPlan]) -> None:
        """Know the targets of these programs from now on."""
        for plan in plans:
            for target in plan.targets:
                if plan.is_return_half:
                    self._returns[target.hook] = plan
                else:
                    self._hooks[target.hook] = (target, plan)

    def remove(self, plans: Iterable[HookPlan]) -> None:
        """Forget them; what still comes of them is counted as unknown."""
        for plan in plans:
            for target in plan.targets:
                self._hooks.pop(target.hook, None)
                self._returns.pop(target.hook, None)

    def decode(self, record: bytes) -> HookMessage | None:
        """The hit; None for a half that waits for the other. Raises ValueError."""
        if len(record) < HEADER.size:
            raise ValueError(f"hit of {len(record)} bytes is shorter than its header")
        header = HitHeader._make(HEADER.unpack_from(record))
        found = self._hooks.get(header.hook)
        if found is None:
            self.unknown += 1
            return None
        target, plan = found
        if header.flags & _RETURN:
            return self._complete(header, record)
        data_from = plan.data_from
        values = [(one.position, one.type.decode(record, one)) for one in plan.arguments]
        message = HookMessage(
            process=ProcessKey(header.tgid, header.process_ktime),
            tid=header.tid,
            ktime_ns=header.ktime,
            info=target.info,
            action=header.action,
            arguments=tuple(value for position, value in values if position < data_from),
            data=tuple(value for position, value in values if position >= data_from),
            return_value=plan.result.type.decode(record, plan.result) if plan.result else None,
            kernel_stack=self._stack(record, header.kernel_stack_offset, header.kernel_stack_bytes),
            user_stack=self._stack(record, header.user_stack_offset, header.user_stack_bytes),
        )
        if not header.flags & _ENTRY:
            return message
        self._waiting[header.tid, header.entry_ktime] = message
        if len(self._waiting) > _WAITING:
            self._waiting.popitem(last=False)
            self.given_up += 1
        return None

    def _complete(self, header: HitHeader, record: bytes) -> HookMessage | None:
        entry = self._waiting.pop((header.tid, header.entry_ktime), None)
        plan = self._returns.get(header.hook)
        if entry is None or plan is None:
            self.unknown += 1
            return None
        result = plan.result.type.decode(record, plan.result) if plan.result else None
        return entry._replace(
            return_value=result,
            return_action=header.action,
            arguments=_merged(entry.arguments, plan.arguments, record),
        )

    def _stack(self, record: bytes, offset: int, size: int) -> tuple[StackFrame, ...]:
        if size <= 0:
            return ()
        addresses = Struct(f"<{size // 8}Q").unpack_from(record, offset)
        return tuple(self._frame(address) for address in addresses if address)

    def _frame(self, address: int) -> StackFrame:
        place = self._symbols.at(address) if self._symbols else None
        if place is None:
            return StackFrame(address, 0, "")
        return StackFrame(address, place.offset, place.name)


def _merged(
    values: Sequence[ArgumentValue], late: Sequence[ArgumentPlan], record: bytes
) -> tuple[ArgumentValue, ...]:
    """Arguments read at the return take the places they have in the policy."""
    whole = list(values)
    for plan in late:  # in ascending order
        whole.insert(plan.position, plan.type.decode(record, plan))
    return tuple(whole)
