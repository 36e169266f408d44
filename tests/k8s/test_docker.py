# SPDX-License-Identifier: Apache-2.0
"""Containers as Docker and Podman's service list them."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest

from k8s.asked import asked_of, cgroup_at, container_id
from k8s.unix_peer import peer
from tetragon_core.workloads.model import Container
from tetragon_k8s.runtimes import http_socket
from tetragon_k8s.runtimes.docker import DockerRuntime
from tetragon_k8s.runtimes.runtime import Found, NotServedError, RuntimeFailedError

if TYPE_CHECKING:
    from pathlib import Path

WEB = container_id(1)
UID = "0a1b2c3d-0000-4000-8000-000000000001"
ROW: dict[str, Any] = {
    "Id": WEB,
    "Names": ["/web"],
    "Image": "nginx:1",
    "ImageID": "sha256:5",
    "Labels": {"app": "web"},
}


class FakeDocker:
    """Answers every question with the same, and remembers them."""

    def __init__(self, body: bytes, status: str = "200 OK", *, keeps: bool = True) -> None:
        self._body = body
        self._status = status
        self._keeps = keeps
        self.asked: list[str] = []
        self.connections = 0

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        self.connections += 1
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            self.asked.append(head.split()[1].decode())
            length = f"Content-Length: {len(self._body)}\r\n\r\n"
            writer.write(f"HTTP/1.1 {self._status}\r\n{length}".encode() + self._body)
            await writer.drain()
            if not self._keeps:
                return


def found(tmp_path: Path, docker: FakeDocker, path: str = f"/docker/{WEB}") -> Found | None:
    """What is known of a container by one question."""
    socket = tmp_path / "d.sock"

    async def run() -> Found | None:
        runtime = DockerRuntime(str(socket))
        async with peer(socket, docker.talk):
            try:
                return (await runtime.find([cgroup_at(path)])).get(7)
            finally:
                await runtime.close()

    return asyncio.run(run())


def test_a_container(tmp_path: Path) -> None:
    """Name, image and labels are those of the list."""
    docker = FakeDocker(json.dumps([ROW]).encode())

    answer = found(tmp_path, docker)

    assert answer == Found(
        container=Container(
            id=WEB,
            runtime="docker",
            name="web",
            image="nginx:1",
            image_id="sha256:5",
            labels={"app": "web"},
        )
    )
    query = parse_qs(urlsplit(docker.asked[0]).query)
    assert {"all": ["1"], "filters": [json.dumps({"id": [WEB]}, separators=(",", ":"))]} == query


@pytest.mark.parametrize("in_cgroup", [True, False], ids=["kubelet's", "an image's"])
def test_labels_do_not_make_a_pod(tmp_path: Path, *, in_cgroup: bool) -> None:
    """Labels that name a pod count only where the cgroup names the same pod."""
    labels = {
        "io.kubernetes.pod.uid": UID,
        "io.kubernetes.pod.name": "dns",
        "io.kubernetes.pod.namespace": "kube-system",
        "io.kubernetes.container.name": "dns",
    }
    path = f"/kubepods/pod{UID}/{WEB}" if in_cgroup else f"/docker/{WEB}"

    answer = found(tmp_path, FakeDocker(json.dumps([ROW | {"Labels": labels}]).encode()), path)

    assert answer is not None
    pod = answer.pod.namespace if answer.pod is not None else ""
    expected = ("dns", "kube-system") if in_cgroup else ("web", "")
    assert expected == (answer.container.name, pod)


@pytest.mark.parametrize(
    ("body", "status", "error"),
    [
        (b"[", "200 OK", RuntimeFailedError),
        (b"{}", "200 OK", RuntimeFailedError),
        (b"[" * 100_000, "200 OK", RuntimeFailedError),
        (b"[]", "500 Error", RuntimeFailedError),
        (b"no", "404 Not Found", NotServedError),
        (b" " * 1001, "200 OK", RuntimeFailedError),
    ],
    ids=["no JSON", "no list", "deep", "error", "not Docker", "long"],
)
def test_answers_that_are_none(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    body: bytes,
    status: str,
    error: type[RuntimeFailedError],
) -> None:
    """An answer that cannot be used is an error, whatever is wrong with it."""
    if body.isspace():
        monkeypatch.setattr(http_socket, "_MAX_REPLY_BYTES", 1000)

    with pytest.raises(error):
        found(tmp_path, FakeDocker(body, status))


@pytest.mark.parametrize(
    "row",
    [None, 1, {"Id": WEB}, {**ROW, "Names": [1], "Labels": {"a": 1}, "Image": []}],
    ids=["nothing", "a number", "no fields", "other types"],
)
def test_rows_of_any_shape(tmp_path: Path, row: object) -> None:
    """Fields that are missing or of other types are left out."""
    answer = found(tmp_path, FakeDocker(json.dumps([row]).encode()))

    assert answer is None or (answer.container.image, answer.container.labels) == ("", {})


@pytest.mark.parametrize("keeps", [True, False], ids=["kept", "closed"])
def test_the_connection_is_kept(tmp_path: Path, *, keeps: bool) -> None:
    """One connection serves all questions; one that the daemon closed is made again."""
    rows = [ROW | {"Id": container_id(number), "Names": [f"/n{number}"]} for number in (7, 8)]
    docker = FakeDocker(json.dumps(rows).encode(), keeps=keeps)
    socket = tmp_path / "d.sock"

    async def run() -> list[str]:
        names = []
        async with (
            peer(socket, docker.talk),
            asked_of(DockerRuntime(str(socket))) as asked,
        ):
            for number in (7, 8):
                asked.appear(number, f"/docker/{container_id(number)}")
                names.append(await asked.name(number))
        return names

    assert asyncio.run(run()) == ["n7", "n8"]
    assert docker.connections == (1 if keeps else 2)


def test_podmans_service(tmp_path: Path) -> None:
    """Podman's service answers for containers that Podman made, and Docker's for none of them."""
    socket = tmp_path / "p.sock"
    socket.touch()
    cgroup = cgroup_at(f"/libpod_parent/libpod-{WEB}")

    assert DockerRuntime(str(socket), "podman").claims(cgroup)
    assert not DockerRuntime(str(socket)).claims(cgroup)
