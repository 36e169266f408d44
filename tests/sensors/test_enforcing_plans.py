# SPDX-License-Identifier: Apache-2.0
"""How each kernel denies and kills: the best way it has, or a refusal that says why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from sensors.made_up_kernels import MODIFY_CALLS, OLD, PREEMPTING, made_up
from tetragon_core.policy.parse import parse_policy
from tetragon_core.policy.problems import PolicyError
from tetragon_sensors.policy.check import make_plan
from tetragon_sensors.policy.plan import Denial, Method, Timing

if TYPE_CHECKING:
    from tetragon_sensors.kernel.facts import Kernel
    from tetragon_sensors.policy.plan import Plan

HEAD: Final = """\
apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata: {name: plan}
spec:
"""
DENY: Final = "{action: Override, argError: -1}"
KILL: Final = "{action: Sigkill}"
WITHOUT_TRAMPOLINES: Final = ("fentry", "fexit", "fmod_ret", "lsm", "kprobe", "kprobe.multi")
RETURNS: Final = "return: true, returnArg: {index: 0, type: int}, "


def hook(call: str, *actions: str, more: str = "", at_return: str = "", filtered: str = "") -> str:
    """A policy with one hook on a function or system call."""
    is_syscall = str(call.startswith("sys_")).lower()
    at_end = f", matchReturnActions: [{at_return}]" if at_return else ""
    return (
        f"{HEAD}  kprobes:\n"
        f"  - {{call: {call}, syscall: {is_syscall}, {more}selectors: "
        f"[{{matchActions: [{', '.join(actions)}]{at_end}{filtered}}}]}}\n"
    )


def lsm(name: str, *actions: str) -> str:
    """A policy with one LSM hook."""
    return (
        f"{HEAD}  lsmhooks:\n  - {{hook: {name}, "
        f"selectors: [{{matchActions: [{', '.join(actions)}]}}]}}\n"
    )


def plan_of(text: str, kernel: Kernel) -> Plan:
    """The policy's plan there."""
    return make_plan(parse_policy(text), kernel)


def programs(text: str, kernel: Kernel) -> list[tuple[str, Method, Timing, Denial]]:
    """Where each is, how it is attached, when it runs, and how it denies."""
    return [
        (one.targets[0].symbol, one.method, one.timing, one.denial)
        for one in plan_of(text, kernel).hooks
        if not one.is_guard  # test_guarding.py has them
    ]


# ---- security hooks ----

MKDIR: Final = "security_inode_mkdir"


@pytest.mark.parametrize(
    ("release", "lacking", "method"),
    [
        (OLD, (), Method.FMOD_RET),
        (OLD, ("lsm",), Method.FMOD_RET),
        (OLD, ("fmod_ret",), Method.LSM),
        (PREEMPTING, (), Method.LSM),
        (PREEMPTING, ("lsm",), Method.FMOD_RET),
    ],
)
def test_security_hook(release: str, lacking: tuple[str, ...], method: Method) -> None:
    """One program decides and denies; among the security modules where others can be skipped."""
    kernel = made_up(release, lacking=lacking)

    assert [(MKDIR, method, Timing.ENTRY, Denial.RETURNED)] == programs(hook(MKDIR, DENY), kernel)


def test_security_hook_that_cannot_be_denied() -> None:
    """The reasons of both ways are given."""
    kernel = made_up(lacking=("lsm", "fmod_ret"))

    with pytest.raises(PolicyError, match="by fmod_ret: no fmod_ret; by an LSM hook: no lsm"):
        plan_of(hook(MKDIR, DENY), kernel)


def test_security_hook_with_another_name() -> None:
    """Only the LSM hook with the same arguments may answer for a function."""
    kernel = made_up(lacking=("fmod_ret",))

    with pytest.raises(PolicyError, match="by an LSM hook: it has none of its kind"):
        plan_of(hook("security_bprm_check", DENY), kernel)


def test_other_functions() -> None:
    """What is neither a security hook nor a system call is refused."""
    with pytest.raises(PolicyError, match="system calls and security_ functions only"):
        plan_of(hook("tcp_connect", DENY), made_up())


# ---- system calls ----


def test_system_call_denied_itself() -> None:
    """One program, in the place of the call."""
    (found,) = programs(hook("sys_symlinkat", DENY), made_up())

    assert (Method.FMOD_RET, Timing.ENTRY, Denial.RETURNED) == found[1:]


@pytest.mark.parametrize(
    ("release", "lacking", "entry", "end"),
    [
        (OLD, (MODIFY_CALLS,), Method.FENTRY, Method.FEXIT),
        (OLD, (MODIFY_CALLS, "fentry"), Method.KPROBE, Method.KRETPROBE),
        (PREEMPTING, (), Method.KPROBE, Method.KRETPROBE),
        (PREEMPTING, ("kprobe", "kprobe.multi"), Method.FENTRY, Method.FEXIT),
    ],
)
def test_system_call_denied_inside(
    release: str, lacking: tuple[str, ...], entry: Method, end: Method
) -> None:
    """What denies and what forgets are attached before what decides."""
    found = programs(hook("sys_symlinkat", DENY), made_up(release, lacking=lacking))

    assert [
        ("bpf_lsm_inode_symlink", Method.LSM, Timing.VERDICT, Denial.RETURNED),
        (end, Timing.VERDICT_END, Denial.NONE),
        (entry, Timing.ENTRY, Denial.KEPT),
    ] == [found[0], *(one[1:] for one in found[1:])]


