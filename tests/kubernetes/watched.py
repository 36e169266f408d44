# SPDX-License-Identifier: Apache-2.0
"""A real agent on a node of the test's own, and what its client shows of containers."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from kernel.agents import Client, running_agent
from kernel.recorder import DEADLINE_S

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kubernetes.api_server import ApiServer

__all__ = ["agent_options", "names", "started", "watched"]


def agent_options(server: ApiServer, *more: str) -> tuple[str, ...]:
    """Of an agent that asks this server for pods only, as one who may not ask for more."""
    return (
        "--enable-k8s-api",
        f"--k8s-kubeconfig-path={server.kubeconfig('pod-reader')}",
        "--enable-tracing-policy-crd=false",
        "--tracing-policy-dir=",
        *more,
    )


@contextmanager
def watched(server: ApiServer, directory: Path, workload: Path, *more: str) -> Iterator[Client]:
    """An agent and its client, which is known to receive events."""
    directory.mkdir(exist_ok=True)
    with running_agent(directory, *agent_options(server, *more)):
        client = Client(directory, "json", "--all-fields")
        try:
            client.mark(workload / "finish", "first-marker")
            yield client
        finally:
            client.process.terminate()
            client.process.wait(DEADLINE_S)


def started(client: Client, argument: str) -> list[dict[str, Any]]:
    """Processes whose exec event has this only argument, in the order of the events."""
    found = [event.get("process_exec", {}).get("process", {}) for event in client.events()]
    return [process for process in found if process.get("arguments") == argument]


def names(process: dict[str, Any]) -> tuple[str, str, str]:
    """Of namespace, pod and container."""
    pod = process.get("pod", {})
    return pod.get("namespace", ""), pod.get("name", ""), pod.get("container", {}).get("name", "")
