# SPDX-License-Identifier: Apache-2.0
"""The part that runs in the machine, where a nanosecond is an instruction. Prints lines of JSON.

usage: python -m bench.guest LOAD_PROGRAM [NAME...]
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from .meters import cpu_ns, map_bytes, memory_kib
from .policies import ROUNDS, policies, text_for_events
from .programs import Load, agent, client

__all__ = ["main"]

AGENT: Final = (sys.executable, "-m", "tetragon_cli")
OPERATIONS: Final = 200
WARM_UP: Final = 50
PAUSE_US: Final = 20_000
"""Between two processes: the agent has caught up and sleeps again, as on a quiet host."""
BURST: Final = 10_000
QUIET_S: Final = 1.0

Figures = dict[str, int]


def main(words: list[str]) -> int:
    """Run the named measurements, or all."""
    load = Load(Path(words[0]))
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        measurements = {
            "alone": lambda: alone(load),
            "start": lambda: start(directory),
            "agent": lambda: without_consumer(load, directory),
            "compact": lambda: with_client(load, directory, "compact"),
            "json": lambda: with_client(load, directory, "json"),
            "burst": lambda: burst(load, directory),
            "policies": lambda: policies(load.calls),
            "policy-events": lambda: policy_events(load, directory),
        }
        for key in words[1:] or measurements:
            print(json.dumps({key: measurements[key]()}), flush=True)
    return 0


def alone(load: Load) -> Figures:
    """What processes cost without a sensor."""
    load.run("exec", WARM_UP)
    return {"exec": load.run("exec", OPERATIONS), "fork": load.run("fork", OPERATIONS)}


def start(directory: Path) -> Figures:
    """From nothing to listening; the second start, when files are in the page cache."""
    used = 0
    for _ in range(2):
        with agent(AGENT, directory) as process:
            used = cpu_ns(process.pid)
    return {"cpu": used}


def without_consumer(load: Load, directory: Path) -> Figures:
    """The agent with nobody listening."""
    with agent(AGENT, directory) as process:
        settle()
        rss, high = memory_kib(process.pid)
        ring, maps = map_bytes(process.pid)
        load.run("exec", WARM_UP, pause_us=PAUSE_US)
        cost_exec = load.run("exec", OPERATIONS)
        cost_fork = load.run("fork", OPERATIONS)
        settle()
        return {
            "rss_kib": rss,
            "high_kib": high,
            "ring_bytes": ring,
            "map_bytes": maps,
            "exec": cost_exec,
            "fork": cost_fork,
            "busy_agent": per_event(load, [process], 0)[0],
            "paced_agent": per_event(load, [process], PAUSE_US)[0],
        }


def with_client(load: Load, directory: Path, form: str) -> Figures:
    """The agent and one client."""
    output = directory / form
    with agent(AGENT, directory) as server, client(AGENT, directory, output, form) as reader:
        wait_for_events(load, output)
        paced = per_event(load, [server, reader], PAUSE_US)
        busy = per_event(load, [server, reader], 0)
        return {
            "paced_agent": paced[0],
            "paced_client": paced[1],
            "busy_agent": busy[0],
            "busy_client": busy[1],
            "client_rss_kib": memory_kib(reader.pid)[0],
        }


def burst(load: Load, directory: Path) -> Figures:
    """As many as the machine can make, with a client that prints each."""
    output = directory / "burst"
    with agent(AGENT, directory) as server, client(AGENT, directory, output, "compact"):
        wait_for_events(load, output)
        before = count_lines(output)
        load.run("exec", BURST)
        made = 2 * (BURST + 1)  # the generator itself is two events
        seen = -1
        while (now := count_lines(output) - before) not in {made, seen}:
            seen = now
            settle()
        return {"made": made, "seen": now, "high_kib": memory_kib(server.pid)[1]}


def policy_events(load: Load, directory: Path) -> Figures:
    """The agent and one client, when a policy reports each getppid."""
    policy, output = directory / "policy.yaml", directory / "events"
    policy.write_text(text_for_events())
    with (
        agent(AGENT, directory, f"--tracing-policy={policy}") as server,
        client(AGENT, directory, output, "compact") as reader,
    ):
        wait_for_events(load, output)
        figures = {}
        programs = (server, reader)
        for name, pause_us in (("paced", PAUSE_US), ("busy", 0)):
            before = [cpu_ns(one.pid) for one in programs]
            count = OPERATIONS // ROUNDS
            command = [str(load.calls), "getppid", "-", str(count), str(pause_us)]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            settle()
            used = [
                cpu_ns(one.pid) - was for one, was in zip((server, reader), before, strict=True)
            ]
            figures[f"{name}_agent"], figures[f"{name}_client"] = (
                each // (count * ROUNDS) for each in used
            )
        return figures


def per_event(load: Load, programs: list[subprocess.Popen[bytes]], pause_us: int) -> list[int]:
    """CPU of each program for one event: of OPERATIONS processes and the generator."""
    before = [cpu_ns(one.pid) for one in programs]
    load.run("exec", OPERATIONS, pause_us=pause_us)
    settle()
    events = 2 * (OPERATIONS + 1)
    return [(cpu_ns(one.pid) - was) // events for one, was in zip(programs, before, strict=True)]


def wait_for_events(load: Load, output: Path) -> None:
    """Let processes run until the client prints some, then a few more for warmth."""
    while not output.stat().st_size:
        load.run("exec", 1)
        time.sleep(0.1)
    load.run("exec", WARM_UP, pause_us=PAUSE_US)
    settle()


def settle() -> None:
    """Let everything that was started come to an end."""
    time.sleep(QUIET_S)


def count_lines(path: Path) -> int:
    """Lines in the file now."""
    return path.read_bytes().count(b"\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
