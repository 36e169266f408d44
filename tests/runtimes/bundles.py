# SPDX-License-Identifier: Apache-2.0
"""runc and crun alone: containers of bundles that are written here.

Any path of a cgroup and any annotations can be had, so that what CRI-O or containerd would ask for
can be replayed exactly.
"""

from __future__ import annotations

import json
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from runtimes.cells import open_cell
from runtimes.images import NAME
from runtimes.model import Started
from runtimes.unpacked import environment

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from runtimes.cells import Cell
    from runtimes.images import Image

__all__ = ["Bundles", "open_bundles"]

_PLACES: Final = (
    *("kubepods", "kubepods.slice", "tests"),
    *("machine.slice", "system.slice", "user.slice"),
)


class Bundles:
    """One runtime, with its state and its bundles below one directory."""

    def __init__(self, cell: Cell, directory: Path, program: Path, image: Image) -> None:
        """`program`: runc or crun."""
        self.cell = cell
        self.kind = program.name
        self.directory = directory
        self.state = directory / "state"
        self._image = image
        self._command = (program, "--root", self.state)

    @property
    def agent_prefix(self) -> tuple[str, ...]:
        """The agent has to see the same hierarchies."""
        return self.cell.prefix if self.cell.is_pure else ()

    @property
    def agent_options(self) -> tuple[str, ...]:
        """Options with which the agent finds it."""
        return ("--container-runtimes", f"{self.kind}={self.state}")

    def run(self, *arguments: str | Path) -> str:
        """What `runc ARGUMENTS` prints."""
        return self.cell.run(*self._command, *arguments).stdout

    def start(
        self,
        name: str,
        *command: str,
        cgroup: str = "",
        annotations: Mapping[str, str] | None = None,
        hooks: Mapping[str, list[dict[str, Any]]] | None = None,
    ) -> Started:
        """`runc run --detach` of a container whose id is the name; /tests/NAME is its cgroup."""
        bundle = self.directory / "bundles" / name
        bundle.mkdir(parents=True)
        spec = self._spec(bundle)
        spec["process"] |= {"args": list(command), "terminal": False}
        spec["process"]["env"] = ["PATH=/bin"]
        spec["root"] = {"path": str(self._image.root), "readonly": True}
        spec["annotations"] = {"org.opencontainers.image.ref.name": NAME, **(annotations or {})}
        spec["hooks"] = dict(hooks or {})
        spec["linux"]["cgroupsPath"] = cgroup or f"/tests/{name}"
        spec["linux"]["resources"] = {}
        (bundle / "config.json").write_text(json.dumps(spec))
        self.run("run", "--detach", "--bundle", bundle, name)
        return Started(id=name, name=name, image=NAME)

    def _spec(self, bundle: Path) -> dict[str, Any]:
        self.cell.run("sh", "-ec", 'cd "$1"; shift; "$@"', "sh", bundle, *self._command, "spec")
        spec: dict[str, Any] = json.loads((bundle / "config.json").read_text())
        # What the image lacks places for, or this machine the right to.
        namespaces = spec["linux"]["namespaces"]
        spec["linux"]["namespaces"] = [one for one in namespaces if one["type"] != "cgroup"]
        spec["mounts"] = [one for one in spec["mounts"] if one["type"] in {"proc", "tmpfs"}]
        return spec

    def execute(self, container: Started, *command: str) -> None:
        """`runc exec`."""
        self.run("exec", container.id, *command)

    def pause(self, container: Started) -> None:
        """`runc pause`."""
        self.run("pause", container.id)

    def unpause(self, container: Started) -> None:
        """`runc resume`."""
        self.run("resume", container.id)

    def remove(self, container: Started) -> None:
        """`runc delete`, with its bundle."""
        self.run("delete", "--force", container.id)
        shutil.rmtree(self.directory / "bundles" / container.id)

    def restart_daemon(self) -> None:
        """There is none."""


@contextmanager
def open_bundles(
    directory: Path, commands: Path, image: Image, runtime: str, *, pure: bool = False
) -> Iterator[Bundles]:
    """`runtime` (runc or crun) with containers until the end of the block."""
    with open_cell(environment(commands), directory, *_PLACES, pure=pure) as cell:
        bundles = Bundles(cell, directory, commands / runtime, image)
        try:
            yield bundles
        finally:
            for state in list(bundles.state.glob("*")):
                bundles.run("delete", "--force", state.name)
