# SPDX-License-Identifier: Apache-2.0
"""Containers and pods as CRI tells them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from grpclib.const import Status
from grpclib.exceptions import GRPCError

from k8s.asked import asked_of, cgroup_at, container_id
from k8s.grpc_runtime import Calls, served
from tetragon_core.workloads.model import Container, Pod
from tetragon_k8s.runtimes.cri import CriRuntime
from tetragon_k8s.runtimes.cri_messages import MESSAGES
from tetragon_k8s.runtimes.runtime import NotServedError, RuntimeFailedError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from tetragon_core.workloads.model import Workload

SERVICE = "/runtime.v1.RuntimeService/"
UID = "0a1b2c3d-0000-4000-8000-000000000001"
WEB, POD, OTHER = container_id(1), container_id(2), container_id(3)
IMAGE = "sha256:" + "5" * 64


def path_of(one: str) -> str:
    """Where the kubelet has a container."""
    return f"/kubepods/burstable/pod{UID}/{one}"


def runtime_calls(image: Mapping[str, str] | None = None) -> Calls:
    """One pod with one container, as containerd answers."""
    container = {
        "id": WEB,
        "pod_sandbox_id": POD,
        "metadata": {"name": "web"},
        "image": image or {"image": "docker.io/library/nginx:1"},
        "image_ref": IMAGE,
    }
    sandbox = {
        "id": POD,
        "metadata": {"name": "web-0", "uid": UID, "namespace": "shop"},
        "labels": {"app": "web"},
    }

    def matching(request: Any, row: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        return [row] if request.filter.id in {"", row["id"]} else []

    def status(request: Any, _: object) -> Any:  # as above
        told = {"id": request.container_id, "image": {"image": "docker.io/library/nginx:2"}}
        return MESSAGES["ContainerStatusResponse"](status=told)

    calls = Calls(MESSAGES)
    version = MESSAGES["VersionResponse"](runtime_name="containerd")
    calls.add(SERVICE + "Version", "Version", lambda *_: version)
    calls.add(
        SERVICE + "ListContainers",
        "ListContainers",
        lambda request, _: MESSAGES["ListContainersResponse"](
            containers=matching(request, container)
        ),
    )
    calls.add(
        SERVICE + "ListPodSandbox",
        "ListPodSandbox",
        lambda request, _: MESSAGES["ListPodSandboxResponse"](items=matching(request, sandbox)),
    )
    calls.add(SERVICE + "ContainerStatus", "ContainerStatus", status)
    return calls


def told(tmp_path: Path, calls: Calls, *containers: str) -> list[Workload]:
    """What is known of these, which all appear at once."""
    socket = tmp_path / "c.sock"

    async def run() -> list[Workload]:
        async with served(calls, socket), asked_of(CriRuntime(str(socket))) as asked:
            for number, one in enumerate(containers, 7):
                asked.appear(number, path_of(one))
            return [await asked.workload(number) for number, _ in enumerate(containers, 7)]

    return asyncio.run(run())


def test_container_and_pod(tmp_path: Path) -> None:
    """A container of a pod gets name, image and the pod, without an API server."""
    (found,) = told(tmp_path, runtime_calls(), WEB)

    assert found.container == Container(
        id=WEB,
        runtime="containerd",
        name="web",
        image="docker.io/library/nginx:1",
        image_id=IMAGE,
    )
    assert found.pod == Pod(
        namespace="shop",
        name="web-0",
        uid=UID,
        labels={"app": "web"},
        workload="web-0",
        workload_kind="Pod",
    )


def test_the_sandbox_of_a_pod(tmp_path: Path) -> None:
    """The container that holds a pod's namespaces has the pod, and a name that says what it is."""
    (found,) = told(tmp_path, runtime_calls(), POD)

    assert found.container is not None
    assert found.pod is not None
    assert ("POD", "web-0") == (found.container.name, found.pod.name)


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ({"image": IMAGE, "user_specified_image": "nginx:1"}, "nginx:1"),
        ({"image": IMAGE}, "docker.io/library/nginx:2"),
    ],
    ids=["told", "asked for"],
)
def test_the_name_of_an_image(tmp_path: Path, image: Mapping[str, str], expected: str) -> None:
    """Where a container has its image by number, as the kubelet's have, the name is found."""
    (found,) = told(tmp_path, runtime_calls(image), WEB)

    assert found.container is not None
    assert expected == found.container.image


def test_many_are_asked_for_by_lists(tmp_path: Path) -> None:
    """What appears at once, as at the agent's start, takes three calls and not two for each."""
    calls = runtime_calls()

    async def run() -> None:
        socket = tmp_path / "c.sock"
        async with served(calls, socket), asked_of(CriRuntime(str(socket))) as asked:
            for number in range(100):
                asked.appear(100 + number, path_of(container_id(number)))
            await asked.workload(101)

    asyncio.run(run())

    assert calls.made[:3] == ["Version", "ListContainers", "ListPodSandbox"]


def test_a_runtime_that_restarts(tmp_path: Path) -> None:
    """After a restart of the runtime the same source goes on."""

    async def run() -> list[str]:
        socket = tmp_path / "c.sock"
        names = []
        async with asked_of(CriRuntime(str(socket))) as asked:
            for number, one in ((7, WEB), (8, POD)):
                async with served(runtime_calls(), socket):
                    asked.appear(number, path_of(one))
                    names.append(await asked.name(number))
        return names

    assert asyncio.run(run()) == ["web", "POD"]


def failing(status: Status) -> Callable[[object, object], None]:
    """A handler that answers with this error."""

    def fail(*_: object) -> None:
        raise GRPCError(status, "no such\nthing")

    return fail


@pytest.mark.parametrize(
    ("status", "expected"),
    [(Status.UNIMPLEMENTED, NotServedError), (Status.UNAVAILABLE, RuntimeFailedError)],
    ids=["no CRI", "not ready"],
)
def test_errors_of_the_runtime(
    tmp_path: Path, status: Status, expected: type[RuntimeFailedError]
) -> None:
    """An error says what the runtime says, in one line."""
    calls = Calls(MESSAGES)
    calls.add(SERVICE + "Version", "Version", failing(status))
    socket = tmp_path / "c.sock"

    async def run() -> None:
        runtime = CriRuntime(str(socket))
        async with served(calls, socket):
            try:
                await runtime.find([cgroup_at(path_of(WEB))])
            finally:
                await runtime.close()

    with pytest.raises(expected, match=r"^no such thing$"):
        asyncio.run(run())


@pytest.mark.parametrize(
    "path",
    ["/user.slice", f"/docker/{WEB}", f"/libpod_parent/libpod-{WEB}", f"/a/docker-{WEB}.scope"],
)
def test_containers_of_others_are_not_asked_for(tmp_path: Path, path: str) -> None:
    """Who names its cgroups otherwise is not asked for over CRI."""
    socket = tmp_path / "c.sock"
    socket.touch()

    assert not CriRuntime(str(socket)).claims(cgroup_at(path))


def test_without_a_socket_nothing_is_asked(tmp_path: Path) -> None:
    """A runtime that is not there claims nothing."""
    assert not CriRuntime(str(tmp_path / "c.sock")).claims(cgroup_at(path_of(WEB)))
