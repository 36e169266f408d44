# SPDX-License-Identifier: Apache-2.0
"""Containers of runc and crun alone, from the state these keep."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest

from k8s.asked import asked_of, cgroup_at, container_id
from tetragon_core.workloads.model import HOST, Container
from tetragon_k8s.runtimes.oci_state import OciRuntime

if TYPE_CHECKING:
    from pathlib import Path

IMAGE = "org.opencontainers.image.ref.name"
RUNC = {
    "cgroup_paths": {"": "/sys/fs/cgroup/unified/jobs/a", "memory": "/sys/fs/cgroup/memory/jobs/a"},
    "config": {"labels": [f"{IMAGE}=nginx:1", "bundle=/b", 5]},
}
FILES = {"runc": "state.json", "crun": "status"}


def runtime_of(kind: str, root: Path) -> OciRuntime:
    """On a host with version 1."""
    return OciRuntime(kind, str(root), "memory", "/sys/fs/cgroup/memory")


def make(root: Path, kind: str, name: str, content: object = None) -> None:
    """A container's state; without a content it is about to be written."""
    (root / name).mkdir(parents=True, exist_ok=True)
    if content is not None:
        text = content if isinstance(content, str) else json.dumps(content)
        (root / name / FILES[kind]).write_text(text)


def state_of(kind: str, tmp_path: Path) -> object:
    """Of a container of nginx in /jobs/a."""
    if kind == "runc":
        return RUNC
    (tmp_path / "config.json").write_text(json.dumps({"annotations": {IMAGE: "nginx:1"}}))
    return {"cgroup-path": "/jobs/a/container", "bundle": str(tmp_path)}


@pytest.mark.parametrize("kind", ["runc", "crun"])
@pytest.mark.parametrize("order", ["runs already", "is being made"])
def test_a_container(tmp_path: Path, kind: str, order: str) -> None:
    """A container is known by its cgroup, before its state is written too."""
    root = tmp_path / "state"
    make(root, kind, "web", state_of(kind, tmp_path) if order == "runs already" else None)

    async def run() -> Container | None:
        async with asked_of(runtime_of(kind, root)) as asked:
            asked.appear(7, "/jobs/a")
            make(root, kind, "web", state_of(kind, tmp_path))
            return (await asked.workload(7)).container

    assert asyncio.run(run()) == Container(id="web", runtime=kind, name="web", image="nginx:1")


def test_another_cgroup_meanwhile(tmp_path: Path) -> None:
    """What is made while a container is being made is the host's, as soon as that is known."""
    make(tmp_path, "runc", "web")

    async def run() -> bool:
        async with asked_of(runtime_of("runc", tmp_path)) as asked:
            asked.appear(8, "/jobs/b")
            make(tmp_path, "runc", "web", RUNC)
            return await asked.workload(8) is HOST

    assert asyncio.run(run())


def test_a_container_that_was_never_made(tmp_path: Path) -> None:
    """A directory that is left behind without state stops nobody's events, after a while."""
    make(tmp_path, "runc", "left")
    now = 0.0
    runtime = OciRuntime("runc", str(tmp_path), "", "/sys/fs/cgroup", clock_s=lambda: now)
    at_first = runtime.claims(cgroup_at("/jobs/b"))
    now = 60.0

    assert at_first
    assert not runtime.claims(cgroup_at("/jobs/b"))


@pytest.mark.parametrize(
    "path",
    [
        "/system.slice/ssh.service",
        f"/libpod_parent/libpod-{container_id(1)}",
        "/kubepods/pod0a1b2c3d-0000-4000-8000-000000000001/crio-x",
    ],
)
@pytest.mark.parametrize("kind", ["runc", "crun"])
def test_cgroups_of_others(tmp_path: Path, kind: str, path: str) -> None:
    """What others made by runc or crun, and systemd's units, are not theirs alone."""
    make(tmp_path, kind, "web")

    assert not runtime_of(kind, tmp_path).claims(cgroup_at(path))


def test_no_state_at_all(tmp_path: Path) -> None:
    """Where the runtime never ran nothing is its."""
    assert not runtime_of("crun", tmp_path / "none").claims(cgroup_at("/jobs/a"))


@pytest.mark.parametrize("kind", ["runc", "crun"])
@pytest.mark.parametrize(
    "content",
    [
        [],
        {},
        {"cgroup_paths": [], "config": 5},
        {"cgroup_paths": {"memory": 5}, "config": {"labels": {}}},
        {"cgroup_paths": {"memory": "/etc"}},
        {"cgroup-path": 5, "bundle": 5},
        {"cgroup-path": "/", "bundle": "/none"},
    ],
)
def test_states_of_any_content(tmp_path: Path, kind: str, content: Any) -> None:
    """A state without the fields that are needed is nobody's."""
    make(tmp_path, kind, "web", content)
    runtime = runtime_of(kind, tmp_path)
    runtime.start()

    assert asyncio.run(runtime.find([cgroup_at("/jobs/a")])).get(7) is None


def test_states_of_engines(tmp_path: Path) -> None:
    """Podman's containers, which have their state in the same place, hold up nobody's events."""
    make(tmp_path, "runc", container_id(1))

    assert not runtime_of("runc", tmp_path).claims(cgroup_at("/jobs/a"))
