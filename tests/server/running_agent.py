# SPDX-License-Identifier: Apache-2.0
"""A whole agent with a scripted sensor, in a process of its own, and a client of it."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING

import grpc

from server.harness import DEADLINE_S, spawn, wait_until
from tetragon import sensors_pb2_grpc

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from pathlib import Path


class RunningAgent:
    """The process and a stub on its unix socket."""

    def __init__(
        self, process: subprocess.Popen[bytes], run_dir: Path, channel: grpc.Channel
    ) -> None:
        self.process = process
        self.run_dir = run_dir
        self.stub = sensors_pb2_grpc.FineGuidanceSensorsStub(channel)

    def sensor_says(self, letters: str) -> None:
        """Records, in the letters of fake_agent.py."""
        assert self.process.stdin is not None
        self.process.stdin.write(letters.encode())
        self.process.stdin.flush()

    def last_words(self) -> str:
        """Standard error once the agent has ended."""
        return self.process.communicate(timeout=DEADLINE_S)[1].decode()

    def info(self) -> dict[str, str]:
        """The info file."""
        found: dict[str, str] = json.loads((self.run_dir / "tetragon-info.json").read_text())
        return found


@contextlib.contextmanager
def running_agent(run_dir: Path, *settings: str, starts: bool = True) -> Iterator[RunningAgent]:
    """An agent that is ready, or one that is expected not to start; ended with the block."""
    run_dir.mkdir(exist_ok=True)
    info = run_dir / "tetragon-info.json"
    with spawn(run_dir, *settings) as process:
        try:
            if starts:
                wait_until(lambda: info.exists() or process.poll() is not None, "the agent is up")
                assert process.poll() is None, process.communicate()[1].decode()
            with grpc.insecure_channel(f"unix:{run_dir}/tetragon.sock") as channel:
                yield RunningAgent(process, run_dir, channel)
            process.terminate()
            process.wait(DEADLINE_S)
        finally:
            process.kill()
