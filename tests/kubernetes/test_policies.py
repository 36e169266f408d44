# SPDX-License-Identifier: Apache-2.0
"""Policies as custom resources of a real API server, and a real agent that follows them."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from kernel.agents import Client, pins, wait
from kubernetes.cluster_agent import ClusterAgent, account_token, install
from kubernetes.kubelet import open_kubelet
from kubernetes.objects import namespace, pod
from kubernetes.policy_objects import (
    await_status,
    change,
    delete,
    node_entries,
    path_of,
    policy,
)
from tetragon_core.cgroups import pick_hierarchy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from kubernetes.api_server import ApiServer
    from kubernetes.kubelet import Kubelet
    from tetragon_core.cgroups import Hierarchy

    Add = Callable[[dict[str, Any]], dict[str, Any]]


@pytest.fixture(scope="module")
def kubeconfig(cluster: ApiServer) -> Path:
    """With a token of the agent's service account."""
    install(cluster, zone="a")
    return cluster.kubeconfig("service-account", account_token(cluster))


@pytest.fixture(scope="module")
def agent(kubeconfig: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterAgent]:
    """One that all tests of this file share."""
    with ClusterAgent(tmp_path_factory.mktemp("agent"), kubeconfig) as running:
        yield running


@pytest.fixture
def add(cluster: ApiServer) -> Iterator[Add]:
    """Creates an object, which is deleted when the test ends."""
    added: list[dict[str, Any]] = []

    def create(one: dict[str, Any]) -> dict[str, Any]:
        added.append(one)
        found: dict[str, Any] = cluster.create(one)[0]
        return found

    yield create
    for one in reversed(added):
        delete(cluster, one)


@pytest.fixture(scope="session")
def hierarchy() -> Hierarchy:
    """The cgroup hierarchy that the agent would report on this host."""
    return pick_hierarchy(Path("/proc/cgroups").read_text(), Path("/proc/mounts").read_text())


@pytest.fixture
def kubelet(cluster: ApiServer, hierarchy: Hierarchy) -> Iterator[Kubelet]:
    """Runs pods of this node."""
    with open_kubelet(cluster, hierarchy, "test-policies") as one:
        yield one


@pytest.mark.usefixtures("agent")
def test_a_policy_is_loaded(cluster: ApiServer, add: Add) -> None:
    """Its status says so, for this node."""
    one = add(policy("loaded"))

    entry = await_status(cluster, one, "loaded")

    told = {key: entry[key] for key in ("node", "mode", "hooks", "observedGeneration")}
    assert {"node": "node1", "mode": "monitor-only", "hooks": 1, "observedGeneration": 1} == told


@pytest.mark.usefixtures("agent")
def test_a_policy_is_refused(cluster: ApiServer, add: Add) -> None:
    """What the schema cannot say is said by the status."""
    one = add(policy("refused", event="not_there"))

    entry = await_status(cluster, one, "error")

    assert entry["error"].startswith("spec.tracepoints[0]: this kernel has no tracepoint")


@pytest.mark.usefixtures("agent")
def test_a_change_is_refused(cluster: ApiServer, add: Add) -> None:
    """The version before stays loaded, and the status has both."""
    one = add(policy("changed"))
    await_status(cluster, one, "loaded")

    change(cluster, one, spec={"tracepoints": [{"subsystem": "sched", "event": "not_there"}]})

    entry = await_status(cluster, one, "loaded", error="generation 2 is refused")
    assert (2, 1) == (entry["observedGeneration"], entry["hooks"])


@pytest.mark.usefixtures("agent")
def test_the_labels_of_the_node(cluster: ApiServer, add: Add) -> None:
    """A policy for other nodes is skipped, until a label of this one changes."""
    one = add(policy("elsewhere", nodeSelector={"matchLabels": {"zone": "b"}}))
    await_status(cluster, one, "skipped")
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "node1"}}

    change(cluster, node, metadata={"labels": {"zone": "b"}})

    await_status(cluster, one, "loaded")
    change(cluster, node, metadata={"labels": {"zone": "a"}})
    await_status(cluster, one, "skipped")


def test_only_the_pods_of_the_namespace(
    cluster: ApiServer, agent: ClusterAgent, add: Add, kubelet: Kubelet, workload: Path
) -> None:
    """Events of a namespaced policy are of its pods only; podSelector follows labels."""
    add(namespace("ours"))
    pods = [add(pod("in", namespace="ours", labels={"app": "a"})), add(pod("out"))]
    finish = workload / "finish"
    ids = [kubelet.start(one, [finish, "0", "before"]) for one in pods]
    for one, container in zip(pods, ids, strict=True):
        kubelet.tell(one, main=container)
    client = Client(agent.directory)
    try:
        client.mark(finish, "policies-marker")
        every = add(policy("every", namespace="ours"))
        chosen = add(policy("chosen", namespace="ours", podSelector={"matchLabels": {"app": "b"}}))
        for one in (every, chosen):
            await_status(cluster, one, "loaded")

        def hits(name: str) -> set[str]:
            events = [one.get("process_tracepoint", {}) for one in client.events()]
            return {
                one["process"].get("pod", {}).get("name", "")
                for one in events
                if one.get("policy_name") == name
            }

        def is_hit(name: str) -> bool:
            kubelet.run(pods[1], ids[1], [finish, "0", "outside"])
            kubelet.run(pods[0], ids[0], [finish, "0", "inside"])
            return bool(hits(name))

        wait(lambda: is_hit("every"), "an event of a pod of the namespace")
        unlabelled = hits("chosen")
        change(cluster, pods[0], metadata={"labels": {"app": "b"}})
        wait(lambda: is_hit("chosen"), "an event after the label has changed")
        client.mark(finish, "last-marker")

        assert set() == unlabelled
        assert ({"in"}, {"in"}) == (hits("every"), hits("chosen"))
    finally:
        client.process.terminate()
        client.process.wait()
        for one, container in zip(pods, ids, strict=True):
            kubelet.remove(one, container)


