# SPDX-License-Identifier: Apache-2.0
"""The whole agent with a sensor that reads its standard input: one byte is one record.

`e` an exec of the next pid, `L` a record the ring refused, `x` a record nobody can handle.
Arguments: the run directory and, if wanted, further settings as name=value. One more than the
agent's own: with `while_loading=SIGTERM` that signal comes while the sensor loads.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from typing import TYPE_CHECKING, Any

from server.fake_engine import FakeEngine
from tetragon_core.errors import TetragonError
from tetragon_core.messages import Capabilities, Credentials, ExecMessage, Namespaces, ProcessKey
from tetragon_core.stats import Counter
from tetragon_server.agent import run
from tetragon_server.config import OPTIONS, AgentConfig

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tetragon_core.messages import Message
    from tetragon_core.program_runs import ProgramRuns

FIRST_PID = 5_000_000  # above every real one


class StdinSensor:
    """Has the shape of the base sensor."""

    def __init__(self) -> None:
        self._pid = FIRST_PID
        self._lost = 0
        os.set_blocking(0, False)

    def fileno(self) -> int:
        """Standard input."""
        return 0

    def acknowledge(self) -> None:
        """It cannot be silenced, so the pump is called again until it drains."""

    def losses(self) -> int:
        """How many `L` came."""
        return self._lost

    def drain(self, limit: int) -> list[Message]:
        """One record a byte."""
        try:
            letters = os.read(0, limit).decode()
        except BlockingIOError:
            return []
        self._lost += letters.count("L")
        return [self._record(letter) for letter in letters if letter != "L"]

    def counters(self) -> Mapping[Counter, int]:
        """How many `L` came."""
        return {Counter.RING_LOST_EXEC: self._lost}

    def missed(self) -> Mapping[Counter, int]:
        """No program, no missed run."""
        return {}

    def received(self) -> Mapping[str, int]:
        """How many `e` came."""
        return {"exec": self._pid - FIRST_PID}

    @property
    def process_entries(self) -> int:
        """Some."""
        return 100

    @property
    def containers(self) -> StdinSensor:
        """It keeps no table."""
        return self

    def enter(self, cgroup_id: int, home_id: int) -> None:
        """Forget it."""

    def leave(self, cgroup_id: int) -> None:
        """It was not there."""

    def last_excess_ns(self, cgroup_id: int) -> int | None:
        """Nothing is measured."""

    def program_runs(self) -> list[ProgramRuns]:
        """No program, no run."""
        return []

    def _record(self, letter: str) -> Any:
        if letter == "x":
            return "not a record"
        self._pid += 1
        return ExecMessage(
            process=ProcessKey(self._pid, self._pid),
            previous=ProcessKey(0, 0),
            parent=ProcessKey(1, 0),
            fork_ktime_ns=1,
            tid=self._pid,
            nspid=0,
            auid=0,
            flags=0,
            inode=1,
            nlink=1,
            cgroup_id=1,
            credentials=Credentials(*range(9)),
            capabilities=Capabilities(1, 1, 1),
            namespaces=Namespaces(*range(1, 11)),
            cgroup=b"c",
            tty=b"",
            filename=b"/bin/true",
            interpreter=b"",
            cwd=b"/",
            executable=b"/usr/bin/true",
            argv=(b"true", b"\xff"),
        )


@contextlib.contextmanager
def open_sensor(*_: object) -> Iterator[StdinSensor]:
    yield StdinSensor()


@contextlib.contextmanager
def open_sensor_after(number: signal.Signals) -> Iterator[StdinSensor]:
    with contextlib.suppress(KeyboardInterrupt):  # as code called from C does
        signal.raise_signal(number)
    yield StdinSensor()


def main(run_dir: str, *settings: str) -> int:
    texts = dict(one.split("=", 1) for one in settings)
    number = texts.pop("while_loading", "")
    kinds = {option.field_name: option.kind for option in OPTIONS}
    options: dict[str, Any] = {name: kinds[name].parse(text) for name, text in texts.items()}
    opener = (lambda *_: open_sensor_after(signal.Signals[number])) if number else open_sensor
    values = {
        "server_address": "127.0.0.1:0",
        "health_server_address": "",
        "tracing_policy_dir": "",
        "bpf_dir": "tetragon-mini-none",
    } | options
    try:
        return run(AgentConfig(run_dir=run_dir, **values), opener, lambda *_: FakeEngine())
    except TetragonError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
