# SPDX-License-Identifier: Apache-2.0
"""Does what a page says, block by block, and compares what is printed with what the page shows."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Final

import pytest

from docs.markers import parse_marker
from docs.pages import page
from docs.transcript import in_order, matches, steps_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from docs.markers import Marker
    from docs.pages import Block
    from docs.shell import Done, Job, Shell
    from docs.transcript import Step

__all__ = ["Session", "runnable"]

_READY: Final = "agent is ready"
_GOES_ON_S: Final = 3
_STOPPED: Final = 124
"""What timeout(1) says of a command that it had to stop."""


def runnable(name: str) -> list[tuple[Block, Marker]]:
    """The blocks of a page that are run."""
    blocks = [one for one in page(name).blocks if one.is_shell and one.marker.startswith("run")]
    return [(one, parse_marker(one.marker)) for one in blocks]


class Session:
    """One page's blocks in one shell, and the agent that they talk to."""

    def __init__(self, shell: Shell, name: str) -> None:
        self._shell = shell
        self._name = name
        self._agent: Job | None = None
        self._options: str | None = None

    def do(self, block: Block, marker: Marker) -> None:
        """Run a block; the test fails at the first command that does not do what is shown."""
        where = f"{self._name}:{block.line}"
        if marker.agent is not None or marker.each:
            self._have_agent(marker.agent, where)
        if marker.first:
            done = self._shell.run(f"set -e\n{marker.first}\nset +e")
            if done.status != 0:
                _fail(where, marker.first, (), done.lines, f"status {done.status}")
        if marker.each:
            self._each(block.text, where, at_once=marker.agent is not None)
            return
        *before, last = steps_of(block.text)
        for step in before:
            self._step(step, where)
        if marker.during:
            self._stream(last, where, marker.during)
        else:
            self._step(last, where, fails=marker.fails)

    def _have_agent(self, options: str | None, where: str) -> None:
        """An agent with these options; with None none, not even one that the page has started."""
        if options is None:
            self._shell.stop_all()
            self._options = None
            return
        if options == self._options:
            return
        if self._options is not None and self._agent is not None:
            self._shell.stop(self._agent)
        self._options = options
        self._agent = self._shell.start(f"tetragon-mini agent {options}")
        if self._shell.wait_lines(self._agent, _not_ready):
            _fail(where, f"agent {options}", (_READY,), self._agent.lines(), "no agent")

    def _step(self, step: Step, where: str, *, fails: bool = False) -> None:
        if step.goes_on:
            self._stream(step, where)
            return
        command = f"set -e\n{step.command}\nset +e" if step.shown is None else step.command
        done = self._shell.run(command)
        if (done.status != 0) != fails:
            _fail(where, step.command, step.shown or (), done.lines, f"status {done.status}")
        if step.shown is not None and not matches(step.shown, done.lines):
            _fail(where, step.command, step.shown, done.lines, "other output")

    def _each(self, text: str, where: str, *, at_once: bool) -> None:
        """Every line succeeds, or goes on until it is stopped; with an agent, all side by side."""
        lines = text.replace("\\\n", " ").splitlines()
        commands = [line.removeprefix("$ ") for line in lines if line.strip()]
        for group in [commands] if at_once else [[one] for one in commands]:
            for command, done in zip(group, self._stopped(group), strict=True):
                if done.status not in {0, _STOPPED}:
                    _fail(where, command, (), done.lines, f"status {done.status}")

    def _stopped(self, commands: list[str]) -> list[Done]:
        """What became of each, after some seconds at most."""
        limit = f"timeout -s INT {_GOES_ON_S} bash -c"
        jobs = [self._shell.start(f"{limit} {shlex.quote(one)}") for one in commands]
        return [self._shell.wait(job) for job in jobs]

    def _stream(self, step: Step, where: str, during: str = "") -> None:
        """What it prints comes while it runs; with `during` it ends with the block."""
        shown = step.shown or ()
        job = self._shell.start(step.command)
        left = self._shell.wait_lines(job, lambda lines: in_order(shown, lines), during)
        if left:
            _fail(where, step.command, shown, job.lines(), f"no line {left[0]!r}")
        if during:
            self._shell.stop(job)


def _not_ready(lines: Sequence[str]) -> list[str]:
    return [] if any(_READY in line for line in lines) else [_READY]


def _fail(
    where: str, command: str, shown: Sequence[str], printed: Sequence[str], problem: str
) -> None:
    text = "\n  ".join(("shown:", *shown)), "\n  ".join(("printed:", *printed[:60]))
    pytest.fail(f"{where}: {problem}\n$ {command}\n" + "\n".join(text), pytrace=False)
