# SPDX-License-Identifier: Apache-2.0
"""Runs tests/workload/attempt under a policy: what became of the attempts, what was reported."""

from __future__ import annotations

import os
import select
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kernel.recorder import DEADLINE_S, spawn
from kernel.tree import Tree
from tetragon_core.hooks import HookMessage

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path
    from typing import IO

    from kernel.policies import PolicyRun

__all__ = ["Attempts", "Running", "run_attempts", "start_attempts"]

_RECORDS = 1024


@dataclass(frozen=True, slots=True)
class Attempts:
    """What became of them."""

    succeeded: int
    killed: int
    survived: int
    """Children that went on in user mode after the act; with threads, all attempts."""
    effects: int
    errors: Mapping[int, int]
    """By errno."""
    reported: Mapping[int, int]
    """Events by the number of their action."""


class Running:
    """A program that attempts, and what it hits."""

    def __init__(self, run: PolicyRun, pid: int, output: IO[str]) -> None:
        self._run = run
        self._tree = Tree(pid)
        self._output = output
        self._reported: Counter[int] = Counter()

    def drain(self, timeout_s: float = 0.2) -> None:
        """Take what the sensor has at the moment."""
        select.select([self._run.sensor], [], [], timeout_s)
        for message in self._run.sensor.drain(_RECORDS):
            is_ours = self._tree.feed(message, ())
            if is_ours and isinstance(message, HookMessage):
                self._reported[message.action] += 1

    def finish(self) -> Attempts:
        """Wait for its end; it must end well."""
        deadline = time.monotonic() + DEADLINE_S
        while not self._tree.is_over:
            assert time.monotonic() < deadline, f"no end of {self._tree.root} was reported"
            self.drain()
        _, status = os.waitpid(self._tree.root, 0)
        assert status == 0, status
        with self._output:
            return _attempts(self._output, self._reported)


def _attempts(output: IO[str], reported: Counter[int]) -> Attempts:
    """What the program printed."""
    output.seek(0)
    found = [line.split() for line in output]
    numbers = {words[0]: int(words[1]) for words in found if len(words) == 2}
    errors = {int(words[1]): int(words[2]) for words in found if words[0] == "errno"}
    return Attempts(errors=errors, reported=dict(reported), **numbers)


def _nothing() -> None:
    """Prepare nothing."""


def start_attempts(
    run: PolicyRun,
    arguments: Sequence[str],
    *,
    prepare: Callable[[], object] = _nothing,
    stdin: int | None = None,
) -> Running:
    """Start the program of arguments[0]; `prepare` runs in it before."""
    output = tempfile.TemporaryFile("w+")  # noqa: SIM115  it lives as long as what is returned
    pid = spawn(arguments, prepare=prepare, stdin=stdin, stdout=output.fileno())
    return Running(run, pid, output)


def run_attempts(
    run: PolicyRun,
    program: Path | str,
    *arguments: str,
    prepare: Callable[[], object] = _nothing,
) -> Attempts:
    """Run it to its end."""
    return start_attempts(run, [str(program), *arguments], prepare=prepare).finish()
