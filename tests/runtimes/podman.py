# SPDX-License-Identifier: Apache-2.0
"""podman with files of its own, starting containers by runc or crun."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from runtimes.cells import open_cell
from runtimes.images import NAME
from runtimes.model import Started
from runtimes.unpacked import environment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from runtimes.cells import Cell
    from runtimes.images import Image

__all__ = ["Podman", "open_podman"]

_SETTINGS: Final = """
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"] # more takes CAP_SYS_RESOURCE
pids_limit = 0 # there may be no such controller
netns = "none"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "{runtime}"
conmon_path = ["{commands}/conmon"]
hooks_dir = ["{directory}/hooks"]
init_path = "{commands}/catatonit"
[engine.runtimes]
runc = ["{commands}/runc"]
crun = ["{commands}/crun"]
"""


class Podman:
    """One storage, one runtime."""

    kind: Final = "podman"

    def __init__(self, cell: Cell, directory: Path, commands: Path, *options: str) -> None:
        """`options`: of every `podman run`."""
        self.cell = cell
        self.directory = directory
        self.hooks = directory / "hooks"
        """What podman takes for its directory of hooks."""
        self._command = (
            *(commands / "podman", "--root", directory / "root", "--runroot", directory / "run"),
            *("--tmpdir", directory / "tmp"),
        )
        self._options = options

    @property
    def agent_prefix(self) -> tuple[str, ...]:
        """The agent has to see the same hierarchies."""
        return self.cell.prefix if self.cell.is_pure else ()

    @property
    def agent_options(self) -> tuple[str, ...]:
        """Options with which the agent finds it."""
        return ("--container-runtimes", f"podman={self.directory}/root")

    def run(self, *arguments: str | Path) -> str:
        """What `podman ARGUMENTS` prints."""
        return self.cell.run(*self._command, *arguments).stdout

    def start(self, name: str, *command: str, options: tuple[str, ...] = ()) -> Started:
        """`podman run --detach`."""
        # What it prints besides the id are warnings of conmon.
        told = self.run(
            *("run", "--detach", "--name", name, *self._options, *options, NAME, *command)
        )
        return Started(id=told.split()[-1], name=name, image=NAME)

    def execute(self, container: Started, *command: str) -> None:
        """`podman exec`."""
        self.run("exec", container.id, *command)

    def pause(self, container: Started) -> None:
        """`podman pause`."""
        self.run("pause", container.id)

    def unpause(self, container: Started) -> None:
        """`podman unpause`."""
        self.run("unpause", container.id)

    def remove(self, container: Started) -> None:
        """`podman rm`."""
        self.run("rm", "--force", "--time", "0", container.id)

    def restart_daemon(self) -> None:
        """There is none."""


@contextmanager
def open_podman(
    directory: Path, commands: Path, image: Image, runtime: str, *, pure: bool = False
) -> Iterator[Podman]:
    """A podman that has the image, until the end of the block."""
    settings = directory / "containers.conf"
    settings.write_text(_SETTINGS.format(runtime=runtime, commands=commands, directory=directory))
    (directory / "hooks").mkdir()
    policy = directory / "policy.json"
    policy.write_text(json.dumps({"default": [{"type": "insecureAcceptAnything"}]}))
    variables = environment(commands, CONTAINERS_CONF=str(settings))
    with open_cell(variables, directory, "libpod_parent", pure=pure) as cell:
        # crun limits its locked memory where it loads a program for devices: only without it here.
        options = ("--privileged",) if pure and runtime == "crun" else ()
        podman = Podman(cell, directory, commands, *options)
        podman.run("load", "--quiet", "--signature-policy", policy, "--input", image.archive)
        try:
            yield podman
        finally:
            podman.run("rm", "--all", "--force", "--time", "0")
