# SPDX-License-Identifier: Apache-2.0
"""What a policy that enforces keeps in the kernel: its mode, its ledger, its limit of kills.

One array map of one element, mapped into the agent's memory: the mode is switched by one store, and
reading the ledger costs no system call. Programs that outlive the agent go on counting in it.
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Final

from tetragon_sensors.kernel.maps import MapFlag, MapKind, MapSpec

if TYPE_CHECKING:
    import mmap
    from collections.abc import Mapping

    from tetragon_sensors.kernel.maps import Map

__all__ = ["LEDGER", "STATE", "STATE_MAP", "PolicyState", "StateOffset", "ledger_offset"]

STATE: Final = "state"


class StateOffset:
    """Offsets of the words of eight bytes."""

    MODE: Final = 0
    """0: enforce; anything else: monitor."""
    MAX_KILLS: Final = 8
    """In a minute; 0: any number."""
    WINDOW: Final = 16
    """When the minute began that kills are counted in, on the boot clock."""
    KILLS: Final = 24
    FELL_BACK: Final = 32
    """1: too many kills; the policy only monitors since then."""
    LAST_ERRNO: Final = 40
    """Of the last action that failed, positive."""
    STOOD_IN: Final = 48
    """How often a guard acted for a program that the kernel skipped (guarding.py)."""
    LEDGER: Final = 64


LEDGER: Final = (
    *("attempts", "signal", "monitor_signal", "override", "monitor_override"),
    *("notify_enforcer", "monitor_notify_enforcer", "set", "monitor_set"),
    *("spared", "failed"),
)
"""Counters: hits whose selector asks for more than an event; actions by the names of the API's
TracingPolicyActionCounters; signals that somebody on the never-kill list did not get; actions that
the kernel refused, and denials that came to nothing."""
STATE_MAP: Final = MapSpec(
    kind=MapKind.ARRAY,
    value_bytes=StateOffset.LEDGER + 8 * len(LEDGER),
    name=STATE,
    flags=MapFlag.MMAPABLE,
)
_WORD: Final = Struct("<Q")


def ledger_offset(counter: str) -> int:
    """Where a counter stands."""
    return StateOffset.LEDGER + 8 * LEDGER.index(counter)


class PolicyState:
    """The map of one policy as the agent sees it."""

    def __init__(self, table: Map) -> None:
        """Raises OSError when the kernel does not let it be mapped."""
        self._memory: mmap.mmap = table.memory(writable=True)

    def _get(self, offset: int) -> int:
        value: int = _WORD.unpack_from(self._memory, offset)[0]
        return value

    @property
    def is_monitored(self) -> bool:
        """Whether actions are counted and not taken."""
        return self._get(StateOffset.MODE) != 0

    @property
    def fell_back(self) -> bool:
        """Whether the policy went over to monitoring by itself, after too many kills."""
        return self._get(StateOffset.FELL_BACK) != 0

    @property
    def stood_in(self) -> int:
        """How often a guard acted for a program that the kernel skipped."""
        return self._get(StateOffset.STOOD_IN)

    def set_monitor(self, *, on: bool) -> None:
        """Switch the mode; the next hit sees it. To enforce again forgets kills and the fall."""
        if not on:
            for offset in (StateOffset.FELL_BACK, StateOffset.KILLS, StateOffset.WINDOW):
                _WORD.pack_into(self._memory, offset, 0)
        _WORD.pack_into(self._memory, StateOffset.MODE, int(on))

    def set_max_kills(self, count: int) -> None:
        """Kills in a minute from which on the policy only monitors; 0: no limit."""
        _WORD.pack_into(self._memory, StateOffset.MAX_KILLS, count)

    def counters(self) -> Mapping[str, int]:
        """The ledger, by the names in LEDGER, and `last_errno`."""
        values = {name: self._get(ledger_offset(name)) for name in LEDGER}
        values["last_errno"] = self._get(StateOffset.LAST_ERRNO)
        return values

    def close(self) -> None:
        """Unmap; idempotent."""
        self._memory.close()
