# SPDX-License-Identifier: Apache-2.0
"""A node: a real kubelet with a containerd, both with files and mounts of their own."""

from __future__ import annotations

import json
import signal
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from kubernetes.api_server import ADMIN, DEADLINE_S, free_port
from runtimes.cells import await_true
from runtimes.containerd import open_containerd
from runtimes.images import NAME

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubernetes.api_server import ApiServer
    from runtimes.cells import Cell
    from runtimes.containerd import Containerd
    from runtimes.images import Image

__all__ = ["open_node"]

_SYSCTLS: Final = (
    *("vm/overcommit_memory", "vm/panic_on_oom", "kernel/panic", "kernel/panic_on_oops"),
    *("kernel/keys/root_maxkeys", "kernel/keys/root_maxbytes"),
)
"""The kubelet writes them; here it writes into files that are mounted over them."""


@contextmanager
def open_node(
    server: ApiServer, program: Path, directory: Path, commands: Path, image: Image, name: str
) -> Iterator[Containerd]:
    """A node of this name that is registered, until the end of the block."""
    with open_containerd(directory, commands, image) as daemon:
        _hide_sysctls(daemon.cell, directory)
        config = _config(directory)
        kubelet = daemon.cell.start(
            directory / "kubelet.log",
            program,
            f"--config={config}",
            f"--kubeconfig={server.kubeconfig(ADMIN)}",
            "--container-runtime=remote",
            f"--container-runtime-endpoint=unix://{daemon.socket}",
            f"--root-dir={directory}/kubelet",
            f"--cert-dir={directory}/pki",
            f"--hostname-override={name}",
            "--node-ip=127.0.0.1",
            f"--pod-infra-container-image={NAME}",
        )

        def is_registered() -> bool:
            assert kubelet.poll() is None, (directory / "kubelet.log").read_text()[-3000:]
            nodes = server.request("GET", "/api/v1/nodes")["items"]
            return name in {one["metadata"]["name"] for one in nodes}

        try:
            await_true(is_registered, "the node")
            yield daemon
        finally:
            kubelet.send_signal(signal.SIGKILL)
            kubelet.wait(DEADLINE_S)


def _hide_sysctls(cell: Cell, directory: Path) -> None:
    for number, name in enumerate(_SYSCTLS):
        real, copy = Path("/proc/sys") / name, directory / f"sysctl{number}"
        copy.write_text(real.read_text())
        cell.run("mount", "--bind", copy, real)


def _config(directory: Path) -> Path:
    config = {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "authentication": {"anonymous": {"enabled": True}, "webhook": {"enabled": False}},
        "authorization": {"mode": "AlwaysAllow"},
        "cgroupDriver": "cgroupfs",
        "failSwapOn": False,
        "makeIPTablesUtilChains": False,
        "enforceNodeAllocatable": ["pods"],
        "resolvConf": "",
        "address": "127.0.0.1",
        "port": free_port(),
        "healthzPort": free_port(),
        "readOnlyPort": 0,
        "evictionHard": {"memory.available": "1Mi", "nodefs.available": "0%"},
        "syncFrequency": "2s",
    }
    path = directory / "kubelet.json"
    path.write_text(json.dumps(config))
    return path