def test_all_hooks_inside() -> None:
    """A call that has several ways is denied on each."""
    kernel = made_up(lacking=(MODIFY_CALLS,))

    inside = [one for one in programs(hook("sys_unlinkat", DENY), kernel) if one[1] is Method.LSM]

    assert {"bpf_lsm_inode_unlink", "bpf_lsm_inode_rmdir"} == {one[0] for one in inside}


def test_how_it_is_denied_is_listed() -> None:
    """The hook that decides names the way of attaching of what denies for it."""
    plan = plan_of(hook("sys_symlinkat", DENY), made_up(lacking=(MODIFY_CALLS,)))

    assert ["", "", "lsm"] == [one.denied_by for one in plan.hooks]
    assert "verdicts" in [one.name for one in plan.maps]


@pytest.mark.parametrize(
    ("call", "lacking", "reason"),
    [
        ("sys_dup", (MODIFY_CALLS,), "inside the call: no LSM hook covers all it does"),
        ("sys_symlinkat", (MODIFY_CALLS, "lsm"), "inside the call: no lsm"),
    ],
)
def test_system_call_that_cannot_be_denied(
    call: str, lacking: tuple[str, ...], reason: str
) -> None:
    """Alone it is refused; where the process is killed too, that is done and the rest is said."""
    kernel = made_up(lacking=lacking)

    with pytest.raises(PolicyError, match=f"by fmod_ret: no error injection; {reason}"):
        plan_of(hook(call, DENY), kernel)

    plan = plan_of(hook(call, DENY, KILL), kernel)
    assert [(Method.FENTRY, Denial.NONE)] == [(one.method, one.denial) for one in plan.hooks]
    (warning,) = plan.warnings
    assert "the process is killed, the call itself completes" in warning.text("")


def test_some_selectors_kill() -> None:
    """That is not enough: what another one denies would go through."""
    text = hook("sys_dup", DENY, KILL).replace(
        "selectors: [", f"selectors: [{{matchActions: [{DENY}]}}, "
    )

    with pytest.raises(PolicyError, match="or add Sigkill"):
        plan_of(text, made_up(lacking=(MODIFY_CALLS,)))


# ---- signals ----


@pytest.mark.parametrize(
    ("release", "lacking", "method"),
    [
        (OLD, (), Method.FENTRY),
        (PREEMPTING, (), Method.KPROBE),
        (PREEMPTING, ("kprobe", "kprobe.multi"), Method.FENTRY),
    ],
)
def test_signal(release: str, lacking: tuple[str, ...], method: Method) -> None:
    """By what is never skipped, where there is such a thing."""
    kernel = made_up(release, lacking=lacking)

    assert [("tcp_connect", method, Timing.ENTRY, Denial.NONE)] == programs(
        hook("tcp_connect", KILL), kernel
    )


def test_observing_is_not_concerned() -> None:
    """What only reports is attached as ever."""
    found = programs(hook("tcp_connect", "{action: Post}"), made_up(PREEMPTING))

    assert [Method.FENTRY] == [one[1] for one in found]


def test_signal_with_the_result() -> None:
    """A security hook may act as it returns: what it guards has not begun."""
    found = programs(hook("security_file_open", KILL, more=RETURNS), made_up())

    assert [(Method.FEXIT, Timing.EXIT)] == [one[1:3] for one in found]


@pytest.mark.parametrize("call", ["tcp_connect", "security_file_open"])
def test_signal_before_the_result_is_known(call: str) -> None:
    """Elsewhere, or where the result decides on the event only, it acts at the entry."""
    filtered = ", matchReturnArgs: [{index: 0, operator: Equal, values: ['0']}]"

    found = programs(hook(call, KILL, more=RETURNS, filtered=filtered), made_up())

    assert [
        (Method.FEXIT, Timing.RETURN_HALF),
        (Method.FENTRY, Timing.ENTRY_HALF),
    ] == [one[1:3] for one in found]


def test_denial_with_the_result() -> None:
    """What denies stands at the entry, what reports the result at the return."""
    found = programs(hook(MKDIR, DENY, more=RETURNS), made_up())

    assert [
        (MKDIR, Method.FEXIT, Timing.RETURN_HALF, Denial.NONE),
        (MKDIR, Method.FMOD_RET, Timing.ENTRY_HALF, Denial.RETURNED),
    ] == found


def test_actions_at_the_return() -> None:
    """A signal may be sent then; nothing can be denied any more."""
    text = hook(MKDIR, "{action: Post}", more=RETURNS, at_return=DENY)

    with pytest.raises(PolicyError, match="Override is possible in matchActions only"):
        plan_of(text, made_up())

    plan_of(text.replace(DENY, KILL), made_up())


# ---- LSM hooks ----


def test_lsm_hook() -> None:
    """The program among the security modules denies itself, or only watches."""
    kernel = made_up()

    assert [("file_open", Method.LSM, Timing.ENTRY, Denial.RETURNED)] == programs(
        lsm("file_open", DENY), kernel
    )
    assert [("file_open", Method.LSM, Timing.ENTRY, Denial.NONE)] == programs(
        lsm("file_open", KILL), kernel
    )


@pytest.mark.parametrize(
    ("name", "lacking", "reason"),
    [
        ("file_open", ("lsm",), "lsmhooks are not possible here: no lsm"),
        ("file_opens", (), 'no LSM hook "file_opens".*file_open'),
        ("file_free_security", (), "file_free_security, which returns nothing"),
    ],
)
def test_refused_lsm_hook(name: str, lacking: tuple[str, ...], reason: str) -> None:
    """No BPF among the modules; no such hook; none that can deny."""
    with pytest.raises(PolicyError, match=reason):
        plan_of(lsm(name, DENY), made_up(lacking=lacking))
