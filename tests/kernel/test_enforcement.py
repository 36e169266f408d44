# SPDX-License-Identifier: Apache-2.0
"""A thousand attempts of what a policy forbids come to nothing; a thousand near misses to all."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from errno import EPERM
from typing import TYPE_CHECKING, Final
from unittest.mock import ANY

import pytest

from kernel.attempts import Attempts, Running, run_attempts, start_attempts
from kernel.compatibility import read_policy
from kernel.forbidden import CHILDREN, FORBIDDEN, THREADS
from kernel.recorder import DEADLINE_S
from kernel.surroundings import MANY, seen_as
from tetragon_core.errors import TetragonError
from tetragon_sensors.policy.actions import ACTION_NUMBERS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kernel.forbidden import Act, Forbidden
    from kernel.policies import PolicyRun
    from tetragon_core.policy.model import Policy
    from tetragon_sensors.policy.loaded import LoadedPolicy

DENY: Final = "{action: Override, argError: -1}"
UPGRADES: Final = 5
UPGRADED: Final = [
    one
    for one in FORBIDDEN
    if one.policy in {"tracingpolicy/symlink-override", "tracingpolicy/override-security"}
]


@contextmanager
def loaded(run: PolicyRun, policy: Policy) -> Iterator[LoadedPolicy]:
    """A policy that enforces in the block."""
    made = run.engine.load(policy)
    try:
        yield made
    finally:
        made.close()


def attempt(run: PolicyRun, workload: Path, act: Act, times: int, *, children: bool) -> Attempts:
    """Let a process attempt it so many times, by racing threads or children."""
    program = workload / "attempt"

    def prepare() -> None:
        if act.program:
            seen_as(act.program, program)
        act.prepare()

    how = (
        ("children", str(times), str(CHILDREN))
        if children
        else ("threads", str(times), str(THREADS))
    )
    return run_attempts(run, act.program or program, *how, act.act, *act.arguments, prepare=prepare)


def reports(act: Act, times: int) -> dict[int, int]:
    """Events of so many attempts, by action."""
    return {ACTION_NUMBERS[act.reported]: times} if act.reported else {}


def killed(act: Act, times: int) -> Attempts:
    """Each was killed, and no instruction ran in user mode after the act."""
    return Attempts(
        succeeded=0,
        killed=times,
        survived=0,
        effects=ANY if act.effects is None else act.effects * times,
        errors={},
        reported=reports(act, times),
    )


def ended(act: Act, times: int) -> Attempts:
    """Each ended with the error, or well."""
    return Attempts(
        succeeded=0 if act.error else times,
        killed=0,
        survived=times,
        effects=ANY if act.effects is None else act.effects * times,
        errors={act.error: times} if act.error else {},
        reported=reports(act, times),
    )


@pytest.mark.parametrize("row", FORBIDDEN, ids=[row.policy for row in FORBIDDEN])
def test_policy(run: PolicyRun, workload: Path, row: Forbidden) -> None:
    """Of 1,000 attempts none succeeds and each is reported; 1,000 near misses go unnoticed."""
    policy = read_policy(row.policy, dict(row.values))
    if reason := row.refused(run.engine.kernel):
        with pytest.raises(TetragonError, match=reason):
            run.engine.load(policy)
        return

    with row.prepare(), loaded(run, policy) as made:
        found = [
            attempt(run, workload, act, MANY // len(row.acts), children=row.kills)
            for act in row.acts
        ]
        acted = made.counters()
        missed = [
            attempt(
                run, workload, act, MANY // len(row.misses), children=act.act == "user-namespace"
            )
            for act in row.misses
        ]
        counters = made.counters()

    outcome = killed if row.kills else ended
    assert [outcome(act, MANY // len(row.acts)) for act in row.acts] == found
    assert [ended(act, MANY // len(row.misses)) for act in row.misses] == missed
    assert ledger(row) == {name: acted[name] for name in ledger(row)}
    assert ledger(row) == {name: counters[name] for name in ledger(row)}


def ledger(row: Forbidden) -> dict[str, int]:
    """What the policy has to have counted."""
    notified = any(act.reported == "NotifyEnforcer" for act in row.acts)
    return {
        "attempts": MANY,
        "signal": MANY if row.kills else 0,
        "override": 0 if row.kills else MANY,
        "notify_enforcer": MANY if notified else 0,
        "monitor_signal": 0,
        "monitor_override": 0,
        "spared": 0,
        "failed": 0,
    }


def wait_attempts(running: Running, policy: LoadedPolicy) -> None:
    """Return when the policy has acted."""
    deadline = time.monotonic() + DEADLINE_S
    while not policy.counters()["attempts"]:
        assert time.monotonic() < deadline, "the policy never acted"
        running.drain(0.01)


@pytest.mark.parametrize("row", UPGRADED, ids=[row.policy for row in UPGRADED])
def test_upgrade(run: PolicyRun, workload: Path, row: Forbidden) -> None:
    """While threads race, a policy is replaced again and again, and no attempt succeeds."""
    (act,) = row.acts
    silent = read_policy(row.policy, {DENY: f"{DENY}\n      - {{action: NoPost}}"})
    if row.refused(run.engine.kernel):
        pytest.skip("needs a way to deny: this kernel has none")
    reader, writer = os.pipe()  # the writer is closed on exec
    with row.prepare():
        current = run.engine.load(silent)
        try:
            command = [str(workload / "attempt"), "threads", "0", str(THREADS), act.act]
            running = start_attempts(
                run, [*command, *act.arguments], stdin=reader, prepare=lambda: os.nice(19)
            )
            for _ in range(UPGRADES):
                wait_attempts(running, current)
                earlier, current = current, run.engine.load(silent)
                earlier.close()
            wait_attempts(running, current)
            os.close(writer)
            found = running.finish()
        finally:
            current.close()
            os.close(reader)

    assert 0 == found.succeeded
    assert {EPERM: found.survived} == found.errors
