# SPDX-License-Identifier: Apache-2.0
"""Containers without a runtime: cgroups as a kubelet's are named, and the statuses it writes."""

from __future__ import annotations

import secrets
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from kubernetes.api_server import collection

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from kubernetes.api_server import ApiServer
    from tetragon_core.cgroups import Hierarchy

__all__ = ["DIGEST", "Kubelet", "open_kubelet"]

DIGEST: Final = "sha256:" + 64 * "5"
_ENTER: Final = 'echo $$ >"$1/cgroup.procs"; shift; exec "$@"'


class Kubelet:
    """Pretends to run pods of one node."""

    def __init__(self, server: ApiServer, root: Path) -> None:
        self._server = server
        self._root = root

    def start(self, pod: dict[str, Any], *commands: Sequence[str | Path]) -> str:
        """Run commands one after the other in a new container of the pod; its id is returned."""
        container = secrets.token_hex(32)
        cgroup = self._root / f"pod{pod['metadata']['uid']}" / container
        cgroup.mkdir(parents=True)
        self.run(pod, container, *commands)
        return container

    def run(self, pod: dict[str, Any], container: str, *commands: Sequence[str | Path]) -> None:
        """Run more in it."""
        cgroup = self._root / f"pod{pod['metadata']['uid']}" / container
        for command in commands:
            subprocess.run(["/bin/sh", "-c", _ENTER, "sh", cgroup, *command], check=True)

    def remove(self, pod: dict[str, Any], container: str) -> None:
        """Remove the cgroup, as when the container has ended."""
        (self._root / f"pod{pod['metadata']['uid']}" / container).rmdir()

    def tell(self, pod: dict[str, Any], **containers: str) -> None:
        """Write a status: names of containers and their ids."""
        status = [
            {
                "name": name,
                "image": "localhost/bb:1",
                "imageID": f"localhost/bb@{DIGEST}",
                "containerID": f"containerd://{container}",
                "ready": True,
                "restartCount": 0,
                "started": True,
                "state": {"running": {"startedAt": "2026-11-21T20:00:00Z"}},
            }
            for name, container in containers.items()
        ]
        self._server.request(
            "PATCH",
            f"{collection(pod)}/{pod['metadata']['name']}/status",
            {"status": {"phase": "Running", "containerStatuses": status}},
            content_type="application/merge-patch+json",
        )

    def delete(self, pod: dict[str, Any]) -> None:
        """Delete the pod at once."""
        path = f"{collection(pod)}/{pod['metadata']['name']}?gracePeriodSeconds=0"
        self._server.request("DELETE", path)


@contextmanager
def open_kubelet(server: ApiServer, hierarchy: Hierarchy, name: str) -> Iterator[Kubelet]:
    """One whose cgroups are below `name`, and gone at the end."""
    root = Path(hierarchy.mount) / name
    root.mkdir()
    try:
        yield Kubelet(server, root)
    finally:
        for path in sorted(root.rglob("*/"), key=lambda one: len(one.parts), reverse=True):
            path.rmdir()
        root.rmdir()
