# SPDX-License-Identifier: Apache-2.0
"""Programs that act for one that the kernel skips: when they do, and where there are any."""

from __future__ import annotations

import errno
import signal
from typing import TYPE_CHECKING, Final

import pytest

from sensors.acting_programs import action, hook, program
from sensors.bpf_kernel import KernelMachine
from sensors.made_up_kernels import OLD, PREEMPTING, made_up
from sensors.test_enforcing_plans import DENY, KILL, plan_of
from sensors.test_enforcing_plans import hook as policy
from tetragon_sensors.policy.plan import Denial, Guarding, Method, Timing
from tetragon_sensors.policy.state import StateOffset

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tetragon_core.policy.model import Action

FIRST, SECOND, THIRD = range(3)
GUARDING: Final = (Guarding(0, (), 0), Guarding(1, (0,), 1), Guarding(2, (0, 1), None))
KILLS: Final = action("Sigkill")


class Calls:
    """Calls of one thread, which three programs see unless the kernel skips them."""

    def __init__(self, wanted: Action = KILLS, denial: Denial = Denial.NONE) -> None:
        self.machine = KernelMachine()
        plans = [hook(wanted, denial=denial, guarding=one) for one in GUARDING]
        self.programs = [program(one, self.machine) for one in plans]

    def call(self, *, skipped: Iterable[int] = (), switched_after: Iterable[int] = ()) -> int:
        """The signals it brings."""
        before = len(self.machine.signals)
        for turn, one in enumerate(self.programs):
            if turn not in skipped:
                self.machine.enter(one)
            if turn in switched_after:
                self.switch()
        return len(self.machine.signals) - before

    def switch(self, times: int = 1) -> None:
        """Let other tasks run."""
        gave_up, was_made_to = self.machine.switches
        self.machine.switches = (gave_up, was_made_to + times)

    @property
    def stood_in(self) -> int:
        """How often a guard acted."""
        return self.machine.state(StateOffset.STOOD_IN)


@pytest.mark.parametrize(
    ("skipped", "signals", "stood_in"),
    [
        ((), 1, 0),
        ((FIRST,), 1, 1),
        ((FIRST, SECOND), 1, 1),
        ((SECOND, THIRD), 1, 0),
        ((FIRST, SECOND, THIRD), 0, 0),
    ],
)
@pytest.mark.parametrize("switched", [FIRST, SECOND, THIRD, None])
def test_one_acts(
    skipped: tuple[int, ...], signals: int, stood_in: int, switched: int | None
) -> None:
    """The first that runs; wherever the thread is switched."""
    calls = Calls()
    after = () if switched is None else (switched,)

    assert signals == calls.call(skipped=skipped, switched_after=after)
    assert stood_in == calls.stood_in
    assert {"attempts": signals, "signal": signals} == calls.machine.ledger or not signals


def test_every_call() -> None:
    """Notes of earlier calls do not mislead, whether the thread was switched or not."""
    calls = Calls()

    assert [1, 1] == [calls.call(), calls.call()]
    calls.switch()
    assert [1, 1] == [calls.call(skipped=[FIRST]), calls.call(skipped=[FIRST])]
    calls.switch()
    assert [1, 1] == [calls.call(skipped=[FIRST, SECOND]), calls.call(skipped=[FIRST, SECOND])]
    calls.switch()
    assert 1 == calls.call()
    assert 4 == calls.stood_in


def test_nothing_is_left() -> None:
    """What was entered about a call is removed in it, though the thread is switched in between."""
    calls = Calls()
    calls.call(switched_after=[FIRST])
    calls.call(skipped=[FIRST], switched_after=[SECOND])
    calls.call(skipped=[FIRST, SECOND])
    calls.call()

    assert {} == calls.machine.table("acted")


def test_what_was_left_is_old() -> None:
    """The last guard was skipped: what it would have removed is not taken for another call's."""
    calls = Calls()
    calls.call(skipped=[THIRD])
    calls.switch(100)

    assert 1 == calls.call(skipped=[FIRST])


def test_another_thread() -> None:
    """Its notes are not about this one, though it was switched as often."""
    calls = Calls()
    calls.call()
    calls.machine.tid += 1

    assert 1 == calls.call(skipped=[FIRST])


def test_decisions() -> None:
    """What a guard decides is kept as what it guards would have kept it."""
    calls = Calls(action("Override", arg_error=-errno.EACCES), Denial.KEPT)

    calls.call(skipped=[FIRST])

    assert {"attempts": 1, "override": 1} == calls.machine.ledger
    assert 1 == len(calls.machine.table("verdicts"))


def test_what_others_decided() -> None:
    """A guard sends the signal that was decided on; once, as that is taken back."""
    machine = KernelMachine()
    decide = program(hook(action("NotifyEnforcer", arg_sig=signal.SIGKILL)), machine)
    fields = {"timing": Timing.VERDICT, "denial": Denial.NONE, "wants": frozenset({"signal"})}
    applying = [program(hook(guarding=one, **fields), machine) for one in GUARDING]
    machine.enter(decide)

    for one in applying[SECOND:]:
        machine.enter(one)

    assert [(machine.tgid, signal.SIGKILL)] == machine.signals


# ---- plans ----


def guards_of(text: str, release: str = PREEMPTING, lacking: tuple[str, ...] = ()) -> list[str]:
    """The functions that are guarded, each as often as there are guards."""
    plan = plan_of(text, made_up(release, lacking=lacking))
    return [one.targets[0].symbol for one in plan.hooks if one.is_guard]


@pytest.mark.parametrize("wanted", [KILL, DENY])
def test_guards(wanted: str) -> None:
    """They are attached first, the last of them before the others."""
    plan = plan_of(policy("sys_symlinkat", wanted), made_up(PREEMPTING))

    found = [(one.method, one.guarding) for one in plan.hooks if one.guarding]
    assert [
        (Method.FENTRY, Guarding(3, (0, 1, 2), None)),
        (Method.FENTRY, Guarding(2, (0, 1), 2)),
        (Method.FENTRY, Guarding(1, (0,), 1)),
        (Method.KPROBE, Guarding(0, (), 0)),
    ] == found
    assert [3] == [one.max_entries for one in plan.maps if one.name == "notes"]


@pytest.mark.parametrize(
    ("release", "lacking"),
    [(OLD, ()), (PREEMPTING, ("fentry",)), (PREEMPTING, ("kprobe", "kprobe.multi"))],
)
def test_no_guards(release: str, lacking: tuple[str, ...]) -> None:
    """Where nothing is skipped; where there is no other way; where that is taken anyway."""
    assert [] == guards_of(policy("tcp_connect", KILL), release, lacking)


def test_what_only_reports_has_no_guards() -> None:
    """To be skipped is counted, and nothing else comes of it."""
    assert [] == guards_of(policy("tcp_connect", "{action: Post}"))