def test_an_agent_ends(cluster: ApiServer, kubeconfig: Path, add: Add, tmp_path: Path) -> None:
    """Its node is in the status no more; what was deleted meanwhile is gone for the next agent."""
    kept, gone = add(policy("kept")), add(policy("gone"))
    second = ClusterAgent(tmp_path, kubeconfig)
    second.start(node="node2")
    for one in (kept, gone):
        await_status(cluster, one, "loaded", node="node2")

    second.stop()
    entries = node_entries(cluster, kept)
    delete(cluster, gone)
    second.start(node="node2")

    assert "node2" not in entries
    await_status(cluster, kept, "loaded", node="node2")
    assert "k8s:gone" not in second.log()
    second.stop()


def test_an_agent_is_killed(cluster: ApiServer, kubeconfig: Path, add: Add, tmp_path: Path) -> None:
    """A policy that enforces goes on without it, and ends when the next agent does not find it."""
    selector = {
        "matchBinaries": [{"operator": "In", "values": ["/there/is/no/such/program"]}],
        "matchActions": [{"action": "Sigkill"}],
    }
    hook = {"subsystem": "sched", "event": "sched_process_exec", "selectors": [selector]}
    kept, gone = [add(policy(name, tracepoints=[hook])) for name in ("killing", "killed")]
    killed = ClusterAgent(tmp_path, kubeconfig)
    killed.start(node="node4")
    for one in (kept, gone):
        await_status(cluster, one, "loaded", node="node4")
    pinned = pins(tmp_path)

    killed.stop(signal.SIGKILL)
    left = list(pinned.iterdir())
    delete(cluster, gone)
    killed.start(node="node4")
    wait(lambda: "a policy was removed" in killed.log(), "the removal")
    log = killed.log()
    killed.stop()

    assert [] != left
    assert log.index("agent is ready") < log.index("a policy was removed")
    assert ["policy=k8s:killed"] == [
        line.rpartition(" ")[2] for line in log.splitlines() if "was removed" in line
    ]
    assert not pinned.exists() or [] == list(pinned.iterdir())


def test_nobody_may_write_the_status(cluster: ApiServer, add: Add, tmp_path: Path) -> None:
    """One line says so, and the policies work."""
    api = "rbac.authorization.k8s.io"
    add(
        {
            "apiVersion": f"{api}/v1",
            "kind": "ClusterRole",
            "metadata": {"name": "no-status"},
            "rules": [
                {"apiGroups": [""], "resources": ["pods", "nodes"], "verbs": ["list", "watch"]},
                {"apiGroups": ["cilium.io"], "resources": ["*"], "verbs": ["list", "watch"]},
            ],
        }
    )
    add(
        {
            "apiVersion": f"{api}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": "no-status"},
            "roleRef": {"apiGroup": api, "kind": "ClusterRole", "name": "no-status"},
            "subjects": [{"kind": "Group", "apiGroup": api, "name": "strangers"}],
        }
    )
    one, other = add(policy("silent")), add(policy("silent2"))

    running = ClusterAgent(tmp_path, cluster.kubeconfig("stranger"))
    running.start(node="node3")
    try:
        wait(lambda: "their status does not say so" in running.log(), "the line")
        wait(lambda: running.log().count("a policy was loaded") == 2, "both policies")
    finally:
        running.stop()

    assert 1 == running.log().count("their status does not say so")
    assert "node3" not in node_entries(cluster, one) | node_entries(cluster, other)


def test_the_api_server_goes_away(new_cluster: Callable[..., ApiServer], tmp_path: Path) -> None:
    """Policies stay; what happens while it is away is noticed when it is back."""
    server = new_cluster()
    install(server)
    kubeconfig = server.kubeconfig("service-account", account_token(server))
    kept, gone = server.create(policy("kept"), policy("gone"))
    with ClusterAgent(tmp_path, kubeconfig) as running:
        for one in (kept, gone):
            await_status(server, one, "loaded")
        server.kill()
        wait(lambda: "what is known stays" in running.log(), "the loss of the API server")
        before = running.log().count("a policy was removed")
        server.start()
        server.request("DELETE", path_of(gone))
        wait(lambda: "a policy was removed" in running.log(), "the removal")

    assert 0 == before
    assert 1 == running.log().count("a policy was removed")
