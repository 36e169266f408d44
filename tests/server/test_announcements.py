# SPDX-License-Identifier: Apache-2.0
"""RuntimeHook: what an announced container changes, and what is refused."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from grpclib.exceptions import GRPCError

from tetragon import tetragon_pb2 as pb
from tetragon_core.stats import Counter, Stats
from tetragon_core.workloads.cgroup_table import CgroupTable
from tetragon_core.workloads.model import HOST, Pod
from tetragon_core.workloads.table import WorkloadTable
from tetragon_server.announcements import Announcements
from tetragon_server.runtime_hook import RuntimeHookRpc

if TYPE_CHECKING:
    from pathlib import Path

ID = "4" * 64
UID = "4c9f1974-5c46-44c2-b42f-3bbf0e98eef9"


class Host:
    """An agent's tables beside a directory that stands for the cgroup file system."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.stats = Stats()
        self.table = WorkloadTable(CgroupTable())
        self.is_needed = False
        self._rpc = RuntimeHookRpc(
            Announcements(self.table, root, self.stats, is_needed=lambda: self.is_needed)
        )

    def cgroup(self, path: str) -> int:
        """A new one; its id."""
        directory = self.root / path.lstrip("/")
        directory.mkdir(parents=True)
        return directory.stat().st_ino

    def announce(self, **fields: Any) -> None:
        """As a hook does."""
        self.send(pb.RuntimeHookRequest(createContainer=pb.CreateContainer(**fields)))

    def send(self, request: pb.RuntimeHookRequest) -> None:
        """As a hook does."""
        asyncio.run(self._take(request))

    async def _take(self, request: pb.RuntimeHookRequest) -> None:
        await self._rpc.answers()["RuntimeHook"](request)


@pytest.fixture
def host(tmp_path: Path) -> Host:
    """Without any container."""
    return Host(tmp_path)


@pytest.mark.parametrize(
    ("told", "path"),
    [
        (f"/kubepods/burstable/pod{UID}/{ID}", f"/kubepods/burstable/pod{UID}/{ID}"),
        (
            f"kubepods-pod{UID.replace('-', '_')}.slice:cri-containerd:{ID}",
            f"/kubepods.slice/kubepods-pod{UID.replace('-', '_')}.slice/cri-containerd-{ID}.scope",
        ),
    ],
)
def test_a_container_is_known_when_the_call_returns(host: Host, told: str, path: str) -> None:
    """Name, image and pod, by the cgroup that is told in either form."""
    cgroup_id = host.cgroup(path)

    host.announce(
        cgroupsPath=told,
        containerName="web",
        containerImage="nginx:1",
        podName="web-0",
        podNamespace="shop",
        annotations={"io.kubernetes.cri.sandbox-id": "s"},
    )

    workload = host.table.workload(cgroup_id, "")
    assert workload is not None
    container, pod = workload.container, workload.pod
    assert container is not None
    assert pod is not None
    assert (ID, "containerd", "web", "nginx:1") == (
        *(container.id, container.runtime, container.name, container.image),
    )
    assert ("shop", "web-0", UID) == (pod.namespace, pod.name, pod.uid)
    assert 1 == host.stats.snapshot()[Counter.RUNTIME_HOOKS]


def test_what_the_runtime_calls_it_counts(host: Host) -> None:
    """The id that is told, before the one in the path; else what follows the last dash."""
    told, derived = host.cgroup("/a/b"), host.cgroup("/a/crun-t1.scope")

    host.announce(cgroupsPath="/a/b", containerID="c1")
    host.announce(cgroupsPath="/a/crun-t1.scope")

    ids = [host.table.best(one).container for one in (told, derived)]
    assert ["c1", "t1"] == [one.id for one in ids if one is not None]


def test_a_static_pod_is_named_by_the_hash_of_its_file(host: Host) -> None:
    """Its uid in the API is another."""
    digest = "0123456789abcdef0123456789abcdef"
    cgroup_id = host.cgroup("/x")

    host.announce(
        cgroupsPath="/x",
        containerID=ID,
        podName="etcd",
        podUID=UID,
        annotations={"kubernetes.io/config.hash": digest},
    )

    pod = host.table.best(cgroup_id).pod
    assert pod is not None
    assert digest == pod.uid


@pytest.mark.parametrize(
    ("path", "runtime"),
    [
        (f"/libpod_parent/libpod-{ID}", "podman"),
        (f"/machine.slice/libpod-{ID}.scope", "podman"),
        (f"/docker/{ID}", "docker"),
    ],
)
def test_an_image_cannot_choose_a_pod(host: Host, path: str, runtime: str) -> None:
    """Podman gives a container its image's annotations: the hook tells them, nobody believes."""
    cgroup_id = host.cgroup(path)

    host.announce(
        cgroupsPath=path,
        containerID="f" * 64,
        containerName="other",
        containerImage="other:1",
        podName="web-0",
        podNamespace="shop",
        podUID=UID,
        annotations={"io.kubernetes.cri-o.ContainerID": "f" * 64, "kubernetes.io/config.hash": UID},
    )

    workload = host.table.best(cgroup_id)
    container = workload.container
    assert container is not None
    assert workload.pod is None
    assert (ID, runtime, "", "") == (
        *(container.id, container.runtime, container.name, container.image),
    )
    assert HOST is host.table.workload(0, "f" * 64)


@pytest.mark.parametrize("annotations", [{}, {"kubernetes.io/config.hash": UID.replace("4", "5")}])
def test_a_pod_is_the_one_of_the_cgroup(host: Host, annotations: dict[str, str]) -> None:
    """A pod that calls itself another one is in none, and keeps the uid of its cgroup."""
    path = f"/kubepods/pod{UID}/{ID}"
    cgroup_id = host.cgroup(path)

    host.announce(
        cgroupsPath=path,
        containerName="web",
        podName="web-0",
        podUID=UID.replace("4", "5"),
        annotations=annotations,
    )

    pod = host.table.best(cgroup_id).pod
    assert pod is not None
    assert ("", "web", False) == (pod.uid, pod.name, pod.is_kubernetes)
    host.table.pods.learn(Pod(namespace="shop", name="own", uid=UID))
    assert "own" == host.table.best(cgroup_id).pod.name  # type: ignore[union-attr]  # just put


@pytest.mark.parametrize("path", ["", "/", "/../etc", "/a/./b", "x", "/missing", "/nul\0"])
def test_without_a_cgroup(host: Host, path: str) -> None:
    """It is an error only while policies select workloads: they could not be in force in time."""
    host.announce(cgroupsPath=path, containerID=ID, containerName="web")
    host.is_needed = True

    with pytest.raises(GRPCError):
        host.announce(cgroupsPath=path, containerID=ID)


def test_a_link_leads_nowhere(host: Host, tmp_path: Path) -> None:
    """The id is that of the name itself."""
    host.cgroup("/real")
    (tmp_path / "link").symlink_to(tmp_path / "real")

    host.announce(cgroupsPath="/link", containerID=ID)

    assert host.table.home((tmp_path / "real").stat().st_ino) is None


def test_what_no_runtime_would_say_is_refused(host: Host) -> None:
    """A text without end, and no announcement at all."""
    with pytest.raises(GRPCError, match="longer than 4096"):
        host.announce(cgroupsPath="/x", containerName="n" * 5000)
    with pytest.raises(GRPCError, match="announces nothing"):
        host.send(pb.RuntimeHookRequest())
