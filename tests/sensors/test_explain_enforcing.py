# SPDX-License-Identifier: Apache-2.0
"""What explain says of enforcement: how it is done here, what it leaves undone, what bounds it."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Final

import pytest

from sensors.test_explain import HEAD, TYPES, Everything, blocks
from tetragon_core.policy.parse import parse_policy
from tetragon_core.policy.problems import PolicyError
from tetragon_sensors.kernel.facts import Kernel
from tetragon_sensors.policy.check import make_plan
from tetragon_sensors.policy.explain import explain, explain_plan

DENY: Final = "{action: Override, argError: -1}"
KILL: Final = "{action: Sigkill}"
NOT_UNDONE: Final = "signals before the process runs another instruction; "


def policy(call: str, *actions: str, options: str = "[]") -> str:
    """One hook on a function or system call."""
    is_syscall = str(call.startswith("sys_")).lower()
    return f"""{HEAD}\
  options: {options}
  kprobes:
  - call: {call}
    syscall: {is_syscall}
    selectors:
    - matchActions: [{", ".join(actions)}]
"""


@functools.cache
def kernel_of(release: str) -> Kernel:
    """One of this release."""
    kernel = Kernel.from_btf(Path(TYPES))
    kernel.release = release
    kernel.abilities = Everything(kernel.btf)
    return kernel


def explained(text: str, release: str = "6.12.0") -> list[list[str]]:
    """Lines of each hook for a kernel with all there is, of which only the types are known."""
    kernel = kernel_of(release)
    plan = make_plan(parse_policy(text), kernel)
    return blocks("\n".join(("head", *explain_plan(plan, kernel))))


def lines_of(block: list[str], *heads: str) -> list[str]:
    """Those that begin with one of these words."""
    return [line for line in block if line.split()[0] in heads]


def test_denied_inside() -> None:
    """A system call is three programs: one denies, one forgets, one decides."""
    inside, end, deciding, _ = explained(policy("sys_symlinkat", DENY))

    assert [
        "bpf_lsm_inode_symlink",
        "attached by lsm",
        "reports nothing: does inside the call what another program decided",
        "denies calls that are to fail; the thread's others go on",
        "maps verdicts",
    ] == inside[:-1]
    assert "reports nothing: the call is over, what was decided about it is forgotten" in end
    assert [
        (
            "denies inside the call, at bpf_lsm_inode_symlink; not the call itself: "
            "whether it has error injection is not known"
        )
    ] == lines_of(deciding, "denies")
    assert "then Post, Override (error 1)" in deciding


@pytest.mark.parametrize(
    ("release", "method", "how"),
    [
        ("6.12.0", "fmod_ret", "returns the error in place of the function, which is not called"),
        (
            "7.0.0",
            "lsm",
            (
                "returns the error: the kernel asks before it acts; "
                "no fmod_ret: it is skipped where a task was preempted in such a program"
            ),
        ),
    ],
)
def test_denied_security_hook(release: str, method: str, how: str) -> None:
    """By a program that is in the function's place, or among the security modules."""
    (block,) = explained(policy("security_inode_mkdir", DENY), release)

    assert [f"attached by {method}", f"denies {how}"] == lines_of(block, "attached", "denies")


def test_signal_alone() -> None:
    """It undoes nothing, and what would deny the same operation is named."""
    (block,) = explained(policy("security_path_truncate", KILL))

    assert [
        f"{NOT_UNDONE}the file is cut",
        "advice add Override: security_path_truncate can be denied before anything happens",
    ] == lines_of(block, "signals", "advice")


def test_signal_and_denial() -> None:
    """There is nothing to advise."""
    (block,) = explained(policy("security_path_truncate", DENY, KILL))

    assert [] == lines_of(block, "advice")


def test_signal_where_nothing_can_be_denied() -> None:
    """Another function is advised, that is asked before."""
    (block,) = explained(policy("tcp_connect", KILL))

    assert [
        f"{NOT_UNDONE}the connection is opened, and closed as the process ends",
        "advice to have it not happen at all, use Override on security_socket_connect",
    ] == lines_of(block, "signals", "advice")


@pytest.mark.parametrize(
    ("call", "advice"),
    [
        ("sys_dup", []),
        ("sys_unlinkat", ["advice add Override: unlinkat can be denied before anything happens"]),
    ],
)
def test_signal_at_a_system_call(call: str, advice: list[str]) -> None:
    """The call goes on; that it could be denied is said if it can."""
    (block,) = explained(policy(call, KILL))

    (signals,) = lines_of(block, "signals")
    assert signals.startswith(f"{NOT_UNDONE}the call goes on: ")
    assert advice == lines_of(block, "advice")


def test_kprobes_where_programs_are_preempted() -> None:
    """From 7.0 on: why what kills is not attached as what observes is."""
    *guards, killing, _ = explained(policy("tcp_connect", KILL), "7.0.0")
    (observing,) = explained(policy("tcp_connect", "{action: Post}"), "7.0.0")

    assert [
        "attached by kprobe",
        "why no fentry: the kernel skips its programs where a task was preempted in one",
    ] == lines_of(killing, "attached", "why")
    guard = "reports what the program it guards would, when the kernel skips that one"
    assert [["attached by fentry", guard]] * 3 == [
        lines_of(one, "attached", "why", "reports") for one in guards
    ]
    assert ["attached by fentry"] == lines_of(observing, "attached", "why")


def test_what_cannot_be_denied() -> None:
    """It is refused with the reason; with a signal it is a warning, and the plan says so."""
    with pytest.raises(PolicyError, match="no LSM hook covers all it does"):
        explained(policy("sys_dup", DENY))

    (block,) = explained(policy("sys_dup", DENY, KILL))
    (warning,) = lines_of(block, "warning:")
    assert "no LSM hook covers all it does; the process is killed" in warning
    assert ["denies nothing: the call cannot be denied here (see the warning)"] == lines_of(
        block, "denies"
    )


@pytest.mark.parametrize(
    ("options", "mode", "limit"),
    [
        ("[]", "enforce", "the agent's (--max-kills-per-minute)"),
        (
            "[{name: policy-mode, value: monitor}, {name: max-kills-per-minute, value: '5'}]",
            "monitor: actions are counted, none is taken",
            "5 (option max-kills-per-minute)",
        ),
    ],
)
def test_rails(options: str, mode: str, limit: str) -> None:
    """The mode it starts in, whom it never kills, and how many it may."""
    text = explain(parse_policy(policy("tcp_connect", KILL, options=options)), TYPES)

    assert [
        "enforcement:",
        f"mode {mode} (option policy-mode; tracingpolicy set-mode switches it)",
        "no signal to pid 1, the agent, the processes above it, and --never-kill",
        f"kill limit {limit}; beyond it the policy only monitors",
    ] == blocks(text)[-1]


def test_no_rails_for_what_observes() -> None:
    """A policy that only makes events has no mode to speak of."""
    text = explain(parse_policy(policy("tcp_connect", "{action: Post}")), TYPES)

    assert "enforcement:" not in text
