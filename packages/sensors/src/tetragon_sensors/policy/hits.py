# SPDX-License-Identifier: Apache-2.0
"""Records of hooks to HookMessage. Halves of one call wait here for each other."""

from __future__ import annotations

import os
from collections import Counter as Tally
from collections import OrderedDict
from pathlib import Path
from struct import Struct
from typing import TYPE_CHECKING, Final, NamedTuple

from tetragon_core.hooks import HookEvent, HookMessage, StackFrame
from tetragon_core.messages import ProcessKey
from tetragon_sensors.userstacks import UserStacks

from .frames import UserRegistersFrame
from .record import HEADER, HitFlag, HitHeader
from .requests import requests_of
from .rest import RestOfBytes, append_bytes
from .types.ima import hash_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from tetragon_core.hooks import ArgumentValue
    from tetragon_core.network_requests import NetworkRequest
    from tetragon_sensors.kernel.symbols import Symbols

    from .plan import ArgumentPlan, HookPlan, Target

__all__ = ["HitDecoder"]

_WAITING: Final = 16_384
"""Entries whose return has not come; the oldest is given up for another."""
_ENTRY: Final = int(HitFlag.ENTRY_HALF)
_RETURN: Final = int(HitFlag.RETURN_HALF)
_MONITORED: Final = int(HitFlag.MONITORED)


class _Entry(NamedTuple):
    """A call that was entered and has not returned."""

    ktime_ns: int
    message: HookMessage
    values: list[tuple[int, ArgumentValue]]
    """Arguments with their positions."""


