# SPDX-License-Identifier: Apache-2.0
"""Containers of Podman, from its storage and from the arguments of its monitors."""

from __future__ import annotations

import asyncio
import json
import os
from typing import TYPE_CHECKING, Any

import pytest

from k8s.asked import cgroup_at, container_id
from tetragon_core.workloads.model import Container
from tetragon_k8s.runtimes import files
from tetragon_k8s.runtimes.podman import PodmanRuntime

if TYPE_CHECKING:
    from pathlib import Path

WEB = container_id(1)
CGROUP = f"/machine.slice/libpod-{WEB}.scope"
METADATA = {"image-name": "localhost/nginx:1", "image-id": "5" * 64, "name": "web"}
ROW: dict[str, Any] = {"id": WEB, "names": ["web"], "metadata": json.dumps(METADATA)}
EXPECTED = Container(
    id=WEB, runtime="podman", name="web", image="localhost/nginx:1", image_id="5" * 64
)


def store(root: Path, content: object, file: str = "overlay-containers/containers.json") -> None:
    """Write a file of a storage; bytes as they are."""
    path = root / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())


def monitor(
    host: Path,
    bundle: str,
    *,
    name: str = "conmon",
    inside: str = "",
    of: tuple[str, str] = ("/machine.slice", WEB),
) -> None:
    """A container's first process, whose parent is its monitor; `of`: place and id."""
    place, of_id = of
    procs = host / f"cgroup{place}/libpod-{of_id}.scope{inside}/cgroup.procs"
    procs.parent.mkdir(parents=True)
    procs.write_text("30\n31\n")
    for pid, parent, command in (
        (30, 20, ["/bin/sh"]),
        (20, 1, [f"/usr/bin/{name}", "-c", of_id, "-b", bundle, "-n", "web"]),
    ):
        process = host / f"proc/{pid}"
        process.mkdir(parents=True)
        (process / "stat").write_text(f"{pid} (a) b) S {parent} 1 1")
        (process / "cmdline").write_bytes("\0".join(command).encode() + b"\0")


def found(host: Path, path: str = CGROUP) -> Container | None:
    """What is known of the container; the usual storage is `root`."""
    runtime = PodmanRuntime([f"{host}/root"], f"{host}/cgroup", f"{host}/proc", "")
    answer = asyncio.run(runtime.find([cgroup_at(path)])).get(7)
    return answer.container if answer is not None else None


@pytest.mark.parametrize("file", ["containers.json", "volatile-containers.json"])
@pytest.mark.parametrize("driver", ["overlay", "vfs"])
def test_a_container_of_the_usual_storage(tmp_path: Path, driver: str, file: str) -> None:
    """The storage tells name and image, whatever its driver."""
    store(tmp_path / "root", [{}, ROW], f"{driver}-containers/{file}")

    assert found(tmp_path) == EXPECTED


@pytest.mark.parametrize("inside", ["", "/container"], ids=["runc", "crun with systemd"])
def test_a_container_of_another_storage(tmp_path: Path, inside: str) -> None:
    """The monitor tells where the storage is: that of a user, or of --root."""
    store(tmp_path / "home", [ROW])
    monitor(tmp_path, f"{tmp_path}/home/overlay-containers/{WEB}/userdata", inside=inside)

    assert found(tmp_path) == EXPECTED


def test_a_storage_of_a_user_is_for_the_containers_of_that_user(tmp_path: Path) -> None:
    """Anybody can run a "monitor", and list containers of others in a storage: nobody believes it,
    not when their own storage has them, nor when none has.
    """
    liar, theirs = container_id(2), container_id(3)
    lies = [{"id": one, "names": ["lie"]} for one in (WEB, liar, theirs)]
    store(tmp_path / "home", lies)
    store(tmp_path / "root", [ROW])
    place = "/user.slice/user-1000.slice"
    monitor(tmp_path, f"{tmp_path}/home/overlay-containers/{liar}/userdata", of=(place, liar))
    runtime = PodmanRuntime([f"{tmp_path}/root"], f"{tmp_path}/cgroup", f"{tmp_path}/proc", "")

    async def name(path: str) -> str:
        found = (await runtime.find([cgroup_at(path)])).get(7)
        return found.container.name if found is not None else ""

    async def names() -> list[str]:
        first = await name(f"{place}/libpod-{liar}.scope")
        return [first, await name(CGROUP), await name(f"/machine.slice/libpod-{theirs}.scope")]

    assert ["lie", "web", ""] == asyncio.run(names())


