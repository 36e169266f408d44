# SPDX-License-Identifier: Apache-2.0
"""The agent as the DaemonSet runs it: its permissions are those of its service account."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, Self

from kernel.agents import await_ready, start_agent
from kubernetes.manifests import apply, definitions, render

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Sequence
    from pathlib import Path

    from kubernetes.api_server import ApiServer

__all__ = ["ClusterAgent", "account_token", "install"]

NODE = "node1"


def install(server: ApiServer, **labels: str) -> None:
    """What contrib/kubernetes has for policies, and a node."""
    objects = [
        *definitions(),
        *[one for one in render("base") if one["kind"] in {"Namespace", "ServiceAccount"}],
        *[one for one in render("base") if one["kind"].startswith("ClusterRole")],
        {"apiVersion": "v1", "kind": "Node", "metadata": {"name": NODE, "labels": labels}},
    ]
    apply(server, objects)


def account_token(server: ApiServer) -> str:
    """A token of the agent's service account."""
    path = "/api/v1/namespaces/tetragon-mini/serviceaccounts/tetragon-mini/token"
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    token: str = server.request("POST", path, body)["status"]["token"]
    return token


class ClusterAgent:
    """One on this host, which calls itself node1."""

    def __init__(self, directory: Path, kubeconfig: Path, *options: str) -> None:
        self.directory = directory
        self._options = ["--enable-k8s-api", "--k8s-kubeconfig-path", str(kubeconfig)]
        self._options += ["--tracing-policy-dir", "", "--k8s-controlplane-retry", "-1", *options]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *, node: str = NODE) -> None:
        """Start it and return when it is ready."""
        prefix: Sequence[str] = ("env", f"NODE_NAME={node}")
        self._process = start_agent(self.directory, *self._options, prefix=prefix)
        await_ready(self._process, self.directory)

    def stop(self, number: int = signal.SIGTERM) -> None:
        """End it."""
        if self._process is not None:
            os.kill(self._process.pid, number)
            self._process.wait()
            self._process = None

    def log(self) -> str:
        """All it said."""
        return (self.directory / "log").read_text()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
