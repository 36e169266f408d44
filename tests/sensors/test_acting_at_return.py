# SPDX-License-Identifier: Apache-2.0
"""Two programs see a call: each takes its own actions, for the selector that won."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import pytest

from sensors.acting_programs import acting, action, hook, program
from tetragon_core.policy.model import Selector
from tetragon_sensors.policy.actions import ACTION_NUMBERS, POST
from tetragon_sensors.policy.plan import Denial, Timing
from tetragon_sensors.policy.record import HitFlag
from tetragon_sensors.policy.state import StateOffset

if TYPE_CHECKING:
    from sensors.bpf_kernel import KernelMachine

KILL: Final = action("Sigkill")
DENY: Final = action("Override", arg_error=-13)
SIGNAL: Final = action("Signal", arg_sig=10)
NAMES: Final = {number: name for name, number in ACTION_NUMBERS.items()}


def halves(*selectors: Selector) -> tuple[KernelMachine, bytes, bytes]:
    """A machine, the program at the entry, the one at the return."""
    entry = hook(timing=Timing.ENTRY_HALF, selectors=selectors)
    machine, _ = acting()
    at_return = replace(entry, timing=Timing.RETURN_HALF, denial=Denial.NONE)
    return machine, program(entry, machine), program(at_return, machine)


def seen(machine: KernelMachine) -> list[tuple[int, str]]:
    """Flags and action of each record."""
    return [(header.flags, NAMES[header.action]) for header in machine.headers]


def test_acting_at_the_entry() -> None:
    """What is denied or killed is so before the function runs; the return is reported."""
    machine, entry, at_return = halves(Selector(match_actions=(DENY, KILL)))

    assert machine.enter(entry) == -13
    assert machine.enter(at_return) == 0

    assert [(machine.tgid, 9)] == machine.signals
    assert [(HitFlag.ENTRY_HALF, "Sigkill"), (HitFlag.RETURN_HALF, "Post")] == seen(machine)
    assert {"attempts": 1, "override": 1, "signal": 1} == machine.ledger


def test_acting_twice() -> None:
    """A call at whose entry and return something is done is one attempt."""
    machine, entry, at_return = halves(
        Selector(match_actions=(DENY,), match_return_actions=(SIGNAL,))
    )

    machine.enter(entry)
    machine.enter(at_return)

    assert {"attempts": 1, "override": 1, "signal": 1} == machine.ledger


def test_acting_at_the_return() -> None:
    """What matchReturnActions say is done when it returns, and not before."""
    machine, entry, at_return = halves(Selector(match_return_actions=(SIGNAL,)))

    machine.enter(entry)
    assert [] == machine.signals
    machine.enter(at_return)

    assert [(machine.tgid, 10)] == machine.signals
    assert [(HitFlag.ENTRY_HALF, "Post"), (HitFlag.RETURN_HALF, "Signal")] == seen(machine)


def test_monitoring_at_the_return() -> None:
    """The record of the return says that nothing was done, as that of an entry does."""
    machine, entry, at_return = halves(Selector(match_return_actions=(SIGNAL,)))
    machine.set_state(StateOffset.MODE, 1)

    machine.enter(entry)
    machine.enter(at_return)

    assert [] == machine.signals
    assert {"attempts": 1, "monitor_signal": 1} == machine.ledger
    flags = HitFlag.RETURN_HALF | HitFlag.MONITORED
    assert [(HitFlag.ENTRY_HALF, "Post"), (flags, "Signal")] == seen(machine)


def test_return_of_a_call_nobody_wanted() -> None:
    """It takes no action: its entry was before the policy, or no selector held."""
    machine, _, at_return = halves(Selector(match_return_actions=(KILL,)))

    machine.enter(at_return)

    assert [] == machine.signals
    assert [] == machine.records


def test_each_selector_has_its_own() -> None:
    """The return acts for the selector that won at the entry."""
    first = Selector(match_return_actions=(KILL,))
    machine, entry, at_return = halves(first, Selector(match_return_actions=(SIGNAL,)))

    machine.enter(entry)
    machine.enter(at_return)
    machine.enter(at_return)

    assert [(machine.tgid, 9)] == machine.signals


@pytest.mark.parametrize(
    ("actions", "named"), [((), ("Post", "Signal")), ((DENY,), ("Override", "Signal"))]
)
def test_entry_and_return_at_once(actions: tuple[object, ...], named: tuple[str, str]) -> None:
    """One program at the return takes both, and its record names both."""
    selector = Selector(match_actions=actions, match_return_actions=(SIGNAL,))  # type: ignore[arg-type]  # Actions
    machine, code = acting(timing=Timing.EXIT, selectors=(selector,))

    machine.enter(code)

    assert [(machine.tgid, 10)] == machine.signals
    assert machine.ledger["attempts"] == 1
    (header,) = machine.headers
    assert named == (NAMES[header.action], NAMES[header.return_action])


def test_no_return_action() -> None:
    """A return that only reports names Post."""
    machine, code = acting(KILL, timing=Timing.EXIT)

    machine.enter(code)

    (header,) = machine.headers
    assert (ACTION_NUMBERS["Sigkill"], POST) == (header.action, header.return_action)