def test_a_storage_of_a_user_is_small(tmp_path: Path) -> None:
    """Users cannot make the agent read what it has no room for; the name is the monitor's then."""
    store(tmp_path / "home", [ROW, {"x": "y" * (1 << 19)}])
    monitor(tmp_path, f"{tmp_path}/home/overlay-containers/{WEB}/userdata")

    assert Container(id=WEB, runtime="podman", name="web") == found(tmp_path)


@pytest.mark.parametrize(
    "bundle", ["", "/x", f"/../../etc/overlay-containers/{WEB}/userdata", f"/a/b/{WEB}/userdata"]
)
def test_a_container_without_a_storage(tmp_path: Path, bundle: str) -> None:
    """Of a container that no storage has the monitor tells the name."""
    monitor(tmp_path, bundle)

    assert found(tmp_path) == Container(id=WEB, runtime="podman", name="web")


def test_who_is_no_monitor(tmp_path: Path) -> None:
    """Only a process called conmon is believed."""
    monitor(tmp_path, "", name="sh")

    assert found(tmp_path) is None


def test_a_file_is_read_again_when_it_changes(tmp_path: Path) -> None:
    """A container that is new in a file which was read before is found."""
    root = tmp_path / "root"
    runtime = PodmanRuntime([str(root)], "/none", "/none", "")
    cgroup = cgroup_at(CGROUP)
    store(root, [])
    before = asyncio.run(runtime.find([cgroup]))
    store(root, [ROW], "overlay-containers/new")
    (root / "overlay-containers/new").replace(root / "overlay-containers/containers.json")

    after = asyncio.run(runtime.find([cgroup]))

    assert before == {}
    assert after[7] is not None


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[" * 100_000,
        b"\xff\xfe",
        {},
        [1, None, {"id": [WEB]}],
        [ROW | {"metadata": "{", "names": None}],
        [ROW | {"metadata": 5, "names": "x"}],
        [ROW | {"metadata": "[]", "names": []}],
    ],
    ids=["empty", "deep", "bytes", "object", "others", "no metadata", "a number", "a list"],
)
def test_files_of_any_content(tmp_path: Path, content: object) -> None:
    """A storage that cannot be read has no containers, and nothing else happens."""
    store(tmp_path / "root", content)

    assert found(tmp_path) is None


@pytest.mark.parametrize("kind", ["link", "pipe", "directory", "large"])
def test_files_of_other_kinds(tmp_path: Path, kind: str) -> None:
    """Only regular files of a bounded size are read: no links, no pipes that block."""
    store(tmp_path / "elsewhere", [ROW])
    path = tmp_path / "root/overlay-containers/containers.json"
    path.parent.mkdir(parents=True)
    match kind:
        case "link":
            path.symlink_to(tmp_path / "elsewhere/overlay-containers/containers.json")
        case "pipe":
            os.mkfifo(path)
        case "directory":
            path.mkdir()
        case _:
            with path.open("wb") as file:
                file.truncate(33 << 20)

    assert found(tmp_path) is None
    with pytest.raises(OSError, match=r"."):
        files.read_file(str(path), 32 << 20)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (CGROUP, True),
        (f"/libpod_parent/libpod-{WEB}", True),
        (f"/system.slice/web.service/libpod-payload-{WEB}", True),
        (f"/libpod_parent/libpod-conmon-{WEB}.scope", False),
        (f"/docker/{WEB}", False),
        ("/libpod_parent/conmon", False),
    ],
)
def test_whose_container_it_is(path: str, *, expected: bool) -> None:
    """Podman's containers are known by the names of their cgroups."""
    assert expected is PodmanRuntime([], "/none", "/none", "").claims(cgroup_at(path))
