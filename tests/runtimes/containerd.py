# SPDX-License-Identifier: Apache-2.0
"""containerd with files of its own, and containers that `ctr` starts in it."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from runtimes.cells import DEADLINE_S, await_true, open_cell
from runtimes.images import NAME
from runtimes.model import Started
from runtimes.unpacked import environment

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from pathlib import Path

    from runtimes.cells import Cell
    from runtimes.images import Image

__all__ = ["Containerd", "Ctr", "open_containerd"]

KUBERNETES: Final = "k8s.io"
"""Namespace of what CRI's clients start."""

_SETTINGS: Final = """
version = 2
root = "{directory}/root"
state = "{directory}/state"
[grpc]
address = "{directory}/c.sock"
[ttrpc]
address = "{directory}/c.sock.ttrpc"
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "{image}"
restrict_oom_score_adj = true # less takes CAP_SYS_RESOURCE
disable_hugetlb_controller = true
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
SystemdCgroup = false
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "{directory}/cni"
conf_dir = "{directory}/cni"
"""
_NRI: Final = """
[plugins."io.containerd.nri.v1.nri"]
disable = false
socket_path = "{directory}/nri.sock"
plugin_path = "{directory}/nri/plugins"
plugin_config_path = "{directory}/nri/conf"
"""


class Containerd:
    """The daemon."""

    def __init__(
        self, cell: Cell, directory: Path, commands: Path, *, has_nri: bool = False
    ) -> None:
        """All its files are in `directory`."""
        settings = _SETTINGS + (_NRI if has_nri else "")
        (directory / "config.toml").write_text(settings.format(directory=directory, image=NAME))
        self.cell = cell
        self.directory = directory
        self.namespace = directory.name
        """Of containers that `ctr` starts here; it is the parent of their cgroups too."""
        self.socket = directory / "c.sock"
        self.nri_socket = directory / "nri.sock"
        """There with versions that have NRI, from 1.7."""
        self._commands = commands
        self._daemon = self._up()

    def run(self, namespace: str, *arguments: str | Path) -> str:
        """What `ctr ARGUMENTS` prints."""
        command = (self._commands / "ctr", "--address", self.socket, "--namespace", namespace)
        return self.cell.run(*command, *arguments).stdout

    def forget(self, namespace: str, container: str) -> None:
        """Kill and remove one, which others (CRI, say) may be removing too."""
        prefix = (self._commands / "ctr", "--address", self.socket, "--namespace", namespace)

        def is_gone() -> bool:
            if container in self.run(namespace, "task", "list", "--quiet").split():
                self.cell.run(*prefix, "task", "rm", "--force", container, check=False)
            if container in self.run(namespace, "container", "list", "--quiet").split():
                self.cell.run(*prefix, "container", "rm", container, check=False)
            return container not in self.run(namespace, "container", "list", "--quiet").split()

        await_true(is_gone, f"the end of {container}")

    def restart(self) -> None:
        """Kill it and start it again; its containers go on meanwhile."""
        self._daemon.send_signal(signal.SIGKILL)
        self._daemon.wait(DEADLINE_S)
        self._daemon = self._up()

    def end(self) -> None:
        """Stop it."""
        self._daemon.terminate()
        self._daemon.wait(DEADLINE_S)

    def _up(self) -> subprocess.Popen[bytes]:
        log = self.directory / "log"
        daemon = self.cell.start(
            log, self._commands / "containerd", "--config", self.directory / "config.toml"
        )

        def answers() -> bool:
            assert daemon.poll() is None, log.read_text()
            command = (self._commands / "ctr", "--address", self.socket, "version")
            return self.socket.exists() and not self.cell.run(*command, check=False).returncode

        await_true(answers, "containerd")
        return daemon


class Ctr:
    """Containers of `ctr`, which have no names but their ids."""

    kind: Final = "containerd"

    def __init__(self, daemon: Containerd) -> None:
        """One per daemon."""
        self.daemon = daemon

    @property
    def agent_prefix(self) -> tuple[str, ...]:
        """The agent sees its cgroups from anywhere."""
        return ()

    @property
    def agent_options(self) -> tuple[str, ...]:
        """Options with which the agent finds it."""
        return ("--container-runtimes", f"containerd={self.daemon.socket}")

    def run(self, *arguments: str) -> str:
        """What `ctr ARGUMENTS` prints."""
        return self.daemon.run(self.daemon.namespace, *arguments)

    def start(self, name: str, *command: str, options: tuple[str, ...] = ()) -> Started:
        """`ctr run --detach`."""
        self.run("run", "--detach", *options, NAME, name, *command)
        return Started(id=name, name=name, image=NAME)

    def execute(self, container: Started, *command: str) -> None:
        """`ctr task exec`."""
        self.run("task", "exec", "--exec-id", "inside", container.id, *command)

    def pause(self, container: Started) -> None:
        """`ctr task pause`."""
        self.run("task", "pause", container.id)

    def unpause(self, container: Started) -> None:
        """`ctr task resume`."""
        self.run("task", "resume", container.id)

    def remove(self, container: Started) -> None:
        """Kill and forget it."""
        self.daemon.forget(self.daemon.namespace, container.id)

    def restart_daemon(self) -> None:
        """Kill containerd and start it again."""
        self.daemon.restart()


@contextmanager
def open_containerd(
    directory: Path, commands: Path, image: Image, *, has_nri: bool = False
) -> Iterator[Containerd]:
    """A containerd that has the image in both namespaces, until the end of the block."""
    with open_cell(environment(commands), directory, directory.name, "kubepods") as cell:
        daemon = Containerd(cell, directory, commands, has_nri=has_nri)
        try:
            for namespace in (daemon.namespace, KUBERNETES):
                daemon.run(namespace, "image", "import", image.archive)
            yield daemon
        finally:
            try:
                _remove_all(daemon)
            finally:
                daemon.end()


def _remove_all(daemon: Containerd) -> None:
    for namespace in (daemon.namespace, KUBERNETES):
        for name in daemon.run(namespace, "container", "list", "--quiet").split():
            daemon.forget(namespace, name)
