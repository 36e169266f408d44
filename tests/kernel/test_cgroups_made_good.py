# SPDX-License-Identifier: Apache-2.0
"""The whole agent when records of cgroups were lost: each process gets its container."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kernel.agents import address, running_agent, subscribed, wait
from kernel.cgroups import enter, made_cgroup
from kernel.recorder import spawn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kernel.agents import Client
    from tetragon_core.cgroups import Hierarchy

CONTAINERS = 300
RING = "4096"


@contextmanager
def containers(hierarchy: Hierarchy) -> Iterator[Path]:
    """A cgroup for those of containers."""
    with made_cgroup(hierarchy, "tm-good") as top:
        try:
            yield top
        finally:
            for directory, _, _ in os.walk(top, topdown=False):
                if directory != str(top):
                    Path(directory).rmdir()


def name_of(number: int) -> str:
    """Of a container."""
    return f"{number:064x}"


def started(client: Client, argument: str) -> dict[str, Any]:
    """The process of the exec with this argument, once the client has it."""
    found: list[dict[str, Any]] = []

    def is_there() -> bool:
        events = [
            one["process_exec"]["process"] for one in client.events() if "process_exec" in one
        ]
        found.extend(one for one in events if argument in one.get("arguments", ""))
        return bool(found)

    wait(is_there, argument)
    return found[0]


def lost(directory: Path) -> int:
    """Records of cgroups that the ring refused, as `status` has it."""
    command = [sys.executable, "-m", "tetragon_cli", "status"]
    told = subprocess.run(
        [*command, "--server-address", address(directory)], check=True, capture_output=True
    )
    counters = dict(line.split(" ", 1) for line in told.stdout.decode().splitlines() if " " in line)
    return int(counters["ring_lost_cgroup"])


def test_the_agent_did_not_read(tmp_path: Path, hierarchy: Hierarchy, workload: Path) -> None:
    """Cgroups made while the ring was full; of processes inside of them later, each is named."""
    finish = workload / "finish"
    options = ("--rb-size", RING, "--container-runtimes", "")
    with (
        containers(hierarchy) as top,
        running_agent(tmp_path, *options) as agent,
        subscribed(tmp_path, finish) as client,
    ):
        agent.send_signal(signal.SIGSTOP)
        for number in range(CONTAINERS):
            (top / name_of(number)).mkdir()
            (top / name_of(number) / "inner").mkdir()
        agent.send_signal(signal.SIGCONT)
        for number in (0, CONTAINERS - 1):
            inner = top / name_of(number) / "inner"
            os.waitpid(spawn([str(finish), "0", f"in-{number}"], prepare=partial(enter, inner)), 0)
        shown = [started(client, f"in-{number}") for number in (0, CONTAINERS - 1)]
        count = lost(tmp_path)

    assert count > 0
    assert [name_of(0)[:31], name_of(CONTAINERS - 1)[:31]] == [one["docker"] for one in shown]
