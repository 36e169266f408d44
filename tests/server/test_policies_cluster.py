# SPDX-License-Identifier: Apache-2.0
"""The agent's policies follow the custom resources of an API server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from server.clustered import KILLS, Cluster, key_of, resource
from server.fake_engine import policy_text
from server.successive import Host
from tetragon_server.policies.entry import PolicyMode, PolicyState

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from server.harness import Api

SELECTED = {"nodeSelector": {"matchLabels": {"zone": "a"}}}


@pytest.fixture
def host(api: Api, tmp_path: Path) -> Iterator[Host]:
    """A machine with an agent."""
    made = Host(api, tmp_path / "tp")
    made.start(enable_k8s_api=True)
    yield made
    made.stop()


@pytest.fixture
def cluster(host: Host) -> Cluster:
    """Its policies from Kubernetes."""
    return Cluster(host)


def test_a_policy_is_created(cluster: Cluster, host: Host) -> None:
    """It is loaded, and the status says so."""
    cluster.list(resource())

    wanted = {"state": "loaded", "observedGeneration": 1, "hooks": 1, "mode": "monitor-only"}
    assert ["v1"] == host.attached()
    assert wanted == cluster.status()


def test_a_policy_is_changed(cluster: Cluster, host: Host) -> None:
    """The new version takes the place of the old one."""
    cluster.list(resource())

    cluster.change(resource("v2", generation=2))

    assert ["v2"] == host.attached()
    assert 2 == cluster.status()["observedGeneration"]


def test_the_status_changes(cluster: Cluster, host: Host) -> None:
    """What does not make the policy loads nothing anew."""
    cluster.list(resource())
    loads = list(host.engine.calls)

    cluster.change(resource())

    assert loads == host.engine.calls


def test_a_change_is_refused(cluster: Cluster, host: Host) -> None:
    """The version before goes on, and the status has the reason."""
    cluster.list(resource())

    cluster.change(resource("v2", generation=2, message="refuse"))

    status = cluster.status()
    assert ["v1"] == host.attached()
    assert ("loaded", 2) == (status["state"], status["observedGeneration"])
    assert status["error"].startswith("generation 2 is refused, the version before stays: ")


def test_a_refused_change_is_taken_back(cluster: Cluster, host: Host) -> None:
    """The error goes away with it."""
    cluster.list(resource())
    cluster.change(resource("v2", generation=2, message="refuse"))

    cluster.change(resource(generation=3))

    assert ["v1"] == host.attached()
    assert ("", False) == (cluster.entry().error, "error" in cluster.status())


def test_a_policy_that_is_none(cluster: Cluster) -> None:
    """What the parser says is in the status, without places of a file that nobody has."""
    cluster.list(resource(spec={"kprobs": []}))

    assert {"error": 'spec.kprobs: unknown field (did you mean "kprobes"?)'} == {
        "error": cluster.status()["error"].partition(";")[0]
    }
    assert "error" == cluster.status()["state"]


def test_a_policy_is_deleted(cluster: Cluster, host: Host) -> None:
    """Only it goes."""
    cluster.list(resource(), resource("other", name="b"))

    cluster.policies.gone(key_of())
    cluster.settle()

    assert ["other"] == host.attached()


def test_a_deletion_was_missed(cluster: Cluster, host: Host) -> None:
    """What the next list of its kind does not have is removed."""
    cluster.list(resource(), resource("other", name="b"))
    cluster.list(resource("v3", namespace="ns"), is_namespaced=True)

    cluster.list(resource("other", name="b"))

    assert ["other", "v3"] == sorted(host.attached())


def test_names_of_kinds_and_domains(cluster: Cluster, host: Host) -> None:
    """A policy of the cluster, of a namespace and of a client may have one name."""
    host.add(policy_text("a", call="v0"))
    cluster.list(resource("v1"))
    cluster.list(resource("v2", namespace="ns"), is_namespaced=True)

    cluster.list(is_namespaced=True)

    assert ["v0", "v1"] == sorted(host.attached())


def test_a_node_that_is_not_meant(cluster: Cluster, host: Host) -> None:
    """The policy is skipped until the labels of the node change, and again when they do."""
    cluster.policies.node_is({"zone": "b"})
    cluster.list(resource(spec=SELECTED))
    before = (cluster.status()["state"], cluster.entry().state, host.attached())

    cluster.policies.node_is({"zone": "a"})
    cluster.settle()
    meant = (cluster.status()["state"], host.attached())
    cluster.policies.node_is({})
    cluster.settle()

    assert ("skipped", PolicyState.SKIPPED, []) == before
    assert ("loaded", ["v1"]) == meant
    assert ("skipped", []) == (cluster.status()["state"], host.attached())


def test_a_node_that_is_not_known_yet(cluster: Cluster, host: Host) -> None:
    """Policies with a nodeSelector wait for its labels; if nobody can tell, they are loaded."""
    cluster.list(resource(spec=SELECTED), resource("other", name="b"))
    before = host.attached()

    cluster.policies.node_is(None)
    cluster.settle()

    assert ["other"] == before
    assert ["other", "v1"] == sorted(host.attached())
    assert "labels of this node are not known" in cluster.status()["warnings"][0]


def test_enforcement_is_rejected(cluster: Cluster, host: Host) -> None:
    """With --reject-enforcement a resource cannot enforce."""
    host.stop()
    host.start(enable_k8s_api=True, reject_enforcement=True)
    cluster.connect()

    cluster.list(resource(more=KILLS))

    assert [] == host.attached()
    assert "--reject-enforcement" in cluster.status()["error"]


def test_a_client_changes_something(cluster: Cluster, host: Host) -> None:
    """A refresh tells what a client of the agent has switched."""
    cluster.list(resource(more=KILLS))

    host.api.run(host.policies.manager.configure(key_of(), mode=PolicyMode.MONITOR))
    cluster.policies.refresh()
    monitored = cluster.status()["mode"]
    host.api.run(host.policies.manager.configure(key_of(), enable=False))
    cluster.policies.refresh()

    assert ("monitor", "disabled") == (monitored, cluster.status()["state"])


def test_an_agent_crashed(cluster: Cluster, host: Host) -> None:
    """What it left enforces until the API server is heard; then a policy that is gone is removed,
    one that is the same stays, and one that has changed is replaced.
    """
    cluster.list(
        resource("gone", name="a", more=KILLS),
        resource("same", name="b", more=KILLS),
        resource("old", name="c", more=KILLS),
    )
    host.crash()
    host.start(enable_k8s_api=True)
    cluster.connect()
    restored = sorted(host.attached())
    calls = len(host.engine.calls)

    cluster.list(
        resource("same", name="b", more=KILLS), resource("new", name="c", more=KILLS, generation=2)
    )

    assert ["gone", "old", "same"] == restored
    assert ["new", "same"] == sorted(host.attached())
    assert ("load", "b") not in host.engine.calls[calls:]


def test_an_agent_without_kubernetes_comes_after(cluster: Cluster, host: Host) -> None:
    """It removes what one with Kubernetes has left: nobody would ever tell that it is gone."""
    cluster.list(resource(more=KILLS))
    host.crash()

    host.start()

    assert ([], []) == (host.attached(), host.engine.pins)


def test_a_status_is_bounded(cluster: Cluster) -> None:
    """All nodes share an object, so no text in it is long."""
    cluster.list(resource(spec={"kprobes": [{"call": "x" * 5000, "args": 1}]}))

    assert 1100 > len(cluster.status()["error"])