class HitDecoder:
    """Knows every loaded hook by its number."""

    def __init__(
        self,
        symbols: Symbols | None = None,
        ask: Callable[[NetworkRequest], None] | None = None,
    ) -> None:
        """`ask` gets what hits ask to be sent; it must not wait."""
        self.given_up = 0
        """Entries of threads that still run, dropped because too many waited."""
        self.unknown = 0
        """Records of hooks that were unloaded meanwhile, returns without their entry."""
        self._hooks: dict[int, tuple[Target, HookPlan]] = {}
        self._returns: dict[int, HookPlan] = {}
        self.posted: Tally[int] = Tally()
        """Hits handed on, by hook."""
        self._events: dict[int, HookEvent] = {}
        """Of each hook there was, as `posted`."""
        self._waiting: OrderedDict[tuple[int, int, int], _Entry] = OrderedDict()
        """By thread and call what waits for its return. A thread's next entry takes the place of
        one whose return no selector wanted."""
        self._ask = ask
        self._requests: dict[tuple[int, int], tuple[NetworkRequest, ...]] = {}
        """(hook, selector) -> what is sent."""
        self._own_pid = os.getpid()
        self._rest = RestOfBytes()
        self._symbols = symbols
        self._user_stacks = UserStacks()

    def add(self, plans: Iterable[HookPlan]) -> None:
        """Know the targets of these programs from now on."""
        for plan in plans:
            for target in plan.targets:
                if plan.is_return_half:
                    self._returns[target.hook] = plan
                else:
                    self._hooks[target.hook] = (target, plan)
                    self._events[target.hook] = target.info.event
                    for number, selector in enumerate(plan.selectors):
                        if wanted := requests_of(selector.match_actions):
                            self._requests[target.hook, number] = wanted

    def remove(self, plans: Iterable[HookPlan]) -> None:
        """Forget them; what still comes of them is counted as unknown."""
        for plan in plans:
            for target in plan.targets:
                self._hooks.pop(target.hook, None)
                self._returns.pop(target.hook, None)
                for number in range(len(plan.selectors)):
                    self._requests.pop((target.hook, number), None)

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
        if self._requests:
            self._request(header)
        data_from = plan.data_from
        values = [
            (one.position, value)
            for one in plan.arguments
            for value in self._values(one, record, header)
        ]
        message = HookMessage(
            process=ProcessKey(header.tgid, header.process_ktime),
            tid=header.tid,
            ktime_ns=header.ktime,
            info=target.info,
            action=header.action,
            return_action=header.return_action,
            arguments=tuple(value for position, value in values if position < data_from),
            data=tuple(value for position, value in values if position >= data_from),
            return_value=plan.result.type.decode(record, plan.result) if plan.result else None,
            kernel_stack=self._kernel_stack(record, header),
            user_stack=self._user_stack(record, header),
            is_monitored=bool(header.flags & _MONITORED),
            ima_hash=hash_text(record, plan.ima_hash) if plan.ima_hash else "",
        )
        if not header.flags & _ENTRY:
            self.posted[header.hook] += 1
            return message
        self._wait(_Entry(header.entry_ktime, message, values), header, plan)
        return None

    def received(self) -> Mapping[HookEvent, int]:
        """Hits handed on so far, by type; those no program knows of are loads, read from perf."""
        found = dict.fromkeys(HookEvent, 0)
        for hook, hits in self.posted.items():
            found[self._events.get(hook, HookEvent.LOADER)] += hits
        return found

    def _request(self, header: HitHeader) -> None:
        """Hits of the agent itself ask for nothing: a request could be the next hit."""
        if self._ask is None or header.tgid == self._own_pid:
            return
        for wanted in self._requests.get((header.hook, header.selector), ()):
            self._ask(wanted)

    def _wait(self, entry: _Entry, header: HitHeader, plan: HookPlan) -> None:
        key = _key(header, plan)
        self._waiting[key] = entry
        self._waiting.move_to_end(key)
        if len(self._waiting) > _WAITING:
            (tid, _, depth), _entry = self._waiting.popitem(last=False)
            # of calls that nest, those whose return no selector wanted are here too
            self.given_up += not depth and Path(f"/proc/{tid}").exists()

    def _complete(self, header: HitHeader, record: bytes) -> HookMessage | None:
        plan = self._returns.get(header.hook)
        entry = self._waiting.pop(_key(header, plan), None) if plan else None
        if entry is None or plan is None or entry.ktime_ns != header.entry_ktime:
            self.unknown += 1
            return None
        self.posted[header.hook] += 1
        message, values = entry.message, entry.values
        result = plan.result.type.decode(record, plan.result) if plan.result else None
        late = [
            (one.position, value)
            for one in plan.arguments
            for value in one.type.values(record, one)
        ]
        whole = sorted((*values, *late), key=lambda one: one[0])
        return message._replace(
            return_value=result,
            return_action=header.action,
            is_monitored=message.is_monitored or bool(header.flags & _MONITORED),
            arguments=tuple(value for position, value in whole if position < plan.data_from),
        )

    def decode_rest(self, record: bytes) -> None:
        """Bytes of an argument of a hit that follows. Raises ValueError."""
        self._rest.add(record)

    def _values(
        self, plan: ArgumentPlan, record: bytes, header: HitHeader
    ) -> Sequence[ArgumentValue]:
        values = plan.type.values(record, plan)
        if not plan.max_data:
            return values
        rest = self._rest.take(header, plan.position)
        return [append_bytes(value, rest) for value in values] if rest else values

    def _kernel_stack(self, record: bytes, header: HitHeader) -> tuple[StackFrame, ...]:
        if header.kernel_stack_bytes <= 0:
            return ()
        found = _addresses(record, header.kernel_stack_offset, header.kernel_stack_bytes)
        return tuple(map(self._frame, found))

    def _user_stack(self, record: bytes, header: HitHeader) -> tuple[StackFrame, ...]:
        """Of the thread that ran: the process may be the one that a socket is tracked for."""
        if header.user_stack_bytes <= 0:
            return ()
        found = _addresses(record, header.user_stack_offset, header.user_stack_bytes)
        thread = ProcessKey(header.tid, header.process_ktime)
        return self._user_stacks.frames(thread, header.ktime, found)

    def _frame(self, address: int) -> StackFrame:
        place = self._symbols.at(address) if self._symbols else None
        if place is None:
            return StackFrame(address, 0, "")
        return StackFrame(address, place.offset, place.name)


def _key(header: HitHeader, plan: HookPlan) -> tuple[int, int, int]:
    """Thread, hook and, where a function calls itself, the time of the entry."""
    nests = isinstance(plan.frame, UserRegistersFrame)
    return header.tid, header.hook, header.entry_ktime if nests else 0


def _addresses(record: bytes, offset: int, size: int) -> list[int]:
    return [one for one in Struct(f"<{size // 8}Q").unpack_from(record, offset) if one]
