# SPDX-License-Identifier: Apache-2.0
"""Docker with files and a network namespace of its own, so that the machine's rules stay as is."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from runtimes.cells import DEADLINE_S, await_true, open_cell
from runtimes.containerd import Containerd
from runtimes.images import NAME
from runtimes.model import Started
from runtimes.unpacked import environment

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from pathlib import Path

    from runtimes.cells import Cell
    from runtimes.images import Image

__all__ = ["Docker", "open_docker"]


class Docker:
    """The daemon, with a containerd that nobody else uses."""

    kind: Final = "docker"

    def __init__(self, cell: Cell, directory: Path, commands: Path, *options: str) -> None:
        """`options`: of the daemon."""
        self.cell = cell
        self.directory = directory
        self.socket = directory / "d.sock"
        self._commands = commands
        self._options = options
        (directory / "daemon.json").write_text("{}")
        (directory / "containerd").mkdir()
        self._containerd = Containerd(cell, directory / "containerd", commands)
        self._daemon = self._up()

    @property
    def agent_prefix(self) -> tuple[str, ...]:
        """The agent sees its cgroups from anywhere."""
        return ()

    @property
    def agent_options(self) -> tuple[str, ...]:
        """Options with which the agent finds it."""
        return ("--container-runtimes", f"docker={self.socket}")

    def run(self, *arguments: str | Path) -> str:
        """What `docker ARGUMENTS` prints."""
        command = (self._commands / "docker", "--host", f"unix://{self.socket}")
        return self.cell.run(*command, *arguments).stdout

    def start(self, name: str, *command: str, options: tuple[str, ...] = ()) -> Started:
        """`docker run --detach`."""
        fixed = ("run", "--detach", "--network", "none", "--name", name)
        told = self.run(*fixed, *options, NAME, *command)
        return Started(id=told.split()[-1], name=name, image=NAME)

    def execute(self, container: Started, *command: str) -> None:
        """`docker exec`."""
        self.run("exec", container.id, *command)

    def pause(self, container: Started) -> None:
        """`docker pause`."""
        self.run("pause", container.id)

    def unpause(self, container: Started) -> None:
        """`docker unpause`."""
        self.run("unpause", container.id)

    def remove(self, container: Started) -> None:
        """`docker rm`."""
        self.run("rm", "--force", container.id)

    def restart_daemon(self) -> None:
        """Kill dockerd and its containerd, and start them again."""
        self._daemon.send_signal(signal.SIGKILL)
        self._daemon.wait(DEADLINE_S)
        self._containerd.restart()
        self._daemon = self._up()

    def end(self) -> None:
        """Stop it."""
        self._daemon.terminate()
        self._daemon.wait(DEADLINE_S)
        self._containerd.end()

    def _up(self) -> subprocess.Popen[bytes]:
        place = self.directory
        log = place / "log"
        daemon = self.cell.start(
            log,
            *(self._commands / "dockerd", "--data-root", place / "root"),
            *("--containerd", self._containerd.socket),
            *("--exec-root", place / "exec", "--pidfile", place / "pid"),
            *("--host", f"unix://{self.socket}", "--config-file", place / "daemon.json"),
            *("--default-ulimit", "nofile=1024:1024", "--live-restore"),
            *("--iptables=false", "--ip6tables=false", "--bridge=none", *self._options),
        )

        def answers() -> bool:
            assert daemon.poll() is None, log.read_text()
            command = (self._commands / "docker", "--host", f"unix://{self.socket}", "version")
            return self.socket.exists() and not self.cell.run(*command, check=False).returncode

        await_true(answers, "dockerd")
        return daemon


@contextmanager
def open_docker(directory: Path, commands: Path, image: Image, *options: str) -> Iterator[Docker]:
    """A docker that has the image, until the end of the block; `options`: of the daemon."""
    with open_cell(environment(commands), directory, "docker", network=True) as cell:
        docker = Docker(cell, directory, commands, *options)
        try:
            docker.run("load", "--input", image.archive)
            yield docker
        finally:
            names = docker.run("ps", "--all", "--quiet").split()
            if names:
                docker.run("rm", "--force", *names)
            docker.end()
