# SPDX-License-Identifier: Apache-2.0
"""What one program decides about a thread's call, others apply, once, until the call is over."""

from __future__ import annotations

import errno
import signal
import struct
from typing import Final

import pytest

from sensors.acting_programs import acting, action, hook, program
from tetragon_sensors.policy.actions import ACTION_NUMBERS, POST
from tetragon_sensors.policy.frames import WordsFrame
from tetragon_sensors.policy.plan import Denial, Timing
from tetragon_sensors.policy.state import StateOffset

DENY: Final = action("Override", arg_error=-errno.EACCES)
KEPT: Final = {"denial": Denial.KEPT}
NOTIFY: Final = action("NotifyEnforcer", arg_error=-errno.EPERM, arg_sig=signal.SIGKILL)
RESULT: Final = 1
"""Word of the context at the end of a call that has one argument."""


def applying(*wants: str, denial: Denial = Denial.RETURNED) -> dict[str, object]:
    """Fields of a program inside a call."""
    return {"timing": Timing.VERDICT, "denial": denial, "wants": frozenset(wants)}


def at_end(*wants: str) -> dict[str, object]:
    """Fields of a program at the end of a call."""
    return {
        "timing": Timing.VERDICT_END,
        "denial": Denial.NONE,
        "wants": frozenset(wants),
        "frame": WordsFrame(RESULT),
    }


def test_kept_and_applied() -> None:
    """The deciding program lets the call go on; the one inside denies as often as it is asked."""
    machine, decide = acting(DENY, **KEPT)
    inside = program(hook(**applying("error")), machine)
    end = program(hook(**at_end()), machine)

    assert machine.enter(decide) == 0
    assert [-errno.EACCES] * 2 == [machine.enter(inside) for _ in range(2)]
    assert machine.enter(end, 0, -errno.EACCES) == 0
    assert {} == machine.table("verdicts")
    assert machine.enter(inside) == 0
    assert {"attempts": 1, "override": 1} == machine.ledger
    assert [ACTION_NUMBERS["Override"]] == [header.action for header in machine.headers]


def test_other_threads() -> None:
    """A verdict holds for the thread it is about, not for others of the process."""
    machine, decide = acting(DENY, **KEPT)
    inside = program(hook(**applying("error")), machine)
    machine.enter(decide)

    machine.tid += 1

    assert machine.enter(inside) == 0


@pytest.mark.parametrize(
    ("result", "failed"), [(0, 1), (3, 1), (-errno.ENOENT, 0), (-errno.EACCES, 0)]
)
def test_never_applied(result: int, failed: int) -> None:
    """A call that succeeded though it should not counts as failed; one that failed does not."""
    machine, decide = acting(DENY, **KEPT)
    end = program(hook(**at_end()), machine)

    machine.enter(decide)
    machine.enter(end, 0, result)

    assert failed == machine.ledger.get("failed", 0)
    assert {} == machine.table("verdicts")


def test_calls_nothing_was_decided_about() -> None:
    """They are neither denied nor counted."""
    machine, inside = acting(**applying("error", "signal"))
    end = program(hook(**at_end("signal")), machine)

    assert [0, 0] == [machine.enter(inside), machine.enter(end, 0, 0)]
    assert {} == machine.ledger
    assert [] == machine.signals


def test_no_room() -> None:
    """A verdict that cannot be kept counts as failed, and the event does not claim it."""
    machine, decide = acting(DENY, **KEPT)
    machine.is_full = True

    assert machine.enter(decide) == 0
    assert {"attempts": 1, "failed": 1, "last_errno": 7} == machine.ledger
    assert [POST] == [header.action for header in machine.headers]


# ---- enforcers ----


def test_enforcer_at_once() -> None:
    """Where the call can be denied itself, signal and error come from one program."""
    machine, decide = acting(NOTIFY, denial=Denial.NONE)
    inside = program(hook(**applying("error", "signal")), machine)

    machine.enter(decide)

    assert machine.enter(inside) == -errno.EPERM
    assert [(machine.tgid, 9)] == machine.signals
    assert {"attempts": 1, "notify_enforcer": 1, "signal": 1} == machine.ledger


def test_signal_is_sent_once() -> None:
    """By whichever program of the enforcer comes first."""
    machine, decide = acting(NOTIFY, denial=Denial.NONE)
    entry = program(hook(**applying("signal", denial=Denial.NONE)), machine)
    end = program(hook(**at_end("signal")), machine)

    machine.enter(decide)
    results = [machine.enter(code, 0, 0) for code in (entry, entry, end)]

    assert [0, 0, 0] == results
    assert [(machine.tgid, 9)] == machine.signals
    assert "failed" not in machine.ledger


def test_signal_at_the_end() -> None:
    """Where only tracepoints see the call; the process dies before it sees what came of it."""
    machine, decide = acting(NOTIFY, denial=Denial.NONE)
    end = program(hook(**at_end("signal")), machine)

    machine.enter(decide)
    machine.enter(end, 0, 0)

    assert [(machine.tgid, 9)] == machine.signals
    assert {"attempts": 1, "notify_enforcer": 1, "signal": 1} == machine.ledger


def test_refused_signal() -> None:
    """It counts as failed, with the errno, and is not tried again in that call."""
    machine, decide = acting(NOTIFY, denial=Denial.NONE)
    entry = program(hook(**applying("signal", denial=Denial.NONE)), machine)
    machine.signal_result = -errno.EBUSY

    machine.enter(decide)
    machine.enter(entry)
    machine.enter(entry)

    assert machine.ledger["failed"] == 1
    assert machine.ledger["last_errno"] == errno.EBUSY


def test_taken_back() -> None:
    """CleanupEnforcerNotification leaves nothing to apply."""
    machine, decide = acting(NOTIFY, denial=Denial.NONE)
    forget = program(hook(action("CleanupEnforcerNotification")), machine)
    inside = program(hook(**applying("error", "signal")), machine)

    machine.enter(decide)
    machine.enter(forget)

    assert machine.enter(inside) == 0
    assert [] == machine.signals


def test_monitoring() -> None:
    """No verdict is kept; that it would have been is counted."""
    machine, decide = acting(NOTIFY, denial=Denial.NONE)
    machine.set_state(StateOffset.MODE, 1)

    machine.enter(decide)

    assert {} == machine.table("verdicts")
    assert {"attempts": 1, "monitor_notify_enforcer": 1} == machine.ledger


def test_protected_process() -> None:
    """An enforcer's signal spares whom every other signal spares; the error is returned."""
    machine, decide = acting(NOTIFY, denial=Denial.NONE)
    inside = program(hook(**applying("error", "signal")), machine)
    machine.set("protected", struct.pack("<I", machine.tgid), struct.pack("<Q", 0))

    machine.enter(decide)

    assert machine.enter(inside) == -errno.EPERM
    assert [] == machine.signals
    assert machine.ledger["spared"] == 1


def test_limit_of_kills() -> None:
    """Kills by an enforcer count against the limit as all others do."""
    machine, decide = acting(NOTIFY, denial=Denial.NONE)
    inside = program(hook(**applying("error", "signal")), machine)
    machine.set_state(StateOffset.MAX_KILLS, 2)

    for _ in range(4):
        machine.enter(decide)
        machine.enter(inside)

    assert len(machine.signals) == 2
    assert machine.state(StateOffset.FELL_BACK) == 1
