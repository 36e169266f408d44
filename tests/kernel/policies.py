# SPDX-License-Identifier: Apache-2.0
"""Loads the text of a policy beside a base sensor and collects what a child process hits."""

from __future__ import annotations

import os
import select
import time
import traceback
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from kernel.recorder import DEADLINE_S
from tetragon_core.enforcement import EnforcementLimits
from tetragon_core.hooks import HookMessage
from tetragon_core.messages import ExitMessage
from tetragon_core.policy.parse import parse_policy
from tetragon_core.stats import Stats
from tetragon_sensors.base import BaseSensor, SensorConfig
from tetragon_sensors.kernel.facts import Kernel
from tetragon_sensors.policy.engine import Engine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tetragon_sensors.policy.loaded import LoadedPolicy

__all__ = ["PolicyRun", "policy_engine", "start"]

NO_LIMITS: Final = EnforcementLimits()
_RECORDS: Final = 1024
_FAILED: Final = 98


class PolicyRun:
    """One engine; policies are loaded for the block of `loaded`."""

    def __init__(self, sensor: BaseSensor, engine: Engine) -> None:
        self.sensor = sensor
        self.engine = engine

    def lost(self) -> dict[str, int]:
        """Counts of losses; hits of other processes that outlived their policy are none."""
        counts = dict(self.engine.counters())
        del counts["ORPHANED"]
        return counts

    @contextmanager
    def loaded(self, text: str) -> Iterator[LoadedPolicy]:
        """A policy that is attached in the block, to all workloads whatever its namespace."""
        written = parse_policy(text, "test.yaml")
        policy = self.engine.load(replace(written, namespace=""))
        try:
            yield policy
        finally:
            policy.close()

    def hits_of(self, action: Callable[[], object]) -> list[HookMessage]:
        """Run `action` in a child process; its hits, in the ring's order, up to its exit.

        What other processes hit meanwhile is thrown away. Fails when the action raises.
        """
        return self.hits_until_exit(start(action))

    def hits_until_exit(self, pid: int, *, of_all: bool = False) -> list[HookMessage]:
        """Hits of a child process, or `of_all`, until it is over; it must end well."""
        messages: list[object] = []
        deadline = time.monotonic() + DEADLINE_S
        while not any(isinstance(one, ExitMessage) and one.process.tgid == pid for one in messages):
            assert time.monotonic() < deadline, f"no exit of {pid} was reported"
            select.select([self.sensor], [], [], 0.2)
            messages += self.sensor.drain(_RECORDS)
        _, status = os.waitpid(pid, 0)
        assert status == 0
        messages += self.sensor.drain(_RECORDS)  # what it hit after the exit was reported
        hits = [one for one in messages if isinstance(one, HookMessage)]
        return [hit for hit in hits if of_all or hit.process.tgid == pid]

    def wait_hits(self, pid: int, count: int) -> list[HookMessage]:
        """So many hits of a process that goes on."""
        hits: list[HookMessage] = []
        deadline = time.monotonic() + DEADLINE_S
        while len(hits) < count:
            assert time.monotonic() < deadline, f"{pid} hit {len(hits)} times, not {count}"
            select.select([self.sensor], [], [], 0.2)
            drained = self.sensor.drain(_RECORDS)
            hits += [one for one in drained if isinstance(one, HookMessage)]
            hits = [one for one in hits if one.process.tgid == pid]
        return hits

    def hits(self, text: str, action: Callable[[], object]) -> list[HookMessage]:
        """Load a policy, run `action` in a child, unload; what the child hit."""
        with self.loaded(text):
            return self.hits_of(action)


def start(action: Callable[[], object]) -> int:
    """A child process that runs `action` and ends; its pid."""
    pid = os.fork()
    if not pid:
        _run(action)
    return pid


def _run(action: Callable[[], object]) -> None:
    try:
        action()
    except BaseException:  # noqa: BLE001  # this copy of the test run must end here
        traceback.print_exc()
        os._exit(_FAILED)
    os._exit(0)


@contextmanager
def policy_engine(
    limits: EnforcementLimits = NO_LIMITS, *, sensor: SensorConfig | None = None
) -> Iterator[PolicyRun]:
    """An engine beside a base sensor of its own; at the end nothing may have been lost."""
    with BaseSensor(sensor or SensorConfig(), Stats()) as base:
        engine = Engine(base, Kernel.running(), limits=limits)
        try:
            run = PolicyRun(base, engine)
            yield run
            assert dict.fromkeys(run.lost(), 0) == run.lost()
        finally:
            engine.close()
