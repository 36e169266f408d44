# SPDX-License-Identifier: Apache-2.0
"""Pods and containers read from objects of the API, and what may be wrong with them."""

from __future__ import annotations

from typing import Any

import pytest

from k8s.pod_texts import ID, UID, a_pod, a_status, owned
from tetragon_core.workloads.model import Container, Pod
from tetragon_k8s.cluster.pod_objects import containers_of, pod_of, uid_in_cgroups
from tetragon_k8s.cluster.workload_owner import workload_of


@pytest.mark.parametrize(
    ("metadata", "name", "kind"),
    [
        ({}, "web-7d9f-x2", "Pod"),
        (owned("ReplicaSet", "web-7d9f", **{"pod-template-hash": "7d9f"}), "web", "Deployment"),
        (owned("ReplicaSet", "web-7d9f"), "web-7d9f", "ReplicaSet"),
        (
            owned("ReplicationController", "web-1", deploymentconfig="web"),
            "web",
            "DeploymentConfig",
        ),
        (owned("ReplicationController", "web-1"), "web-1", "ReplicationController"),
        (owned("Job", "backup-29384756"), "backup", "CronJob"),
        (owned("Job", "backup-2938475"), "backup-2938475", "Job"),
        (owned("Job", "backup-29384756\n"), "backup-29384756\n", "Job"),
        (owned("DaemonSet", "agent"), "agent", "DaemonSet"),
        (owned("StatefulSet", "db"), "db", "StatefulSet"),
        (owned("DaemonSet", "agent") | {"generateName": ""}, "web-7d9f-x2", "Pod"),
        (owned("DaemonSet", ""), "web-7d9f-x2", "DaemonSet"),
        ({"generateName": "web-", "ownerReferences": [{"kind": "Node"}]}, "web-7d9f-x2", "Pod"),
    ],
)
def test_the_workload_of_a_pod(metadata: dict[str, Any], name: str, kind: str) -> None:
    """It is what the controller belongs to, as far as names and labels tell."""
    assert (name, kind) == workload_of(a_pod(metadata=metadata))


def test_what_events_show_of_a_pod() -> None:
    """Names, uid and labels always; annotations only if they are wanted."""
    one = a_pod(metadata={"labels": {"app": "web"}, "annotations": {"note": "long"}})

    without = pod_of(one, with_annotations=False)
    with_all = pod_of(one, with_annotations=True)

    expected = Pod(
        namespace="shop",
        name="web-7d9f-x2",
        uid=UID,
        labels={"app": "web"},
        workload="web-7d9f-x2",
        workload_kind="Pod",
    )
    assert expected == without
    assert {"note": "long"} == with_all.annotations


def test_what_events_show_of_a_container() -> None:
    """Id, names and start of the status; privileges and probes of the specification."""
    probe = {"exec": {"command": ["/bin/check", "-q"]}}
    wanted = {"name": "main", "livenessProbe": probe, "securityContext": {"privileged": True}}
    one = a_pod(spec={"containers": [wanted]}, status={"containerStatuses": [a_status()]})

    assert [
        Container(
            id=ID,
            runtime="containerd",
            name="main",
            image="docker.io/library/nginx:1.27",
            image_id="docker.io/library/nginx@sha256:00",
            start_time_ns=1795291200 * 10**9,
            is_privileged=True,
            exec_probes=(("/bin/check", "-q"),),
        )
    ] == list(containers_of(one))


def test_all_kinds_of_containers() -> None:
    """Init and ephemeral containers count as well; only the others have probes."""
    wanted = {"name": "x", "readinessProbe": {"exec": {"command": ["check"]}}}
    lists = ("containers", "initContainers", "ephemeralContainers")
    statuses = ("containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses")
    one = a_pod(
        spec={name: [wanted] for name in lists},
        status={name: [a_status("x", f"cri-o://{at}")] for at, name in enumerate(statuses)},
    )

    found = [(found.id, found.exec_probes) for found in containers_of(one)]

    assert [("0", (("check",),)), ("1", ()), ("2", ())] == found


def test_the_container_before() -> None:
    """A container that was started again is told of together with the one that has just ended."""
    before = {"terminated": {"containerID": "containerd://old", "exitCode": 1}}
    waiting = a_status(container_id="", lastState=before, state={"waiting": {}})
    again = a_status(lastState=before)

    first = list(containers_of(a_pod(status={"containerStatuses": [waiting]})))
    second = list(containers_of(a_pod(status={"containerStatuses": [again]})))

    assert [("old", "main", 0)] == [(one.id, one.name, one.start_time_ns) for one in first]
    assert [("old", "main"), (ID, "main")] == [(one.id, one.name) for one in second]


@pytest.mark.parametrize(
    ("annotations", "uid"),
    [
        (
            {"kubernetes.io/config.hash": 32 * "b", "kubernetes.io/config.mirror": 32 * "b"},
            32 * "b",
        ),
        ({"kubernetes.io/config.hash": 32 * "b"}, ""),
        ({"kubernetes.io/config.hash": 32 * "b", "kubernetes.io/config.mirror": 32 * "c"}, ""),
        ({"kubernetes.io/config.hash": UID, "kubernetes.io/config.mirror": UID}, ""),
        ({}, ""),
        (None, ""),
    ],
)
def test_uids_of_static_pods(annotations: dict[str, str] | None, uid: str) -> None:
    """Only a mirror names another uid, and never one that the API could have given to a pod."""
    status = {"containerStatuses": [a_status()]}

    assert uid == uid_in_cgroups(a_pod(metadata={"annotations": annotations}, status=status))


@pytest.mark.parametrize("status", [{}, {"phase": "Pending"}, {"containerStatuses": []}])
def test_a_mirror_that_no_kubelet_knows(status: dict[str, Any]) -> None:
    """Anybody may create a pod with such annotations; what a kubelet runs has a status of it."""
    annotations = {"kubernetes.io/config.hash": 32 * "b", "kubernetes.io/config.mirror": 32 * "b"}

    assert "" == uid_in_cgroups(a_pod(metadata={"annotations": annotations}, status=status))
