# SPDX-License-Identifier: Apache-2.0
"""The action Set: a program goes on with another number, and with its own where it must not."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

import pytest

from kernel.usdts import execute, policy, values, where
from tetragon_core.policy.problems import PolicyError
from tetragon_sensors.kernel.abilities import Ability
from tetragon_sensors.kernel.user_writes import can_write_user
from tetragon_sensors.policy import writing

if TYPE_CHECKING:
    from pathlib import Path

    from kernel.policies import PolicyRun
    from tetragon_core.hooks import HookMessage
    from tetragon_sensors.policy.loaded import LoadedPolicy

POST, SET = 1, 15
TIMES = 1000


@pytest.fixture
def writer(run: PolicyRun) -> PolicyRun:
    """The same where programs may write."""
    if not can_write_user():
        pytest.skip("this kernel lets no program write into processes")
    return run


def setting(path: Path, probe: str, number: int, *types: str, filters: str = "") -> str:
    """A policy that sets argument 0."""
    action = f"matchActions: [{{action: Set, argIndex: 0, argValue: {number}}}]"
    more = f"{filters.removesuffix('}]')}, {action}}}]" if filters else f"selectors: [{{{action}}}]"
    return policy(path, probe, *(types or ("int32", "int32")), more=more)


def run_probes(
    run: PolicyRun, workload: Path, tmp_path: Path
) -> tuple[list[HookMessage], dict[str, int]]:
    """Hits of the program, and the sums it printed."""
    hits = run.hits_of(execute(workload / "probes", str(TIMES), output=tmp_path / "output"))
    lines = (line.split() for line in (tmp_path / "output").read_text().splitlines())
    return hits, {name: int(number) for name, number in lines}


def ledger(loaded: LoadedPolicy, *names: str) -> list[int]:
    """Some of its counters."""
    counters = loaded.counters()
    return [counters[name] for name in names]


@pytest.mark.parametrize("probe", ["set", "table"])
def test_the_program_goes_on_with_what_was_set(
    writer: PolicyRun, workload: Path, tmp_path: Path, probe: str
) -> None:
    """Each time, on the stack as in an array; the event has what was there before."""
    with writer.loaded(setting(workload / "probes", probe, 32)) as loaded:
        hits, sums = run_probes(writer, workload, tmp_path)

        assert [TIMES, TIMES, 0, 0] == ledger(loaded, "attempts", "set", "monitor_set", "failed")
    assert {"set": 0, "table": 0} | {probe: 32 * TIMES} == sums
    assert [[0, number] for number in range(TIMES)] == values(hits)
    assert {(SET, False)} == {(hit.action, hit.is_monitored) for hit in hits}


def test_nothing_is_set_while_the_policy_monitors(
    writer: PolicyRun, workload: Path, tmp_path: Path
) -> None:
    """The event tells what would have been done; switched back, it is done."""
    with writer.loaded(setting(workload / "probes", "set", 7)) as loaded:
        loaded.set_monitor(on=True)
        hits, monitored = run_probes(writer, workload, tmp_path)
        loaded.set_monitor(on=False)
        _, enforced = run_probes(writer, workload, tmp_path)

        assert [2 * TIMES, TIMES, TIMES] == ledger(loaded, "attempts", "set", "monitor_set")
    assert (0, 7 * TIMES) == (monitored["set"], enforced["set"])
    assert {(SET, True)} == {(hit.action, hit.is_monitored) for hit in hits}


def test_only_what_the_selector_holds_for_is_set(
    writer: PolicyRun, workload: Path, tmp_path: Path
) -> None:
    """A near miss keeps its own number."""
    text = setting(workload / "probes", "set", 1, filters=where(1, "InRange", "10:29"))

    with writer.loaded(text) as loaded:
        hits, sums = run_probes(writer, workload, tmp_path)

        assert [20, 20] == ledger(loaded, "attempts", "set")
    assert (20, list(range(10, 30))) == (sums["set"], [number for _, number in values(hits)])


def test_a_number_has_four_bytes(writer: PolicyRun, workload: Path, tmp_path: Path) -> None:
    """The largest of a policy is -1 to a program that takes it for signed."""
    with writer.loaded(setting(workload / "probes", "table", 0xFFFF_FFFF)):
        _, sums = run_probes(writer, workload, tmp_path)

    assert -TIMES == sums["table"]


def test_memory_that_is_not_there_is_told_and_not_set(
    writer: PolicyRun, workload: Path, tmp_path: Path
) -> None:
    """The kernel's error is in the ledger, and the event names no Set."""
    with writer.loaded(setting(workload / "probes", "untouched", 1, "int32")) as loaded:
        hits, _ = run_probes(writer, workload, tmp_path)

        assert [TIMES, 0, TIMES] == ledger(loaded, "attempts", "set", "failed")
        assert [errno.EFAULT] == ledger(loaded, "last_errno")
    assert [POST] * TIMES == [hit.action for hit in hits]


@pytest.mark.parametrize(
    ("probe", "kind", "message"),
    [
        ("wide", "int64", "argument 0 of test:wide has 8 bytes (-8@"),
        ("in_register", "int32", "argument 0 of test:in_register is not in memory (-4@%"),
        ("constants", "int8", "argument 0 of test:constants is not in memory (-1@$-1)"),
    ],
)
def test_what_cannot_be_set_is_refused(
    run: PolicyRun,
    workload: Path,
    monkeypatch: pytest.MonkeyPatch,
    probe: str,
    kind: str,
    message: str,
) -> None:
    """Only memory of the right size, at every site."""
    monkeypatch.setattr(writing, "can_write_user", lambda: Ability(allowed=True))

    with (
        pytest.raises(PolicyError) as caught,
        run.loaded(setting(workload / "probes", probe, 1, kind)),
    ):
        pass

    (line,) = str(caught.value).splitlines()
    assert f"argIndex: {message}" in line


def test_a_kernel_that_forbids_it_refuses_the_policy(
    run: PolicyRun, workload: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one that is locked down does; the policy never goes on without its action."""
    refusal = Ability(allowed=False, reason="the kernel is locked down")
    monkeypatch.setattr(writing, "can_write_user", lambda: refusal)

    with (
        pytest.raises(PolicyError, match=r"Set is not possible here: the kernel is locked down"),
        run.loaded(setting(workload / "probes", "set", 1)),
    ):
        pass
