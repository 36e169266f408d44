# SPDX-License-Identifier: Apache-2.0
"""Programs that enforce do what the policy says, count it, and name it; monitoring only counts."""

from __future__ import annotations

import errno
import signal
import struct
from typing import Final

import pytest

from sensors.acting_programs import HOOK, acting, action
from tetragon_sensors.policy.actions import ACTION_NUMBERS, POST
from tetragon_sensors.policy.record import HitFlag
from tetragon_sensors.policy.state import StateOffset

KILL: Final = action("Sigkill")
DENY: Final = action("Override", arg_error=-errno.EACCES)
SIGNAL: Final = action("Signal", arg_sig=signal.SIGUSR1)
MINUTE_NS: Final = 60 * 10**9


@pytest.mark.parametrize(("wanted", "number"), [(KILL, 9), (SIGNAL, signal.SIGUSR1)])
def test_signal(wanted: object, number: int) -> None:
    """It is sent to the running process once, counted, and named; nothing is denied."""
    machine, code = acting(wanted)  # type: ignore[arg-type]  # an Action

    assert machine.enter(code) == 0
    assert [(machine.tgid, number)] == machine.signals
    assert {"attempts": 1, "signal": 1} == machine.ledger
    (header,) = machine.headers
    assert (HOOK, machine.tgid, machine.tid) == (header.hook, header.tgid, header.tid)
    assert ACTION_NUMBERS[wanted.action] == header.action  # type: ignore[attr-defined]  # an Action
    assert header.flags == 0


@pytest.mark.parametrize(
    ("written", "returned"), [(-13, -13), (13, -13), (0, -1), (4095, -4095), (4096, -1)]
)
def test_override(written: int, returned: int) -> None:
    """The error is returned, however its sign is written; without one it is EPERM."""
    machine, code = acting(action("Override", arg_error=written))

    assert returned == machine.enter(code)
    assert {"attempts": 1, "override": 1} == machine.ledger
    assert [ACTION_NUMBERS["Override"]] == [header.action for header in machine.headers]


def test_several_actions() -> None:
    """All are taken; the event names the last one that enforces."""
    machine, code = acting(KILL, DENY, action("Post"))

    assert machine.enter(code) == -errno.EACCES
    assert [(machine.tgid, 9)] == machine.signals
    assert {"attempts": 1, "signal": 1, "override": 1} == machine.ledger
    assert [ACTION_NUMBERS["Override"]] == [header.action for header in machine.headers]


def test_no_event() -> None:
    """NoPost takes the actions and sends nothing."""
    machine, code = acting(action("NoPost"), DENY)

    assert machine.enter(code) == -errno.EACCES
    assert {"attempts": 1, "override": 1} == machine.ledger
    assert [] == machine.records


def test_monitoring() -> None:
    """Nothing is done; what would have been is counted, and named in an event that says so."""
    machine, code = acting(DENY, KILL)
    machine.set_state(StateOffset.MODE, 1)

    assert machine.enter(code) == 0
    assert [] == machine.signals
    assert {"attempts": 1, "monitor_override": 1, "monitor_signal": 1} == machine.ledger
    (header,) = machine.headers
    assert ACTION_NUMBERS["Sigkill"] == header.action
    assert header.flags == HitFlag.MONITORED


def test_mode_is_read_at_each_hit() -> None:
    """One store switches it, in both directions."""
    machine, code = acting(DENY)

    results = []
    for mode in (0, 1, 0):
        machine.set_state(StateOffset.MODE, mode)
        results.append(machine.enter(code))

    assert [-errno.EACCES, 0, -errno.EACCES] == results


# ---- who is spared ----


@pytest.mark.parametrize(("started", "is_spared"), [(0, True), (77, True), (78, False)])
def test_protected_process(started: int, *, is_spared: bool) -> None:
    """It gets no signal, which is counted; a later process with its number does."""
    machine, code = acting(KILL)
    machine.set("protected", struct.pack("<I", machine.tgid), struct.pack("<Q", started))

    machine.enter(code)

    assert machine.signals == ([] if is_spared else [(machine.tgid, 9)])
    counted = {"spared": 1} if is_spared else {"signal": 1}
    assert {"attempts": 1, **counted} == machine.ledger
    (header,) = machine.headers
    assert header.action == (POST if is_spared else ACTION_NUMBERS["Sigkill"])


def test_protected_process_is_denied() -> None:
    """The list is about signals only."""
    machine, code = acting(KILL, DENY)
    machine.set("protected", struct.pack("<I", machine.tgid), struct.pack("<Q", 0))

    assert machine.enter(code) == -errno.EACCES
    assert [] == machine.signals


# ---- the limit of kills ----


def test_limit_of_kills() -> None:
    """The kill that is too many in a minute is not done: the policy monitors from there on."""
    machine, code = acting(KILL, DENY)
    machine.set_state(StateOffset.MAX_KILLS, 2)

    results = [machine.enter(code) for _ in range(4)]

    assert [-errno.EACCES, -errno.EACCES, 0, 0] == results
    assert len(machine.signals) == 2
    assert machine.state(StateOffset.FELL_BACK) == 1
    assert machine.state(StateOffset.MODE) == 1
    assert {
        "attempts": 4,
        "signal": 2,
        "override": 2,
        "monitor_signal": 2,
        "monitor_override": 2,
    } == machine.ledger
    assert [0, 0, 4, 4] == [header.flags for header in machine.headers]


@pytest.mark.parametrize(
    ("later_ns", "kills"), [(0, 2), (MINUTE_NS - 1, 2), (MINUTE_NS, 4), (10 * MINUTE_NS, 4)]
)
def test_minute(later_ns: int, kills: int) -> None:
    """Kills are counted from the first one for a minute; then anew."""
    machine, code = acting(KILL)
    machine.set_state(StateOffset.MAX_KILLS, 2)

    for _ in range(2):
        machine.enter(code)
    machine.now_ns += later_ns
    for _ in range(2):
        machine.enter(code)

    assert kills == len(machine.signals)


def test_other_signals_are_no_kills() -> None:
    """Nor are those whom the list spares."""
    machine, code = acting(SIGNAL)
    machine.set_state(StateOffset.MAX_KILLS, 1)
    for _ in range(3):
        machine.enter(code)
    assert len(machine.signals) == 3

    machine, code = acting(KILL)
    machine.set_state(StateOffset.MAX_KILLS, 1)
    machine.set("protected", struct.pack("<I", machine.tgid), struct.pack("<Q", 0))
    for _ in range(3):
        machine.enter(code)
    assert machine.state(StateOffset.FELL_BACK) == 0


# ---- what the kernel refuses ----


def test_refused_signal() -> None:
    """It counts as failed with the kernel's errno; the event does not name it."""
    machine, code = acting(KILL)
    machine.signal_result = -errno.EBUSY

    machine.enter(code)

    assert {"attempts": 1, "failed": 1, "last_errno": errno.EBUSY} == machine.ledger
    assert [POST] == [header.action for header in machine.headers]


def test_actions_after_a_refused_one() -> None:
    """They are taken all the same."""
    machine, code = acting(KILL, DENY)
    machine.signal_result = -errno.EBUSY

    assert machine.enter(code) == -errno.EACCES
    assert {"attempts": 1, "failed": 1, "override": 1, "last_errno": 16} == machine.ledger
