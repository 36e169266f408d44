# SPDX-License-Identifier: Apache-2.0
"""Containers of ctr and nerdctl, as containerd's own API tells them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from grpclib.const import Status
from grpclib.exceptions import GRPCError

from k8s.asked import asked_of, cgroup_at, container_id
from k8s.grpc_runtime import Calls, served
from tetragon_core.workloads.model import HOST, Container
from tetragon_k8s.runtimes.containerd import ContainerdRuntime
from tetragon_k8s.runtimes.containerd_messages import MESSAGES

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tetragon_core.workloads.model import Workload

WEB = container_id(1)
API = "/containerd.services"


def containerd(*containers: tuple[str, str, Mapping[str, str]]) -> Calls:
    """It has these: namespace, id and labels."""
    known = {(space, one): labels for space, one, labels in containers}
    spaces = [{"name": space} for space in sorted({space for space, _ in known})]
    calls = Calls(MESSAGES)
    listed = MESSAGES["ListNamespacesResponse"](namespaces=spaces)
    calls.add(f"{API}.namespaces.v1.Namespaces/List", "ListNamespaces", lambda *_: listed)

    def get(request: Any, metadata: Mapping[str, str]) -> Any:
        key = (metadata["containerd-namespace"], request.id)
        if key not in known:
            raise GRPCError(Status.NOT_FOUND)
        told = {"id": request.id, "labels": known[key], "image": "docker.io/library/nginx:1"}
        return MESSAGES["GetContainerResponse"](container=told)

    calls.add(f"{API}.containers.v1.Containers/Get", "GetContainer", get)
    return calls


def told(tmp_path: Path, calls: Calls, *paths: str) -> list[Workload]:
    """What is known of the containers with these cgroups."""
    socket = tmp_path / "c.sock"

    async def run() -> list[Workload]:
        async with served(calls, socket), asked_of(ContainerdRuntime(str(socket))) as asked:
            found = []
            for number, path in enumerate(paths, 7):
                asked.appear(number, path)
                found.append(await asked.workload(number))
            return found

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("path", "space", "one", "labels", "name"),
    [
        ("/default/t1", "default", "t1", {"app": "web"}, "t1"),
        (f"/default/{WEB}", "default", WEB, {"nerdctl/name": "web"}, "web"),
        (f"/system.slice/nerdctl-{WEB}.scope", "lab", WEB, {"nerdctl/name": "web"}, "web"),
    ],
    ids=["ctr", "nerdctl", "nerdctl with systemd"],
)
def test_a_container(  # one parameter for each property
    tmp_path: Path, path: str, space: str, one: str, labels: Mapping[str, str], name: str
) -> None:
    """A container is known by the namespace and id in the path of its cgroup."""
    (found,) = told(tmp_path, containerd((space, one, labels)), path)

    assert found.container == Container(
        id=one,
        runtime="containerd",
        name=name,
        image="docker.io/library/nginx:1",
        labels=labels,
    )


def test_a_cgroup_that_looks_like_one(tmp_path: Path) -> None:
    """Below a directory that is no namespace nothing is asked for twice."""
    calls = containerd(("default", "t1", {}))

    found = told(tmp_path, calls, "/jobs/1", "/jobs/2", "/default/t2")

    assert [one is HOST for one in found] == [True, True, True]
    assert calls.made[0] == "List"
    assert set(calls.made[2:]) <= {"List", "Get"}


@pytest.mark.parametrize(
    "path",
    [
        "/default",
        "/default/t1/inner",
        "/system.slice/ssh.service",
        f"/moby/{WEB}",
        f"/k8s.io/{WEB}",
        "/default/..",
        "/default/a b",
        "/default/" + "a" * 77,
    ],
)
def test_what_is_nobodys(tmp_path: Path, path: str) -> None:
    """Paths that containerd cannot have made for ctr or nerdctl are not asked for."""
    socket = tmp_path / "c.sock"
    socket.touch()

    assert not ContainerdRuntime(str(socket)).claims(cgroup_at(path))
