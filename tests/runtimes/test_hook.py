# SPDX-License-Identifier: Apache-2.0
"""The hook as real runtimes start it, installed as a user installs it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from hook.agents import Agent, grpcio_agent
from tetragon_crio_hook.install import installer
from tetragon_crio_hook.install.place import Place

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from runtimes.bundles import Bundles
    from runtimes.containerd import Containerd
    from runtimes.cri import Cri
    from runtimes.docker import Docker
    from runtimes.podman import Podman

UID = "4c9f1974-5c46-44c2-b42f-3bbf0e98eef9"
SLEEP = ("sleep", "1000")


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Agent]:
    """A server that keeps what it is told."""
    with grpcio_agent(tmp_path) as agent:
        yield agent


def quiet(_: str) -> None:
    """Nobody listens."""


def place_in(tmp_path: Path, agent: Agent, **fields: Any) -> Place:
    """An installation whose hook calls the agent."""
    address = f"--grpc-address={agent.address}"
    return Place(directory=tmp_path / "opt", hook_arguments=(address,), **fields)


def told(agent: Agent) -> tuple[str, str]:
    """Id and cgroup of the one container that was announced."""
    (request,) = agent.requests
    container = request.createContainer
    return container.containerID, container.cgroupsPath


@pytest.mark.parametrize("name", ["podman", "podman_crun", "podman_pure"])
def test_podman(request: pytest.FixtureRequest, name: str, tmp_path: Path, agent: Agent) -> None:
    """Each container is announced once; refused ones do not start; uninstalled is quiet."""
    podman: Podman = request.getfixturevalue(name)
    place = place_in(tmp_path, agent, config_file=podman.hooks)
    installer.install("podman", place, quiet)
    started = podman.start(f"hooked-{name}", *SLEEP, options=("--annotation", "my=note"))
    container = agent.requests[0].createContainer
    podman.remove(started)
    agent.error = "not now"
    with pytest.raises(AssertionError, match="OCI runtime error"):
        podman.start(f"refused-{name}", *SLEEP)
    podman.run("rm", "--force", f"refused-{name}")
    installer.uninstall("podman", place, quiet)
    podman.remove(podman.start(f"after-{name}", *SLEEP))

    assert (started.id, "note") == (container.containerID, container.annotations["my"])
    assert container.cgroupsPath.endswith(f"/libpod-{started.id}")
    assert 2 == len(agent.requests)
    assert [] == list(podman.hooks.iterdir())


@pytest.mark.parametrize("name", ["runc", "crun"])
def test_every_stage(
    request: pytest.FixtureRequest, name: str, tmp_path: Path, agent: Agent
) -> None:
    """CRI-O's layout and annotations: createRuntime tells, the other stages only end well."""
    bundles: Bundles = request.getfixturevalue(name)
    place = place_in(tmp_path, agent)
    installer.install("crio", place_in(tmp_path, agent, config_file=tmp_path / "hooks"), quiet)
    stages = ("createRuntime", "createContainer", "poststop")
    hooks = {
        stage: [{"path": str(place.program), "args": place.command(stage)}] for stage in stages
    }
    annotations = {
        "io.kubernetes.cri-o.ContainerID": f"stages-{name}",
        "io.kubernetes.container.name": "web",
        "io.kubernetes.pod.name": "pod",
        "io.kubernetes.pod.uid": UID,
        "io.kubernetes.pod.namespace": "space",
    }
    cgroup = f"/tests/kubepods/besteffort/pod{UID}/crio-{name}"  # away from any kubelet
    started = bundles.start(
        f"stages-{name}", *SLEEP, cgroup=cgroup, annotations=annotations, hooks=hooks
    )
    container = agent.requests[0].createContainer
    bundles.remove(started)

    assert (f"stages-{name}", cgroup) == told(agent)
    assert ("web", "pod", UID, "space") == (
        container.containerName,
        container.podName,
        container.podUID,
        container.podNamespace,
    )
    messages = [json.loads(line)["msg"] for line in place.log.read_text().splitlines()]
    assert ["hook request to agent succeeded", "nothing to do"] == messages


@pytest.mark.parametrize("version", ["16", "17", "2"])
def test_containerd(
    request: pytest.FixtureRequest, version: str, tmp_path: Path, agent: Agent
) -> None:
    """A container of a pod is announced with its pod; the settings come back as they were."""
    daemon: Containerd = request.getfixturevalue(f"containerd_{version}")
    cri: Cri = request.getfixturevalue(f"cri_{version}")
    settings = daemon.directory / "config.toml"
    before = settings.read_bytes()
    base = tmp_path / "base.json"
    base.write_text(daemon.run("default", "oci", "spec"))
    place = place_in(tmp_path, agent, config_file=settings, base_spec=base)
    installer.install("containerd", place, quiet)
    daemon.restart()
    started = cri.start(f"hooked-{version}", *SLEEP)
    container = agent.requests[-1].createContainer
    cri.remove(started)
    installer.uninstall("containerd", place, quiet)
    daemon.restart()
    cri.remove(cri.start(f"after-{version}", *SLEEP))

    assert (f"hooked-{version}", f"pod-hooked-{version}") == (
        container.containerName,
        container.podName,
    )
    assert (started.id, started.image) == (container.containerID, container.containerImage)
    assert 1 == len(agent.requests)
    assert before == settings.read_bytes()


def test_docker(docker: Docker, tmp_path: Path, agent: Agent, commands: Path) -> None:
    """Containers of the runtime are announced, others are not."""
    settings = docker.directory / "daemon.json"
    place = place_in(tmp_path, agent, config_file=settings, runtime_path=commands / "runc")
    installer.install("docker", place, quiet)
    docker.restart_daemon()
    started = docker.start("hooked", *SLEEP, options=("--runtime", "tetragon"))
    docker.remove(started)
    docker.remove(docker.start("plain", *SLEEP))
    installer.uninstall("docker", place, quiet)
    docker.restart_daemon()

    assert (started.id, f"/docker/{started.id}") == told(agent)
    assert "{}" == settings.read_text()
