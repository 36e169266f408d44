# SPDX-License-Identifier: Apache-2.0
"""The agent and the client as a user runs them, in a private directory."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from kernel.recorder import DEADLINE_S
from tetragon_sensors.kernel.pins import BPFFS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

__all__ = [
    "Client",
    "await_ready",
    "await_unloaded",
    "bpf_objects",
    "pins",
    "running_agent",
    "start_agent",
    "subscribed",
]

_COMMAND: Final = (sys.executable, "-m", "tetragon_cli")
_READY: Final = "agent is ready"
_NO_DOTS: Final = {ord(letter): "_" for letter in "/. "}
_OBJECT: Final = re.compile(r"^(prog|map|link)_id:\s+(\d+)", re.MULTILINE)


def wait(holds: Callable[[], object], what: str) -> None:
    """Return when `holds()`; fail naming `what` at the deadline."""
    pause = threading.Event()
    deadline = time.monotonic() + DEADLINE_S
    while not holds():
        assert time.monotonic() < deadline, f"still waiting for: {what}"
        pause.wait(0.1)  # what is waited for needs the processor more than this test does


def address(directory: Path) -> str:
    """Where the agent of this directory listens."""
    return f"unix://{directory}/t.sock"


def pins(directory: Path) -> Path:
    """Where agents of this directory, and no others, pin what outlives them."""
    return BPFFS / f"test{str(directory).translate(_NO_DOTS)}"


def start_agent(directory: Path, *more: str, prefix: Sequence[str] = ()) -> subprocess.Popen[bytes]:
    """Start an agent with these options besides; its log is the file `log`.

    `prefix`: a command that runs it, such as nsenter with options.
    """
    options = ["--server-address", address(directory), "--run-dir", str(directory)]
    options += ["--health-server-address", "", "--event-queue-size", "100000"]
    options += ["--bpf-dir", pins(directory).name, *more]
    with (directory / "log").open("wb") as log:
        return subprocess.Popen([*prefix, *_COMMAND, "agent", *options], stderr=log, stdout=log)


def await_ready(agent: subprocess.Popen[bytes], directory: Path) -> None:
    """Return when the agent says so; fail with its log when it ends instead."""

    def is_ready() -> bool:
        log = (directory / "log").read_text()
        assert agent.poll() is None, log
        return _READY in log

    wait(is_ready, "the agent")


@contextmanager
def running_agent(directory: Path, *more: str) -> Iterator[subprocess.Popen[bytes]]:
    """A ready agent with these options besides; one that is left running is ended."""
    agent = start_agent(directory, *more)
    try:
        await_ready(agent, directory)
        yield agent
    finally:
        agent.terminate()
        agent.wait(DEADLINE_S)


class Client:
    """`getevents` with its output in a file: as json, or in another form."""

    def __init__(self, directory: Path, form: str = "json", *more: str) -> None:
        self._output = directory / "events"
        command = [*_COMMAND, "getevents", "-o", form, "--server-address", address(directory)]
        command += more
        with self._output.open("wb") as output:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.DEVNULL
            )

    def events(self) -> list[dict[str, Any]]:
        """Every event so far."""
        lines = self._output.read_bytes().split(b"\n")[:-1]
        return [json.loads(line) for line in lines]

    def has(self, text: str) -> bool:
        """True when the output so far has `text`."""
        return text.encode() in self._output.read_bytes()

    def mark(self, finish: Path, name: str) -> None:
        """Run a process until the client has shown one of that name: then it is subscribed."""

        def is_shown() -> bool:
            subprocess.run([finish, "0", name], check=True)
            return self.has(name)

        wait(is_shown, f"{name} at the client")


@contextmanager
def subscribed(directory: Path, finish: Path) -> Iterator[Client]:
    """A client that is known to receive events."""
    client = Client(directory)
    try:
        client.mark(finish, "first-marker")
        yield client
    finally:
        client.process.terminate()
        client.process.wait(DEADLINE_S)


def bpf_objects(pid: int | str) -> set[tuple[str, int]]:
    """(kind, id) of every BPF program, map and link that the process has a descriptor of."""
    found: set[tuple[str, int]] = set()
    for entry in os.scandir(f"/proc/{pid}/fdinfo"):
        try:
            text = Path(entry.path).read_text()
        except FileNotFoundError:  # our own descriptor for the listing
            continue
        found |= {(kind, int(number)) for kind, number in _OBJECT.findall(text)}
    return found


def await_unloaded(objects: set[tuple[str, int]]) -> None:
    """Return when the kernel has freed all of them, which it does a little after the last close."""
    wait(lambda: not any(is_loaded(*each) for each in objects), "the end of BPF objects")


def is_loaded(kind: str, number: int) -> bool:
    """True while the kernel has the object."""
    command = ["bpftool", kind, "show", "id", str(number)]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0
