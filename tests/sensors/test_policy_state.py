# SPDX-License-Identifier: Apache-2.0
"""The agent's side of a policy's state: what programs act by, and what they count."""

from __future__ import annotations

import mmap
from typing import TYPE_CHECKING

import pytest

from sensors.acting_programs import acting, action
from tetragon_sensors.policy.state import (
    LEDGER,
    STATE_MAP,
    PolicyState,
    StateOffset,
    ledger_offset,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tetragon_sensors.kernel.maps import Map


class _Memory:
    """As much of a map as the state uses: its memory."""

    def __init__(self) -> None:
        self.shared = mmap.mmap(-1, mmap.PAGESIZE)

    def memory(self, *, writable: bool) -> mmap.mmap:
        assert writable
        return self.shared

    def word(self, offset: int) -> int:
        return int.from_bytes(self.shared[offset : offset + 8], "little")

    def set(self, offset: int, value: int) -> None:
        self.shared[offset : offset + 8] = value.to_bytes(8, "little")


@pytest.fixture
def table() -> _Memory:
    """A new map."""
    return _Memory()


@pytest.fixture
def state(table: _Memory) -> Iterator[PolicyState]:
    """The state in it."""
    given: Map = table  # type: ignore[assignment]  # all that is asked of it
    made = PolicyState(given)
    yield made
    made.close()


def test_it_begins_enforcing(state: PolicyState) -> None:
    """A map is zero: no mode, no limit, nothing counted."""
    assert not state.is_monitored
    assert not state.fell_back
    assert {0} == set(state.counters().values())


def test_mode(state: PolicyState, table: _Memory) -> None:
    """One word, that every program of the policy reads."""
    seen = []
    for on in (True, False, True):
        state.set_monitor(on=on)
        seen.append((state.is_monitored, table.word(StateOffset.MODE)))

    assert [(True, 1), (False, 0), (True, 1)] == seen


def test_to_enforce_again_forgets_the_kills(state: PolicyState, table: _Memory) -> None:
    """After a fall the minute begins anew; the limit itself and the ledger stay."""
    state.set_max_kills(5)
    for offset in (StateOffset.MODE, StateOffset.FELL_BACK, StateOffset.KILLS, StateOffset.WINDOW):
        table.set(offset, 6)
    table.set(ledger_offset("signal"), 5)
    assert state.fell_back

    state.set_monitor(on=False)

    words = ("MODE", "FELL_BACK", "KILLS", "WINDOW", "MAX_KILLS")
    assert [0, 0, 0, 0, 5] == [table.word(getattr(StateOffset, name)) for name in words]
    assert state.counters()["signal"] == 5


def test_to_monitor_keeps_the_fall(state: PolicyState, table: _Memory) -> None:
    """That it fell back can be seen until somebody has it enforce again."""
    table.set(StateOffset.FELL_BACK, 1)

    state.set_monitor(on=True)

    assert state.fell_back


def test_ledger(state: PolicyState, table: _Memory) -> None:
    """Each counter is where programs count it, and none is where something else stands."""
    offsets = [ledger_offset(name) for name in LEDGER]
    assert len(offsets) == len(set(offsets))
    assert min(offsets) > StateOffset.LAST_ERRNO
    assert max(offsets) + 8 == STATE_MAP.value_bytes
    for value, name in enumerate(LEDGER, 1):
        table.set(ledger_offset(name), value)
    table.set(StateOffset.LAST_ERRNO, 13)

    expected = {name: value for value, name in enumerate(LEDGER, 1)}
    assert {**expected, "last_errno": 13} == state.counters()


def test_programs_and_the_agent_agree(state: PolicyState, table: _Memory) -> None:
    """A program that runs on what the agent stored does as it was told, and is counted."""
    machine, code = acting(action("Override", arg_error=-13))
    state.set_monitor(on=True)
    machine.set_state(StateOffset.MODE, table.word(StateOffset.MODE))

    assert machine.enter(code) == 0

    for name in LEDGER:
        table.set(ledger_offset(name), machine.state(ledger_offset(name)))
    assert {"attempts": 1, "monitor_override": 1} == {
        name: count for name, count in state.counters().items() if count
    }
