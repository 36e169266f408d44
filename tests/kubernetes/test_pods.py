# SPDX-License-Identifier: Apache-2.0
"""Events of containers get their pods from a real API server, whatever becomes of it."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from kernel.agents import start_agent, wait
from kubernetes.kubelet import DIGEST, Kubelet, open_kubelet
from kubernetes.objects import pod
from kubernetes.watched import agent_options, names, started, watched
from tetragon_core.cgroups import pick_hierarchy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from kubernetes.api_server import ApiServer

ECHO = "/bin/echo"
_numbers = itertools.count()


@pytest.fixture
def node(monkeypatch: pytest.MonkeyPatch) -> str:
    """A node that only this test has pods on; agents believe to run there."""
    name = f"pods{next(_numbers)}"
    monkeypatch.setenv("NODE_NAME", name)
    return name


@pytest.fixture
def kubelet(cluster: ApiServer, node: str) -> Iterator[Kubelet]:
    """Of that node and the shared server."""
    with open_kubelet(cluster, own_hierarchy(), f"{node}-{id(cluster):x}") as found:
        yield found


def own_hierarchy() -> Any:
    """The one that an agent on this host follows."""
    return pick_hierarchy(Path("/proc/cgroups").read_text(), Path("/proc/mounts").read_text())


def test_the_first_process_has_its_pod(
    cluster: ApiServer, kubelet: Kubelet, node: str, tmp_path: Path, workload: Path
) -> None:
    """It waits for the status, which comes after the container's end, and leaves complete."""
    owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-7d9f", "uid": "1"}
    labels = {"app": "web", "pod-template-hash": "7d9f"}
    made = pod("web-7d9f-x2", node=node, labels=labels, containers=("main", "side"))
    made["metadata"] |= {
        "generateName": "web-7d9f-",
        "ownerReferences": [{**owner, "controller": True}],
    }
    (one,) = cluster.create(made)

    with watched(cluster, tmp_path / "a", workload) as client:
        container = kubelet.start(one, [ECHO, "first"], [ECHO, "second"])
        kubelet.remove(one, container)
        assert not started(client, "first")
        kubelet.tell(one, side=container)
        wait(lambda: started(client, "second"), "the second process")
        first, second = started(client, "first")[0], started(client, "second")[0]
        order = [event for event in client.events() if "process_exec" in event]

    assert {
        "namespace": "default",
        "name": "web-7d9f-x2",
        "uid": one["metadata"]["uid"],
        "workload": "web",
        "workload_kind": "Deployment",
        "pod_labels": labels,
        "container": {
            "id": f"containerd://{container}",
            "name": "side",
            "image": {"id": f"localhost/bb@{DIGEST}", "name": "localhost/bb:1"},
            "start_time": "2026-11-21T20:00:00Z",
        },
    } == first["pod"]
    assert names(second) == names(first)
    arguments = [event["process_exec"]["process"].get("arguments") for event in order]
    assert arguments.index("first") < arguments.index("second")


def test_a_pod_that_nobody_tells_of(
    cluster: ApiServer, kubelet: Kubelet, node: str, tmp_path: Path, workload: Path
) -> None:
    """A pod deleted before its status was written: the pod is shown, and the event is marked."""
    (one,) = cluster.create(pod("short", node=node))
    quick = ("--event-cache-retries=1", "--event-cache-retry-delay=1")

    with watched(cluster, tmp_path / "a", workload, *quick) as client:
        container = kubelet.start(one, [ECHO, "unnamed"])
        kubelet.remove(one, container)
        kubelet.delete(one)
        wait(lambda: started(client, "unnamed"), "the process")
        (found,) = started(client, "unnamed")

    assert ("default", "short", "") == names(found)
    assert found["pod_incomplete"]


def test_an_agent_that_starts_again(
    cluster: ApiServer, kubelet: Kubelet, node: str, tmp_path: Path, workload: Path
) -> None:
    """Containers that run already are known to the next agent from its first event of them."""
    (one,) = cluster.create(pod("old", node=node))
    container = kubelet.start(one)
    kubelet.tell(one, main=container)

    for name in ("first", "second"):
        with watched(cluster, tmp_path / name, workload) as client:
            kubelet.run(one, container, [ECHO, name])
            wait(lambda: started(client, name), name)  # noqa: B023  # called in this turn
            assert ("default", "old", "main") == names(started(client, name)[0])


def test_an_api_server_that_ends(
    new_cluster: Callable[..., ApiServer], node: str, tmp_path: Path, workload: Path
) -> None:
    """Known pods stay while it is away; what starts meanwhile waits for its return."""
    server = new_cluster()
    known, new = server.create(pod("known", node=node), pod("new", node=node))
    with open_kubelet(server, own_hierarchy(), f"{node}-end") as kubelet:
        old = kubelet.start(known)
        kubelet.tell(known, main=old)
        with watched(server, tmp_path / "a", workload) as client:
            server.kill()
            kubelet.run(known, old, [ECHO, "known"])
            container = kubelet.start(new, [ECHO, "new"])
            wait(lambda: started(client, "known"), "the known container")
            assert not started(client, "new")
            server.start()
            kubelet.tell(new, main=container)
            wait(lambda: started(client, "new"), "the new container")
            found = [names(started(client, name)[0]) for name in ("known", "new")]

    assert [("default", "known", "main"), ("default", "new", "main")] == found
    log = (tmp_path / "a/log").read_text()
    assert "what is known stays" in log
    assert 1 == log.count("the API server tells of pods again")


def test_an_api_server_that_is_not_there_yet(
    new_cluster: Callable[..., ApiServer], node: str, tmp_path: Path, workload: Path
) -> None:
    """The start fails after as many tries as wanted; or goes on, and pods come later."""
    server = new_cluster()
    (one,) = server.create(pod("late", node=node))
    server.kill()
    directory = tmp_path / "fails"
    directory.mkdir()

    failing = start_agent(directory, *agent_options(server, "--k8s-controlplane-retry=2"))
    code = failing.wait(60)
    with open_kubelet(server, own_hierarchy(), f"{node}-late") as kubelet:
        patient = "--k8s-controlplane-retry=-1"
        with watched(server, tmp_path / "goes-on", workload, patient) as client:
            container = kubelet.start(one, [ECHO, "early"])
            server.start()
            kubelet.tell(one, main=container)
            wait(lambda: started(client, "early"), "the process")
            found = names(started(client, "early")[0])

    assert (69, 1) == (code, (directory / "log").read_text().count("tried 2 times"))
    assert ("default", "late", "main") == found
