# SPDX-License-Identifier: Apache-2.0
"""Pods that a real kubelet runs with containerd: nothing here but them tells the agent."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kernel.agents import wait
from kubernetes.node import open_node
from kubernetes.objects import pod
from kubernetes.watched import names, started, watched
from runtimes.images import NAME, make_image
from runtimes.unpacked import write_commands

if TYPE_CHECKING:
    import pytest

    from kernel.agents import Client
    from kubernetes.api_server import ApiServer


def test_pods_of_a_kubelet(
    cluster: ApiServer,
    kubelet_program: Path,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    workload: Path,
) -> None:
    """The first process of each container of a pod has all that the API tells of it."""
    monkeypatch.setenv("NODE_NAME", "real")
    made = pod("web-1", node="real", labels={"app": "web"}, containers=("main", "side"))
    for container in made["spec"]["containers"]:
        container["command"] = ["sh", "-c", f"echo {container['name']}-first; exec sleep 1000"]
    init = {"name": "prepare", "image": NAME, "imagePullPolicy": "Never"}
    made["spec"] |= {
        "initContainers": [init | {"command": ["echo", "prepare-first"]}],
        "terminationGracePeriodSeconds": 0,
    }

    with tempfile.TemporaryDirectory(prefix="tm-") as short:
        place = Path(short)
        commands, image = write_commands(place / "commands", "bookworm"), make_image(place / "i")
        directory = place / "node"
        directory.mkdir()
        with (
            open_node(cluster, kubelet_program, directory, commands, image, "real"),
            watched(cluster, tmp_path / "a", workload, "--container-runtimes=") as client,
        ):
            (one,) = cluster.create(made)
            expected = ("prepare", "main", "side")
            wait(lambda: all(_of(client, name) for name in expected), "the pod's processes")
            found = {name: _of(client, name)[0] for name in expected}
            cluster.request("DELETE", "/api/v1/namespaces/default/pods/web-1?gracePeriodSeconds=0")

    assert {name: ("default", "web-1", name) for name in expected} == {
        name: names(process) for name, process in found.items()
    }
    assert {one["metadata"]["uid"]} == {process["pod"]["uid"] for process in found.values()}
    assert {NAME} == {process["pod"]["container"]["image"]["name"] for process in found.values()}
    assert {"app": "web"} == found["main"]["pod"]["pod_labels"]
    assert "containerd" == found["main"]["pod"]["container"]["id"].partition("://")[0]


def _of(client: Client, name: str) -> list[dict[str, Any]]:
    texts = (f"{name}-first", f'-c "echo {name}-first; exec sleep 1000"')
    return [process for text in texts for process in started(client, text)]
