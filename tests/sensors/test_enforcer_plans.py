# SPDX-License-Identifier: Apache-2.0
"""Enforcers act on the calls they name, by the best way each kernel has for error and signal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from sensors.made_up_kernels import MODIFY_CALLS, OLD, PREEMPTING, made_up
from sensors.test_enforcing_plans import DENY, HEAD, plan_of
from tetragon_core.policy.problems import PolicyError
from tetragon_sensors.policy.enforcing import name_of_syscall
from tetragon_sensors.policy.plan import Denial, HookPlan, Method, Timing

if TYPE_CHECKING:
    from tetragon_sensors.kernel.facts import Kernel

KILL: Final = "argSig: 9"
ERROR: Final = "argError: -1"
BOTH: Final = f"{ERROR}, {KILL}"
TRACEPOINTS_ONLY: Final = ("fentry", "fexit", "fmod_ret", "lsm", "kprobe", "kprobe.multi")


def notifying(*calls: str, what: str = BOTH, enforcers: str = "") -> str:
    """A policy whose tracepoint leaves what to do for the enforcers of some calls."""
    lists = f"  lists:\n  - {{name: calls, type: syscalls, values: [{', '.join(calls)}]}}\n"
    named = enforcers or "{calls: ['list:calls']}"
    return (
        f"{HEAD}{lists}  enforcers: [{named}]\n"
        "  tracepoints:\n"
        "  - subsystem: raw_syscalls\n    event: sys_enter\n"
        "    args: [{index: 4, type: syscall64}]\n"
        "    selectors:\n"
        "    - matchArgs: [{index: 0, operator: InMap, values: ['list:calls']}]\n"
        f"      matchActions: [{{action: NotifyEnforcer, {what}}}]\n"
    )


def enforcing(text: str, kernel: Kernel) -> list[HookPlan]:
    """Programs of the enforcers."""
    return [one for one in plan_of(text, kernel).hooks if one.is_silent]


def ways(text: str, kernel: Kernel) -> set[tuple[Method, Timing, Denial, str]]:
    """Each program's way of attaching, when it runs, how it denies, what it applies."""
    return {
        (one.method, one.timing, one.denial, " ".join(sorted(one.wants)))
        for one in enforcing(text, kernel)
    }


def test_call_that_can_be_denied_itself() -> None:
    """One program does both, another forgets."""
    assert {
        (Method.FMOD_RET, Timing.VERDICT, Denial.RETURNED, "error signal"),
        (Method.FEXIT, Timing.VERDICT_END, Denial.NONE, ""),
    } == ways(notifying("sys_dup"), made_up())


def test_where_denials_can_be_skipped() -> None:
    """The signal has a program of its own that cannot be."""
    found = ways(notifying("sys_dup"), made_up(PREEMPTING))

    assert (Method.KPROBE, Timing.VERDICT, Denial.NONE, "signal") in found
    assert (Method.FMOD_RET, Timing.VERDICT, Denial.RETURNED, "error") in found


def test_call_that_is_denied_inside() -> None:
    """The error at the LSM hook, the signal at the call."""
    kernel = made_up(lacking=(MODIFY_CALLS,))

    assert {
        (Method.LSM, Timing.VERDICT, Denial.RETURNED, "error"),
        (Method.FENTRY, Timing.VERDICT, Denial.NONE, "signal"),
        (Method.FEXIT, Timing.VERDICT_END, Denial.NONE, ""),
    } == ways(notifying("sys_symlinkat"), kernel)


def test_error_alone() -> None:
    """Nothing is sent, so nothing stands at the call but what forgets."""
    kernel = made_up(lacking=(MODIFY_CALLS,))

    assert {
        (Method.LSM, Timing.VERDICT, Denial.RETURNED, "error"),
        (Method.FEXIT, Timing.VERDICT_END, Denial.NONE, ""),
    } == ways(notifying("sys_symlinkat", what=ERROR), kernel)


def test_call_that_cannot_be_denied() -> None:
    """It is refused, or the process is killed and a warning says that the call completes."""
    kernel = made_up(lacking=(MODIFY_CALLS,))

    with pytest.raises(PolicyError, match="sys_dup cannot be denied here"):
        plan_of(notifying("sys_dup", what=ERROR), kernel)

    (warning,) = plan_of(notifying("sys_dup"), kernel).warnings
    assert "the process is killed, the call itself completes" in warning.text("")


def test_tracepoints_only() -> None:
    """The signal is sent at the end of the call, as its tracepoints come in no certain order."""
    kernel = made_up(lacking=(*TRACEPOINTS_ONLY, MODIFY_CALLS))

    assert {(Method.TRACEPOINT, Timing.VERDICT_END, Denial.NONE, "signal")} == ways(
        notifying("sys_dup", what=KILL), kernel
    )


def test_a_list_of_calls() -> None:
    """Each has its programs, and what decides comes after all of them."""
    plan = plan_of(notifying("sys_dup", "sys_dup2", "sys_dup3"), made_up())

    symbols = [one.targets[0].symbol for one in plan.hooks if one.method is Method.FMOD_RET]
    assert ["dup", "dup2", "dup3"] == sorted(map(name_of_syscall, symbols))
    assert [False] * 6 + [True] == [not one.is_silent for one in plan.hooks]
    assert ["verdicts"] == [one.name for one in plan.maps if one.name == "verdicts"]


def test_several_enforcers() -> None:
    """All of them act."""
    text = notifying(
        "sys_dup", "sys_dup3", enforcers="{calls: [sys_dup]}, {calls: [sys_dup3, sys_dup2]}"
    )

    denying = [one for one in enforcing(text, made_up()) if one.timing is Timing.VERDICT]

    assert len(denying) == 3


def test_security_function() -> None:
    """An enforcer may stand at a function that guards something."""
    found = ways(notifying("sys_dup", enforcers="{calls: [security_file_open]}"), made_up())

    assert (Method.FMOD_RET, Timing.VERDICT, Denial.RETURNED, "error signal") in found


def test_nobody_notifies() -> None:
    """Enforcers that nothing is left for have no programs."""
    text = notifying("sys_dup").replace(f"NotifyEnforcer, {BOTH}", "Post")

    assert [] == enforcing(text, made_up(OLD))


def test_notice_without_enforcers() -> None:
    """It would come to nothing."""
    text = notifying("sys_dup").replace("  enforcers: [{calls: ['list:calls']}]\n", "")

    with pytest.raises(PolicyError, match="NotifyEnforcer needs"):
        plan_of(text, made_up())


def test_override_of_a_tracepoint() -> None:
    """A tracepoint cannot deny by itself."""
    text = notifying("sys_dup").replace(f"{{action: NotifyEnforcer, {BOTH}}}", DENY)

    with pytest.raises(PolicyError, match="Override is not possible in tracepoints"):
        plan_of(text, made_up())
