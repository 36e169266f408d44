# SPDX-License-Identifier: Apache-2.0
"""The agent as a plugin of containerd: told of every container, asking nobody."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from kernel.agents import wait
from runtimes.images import NAME
from runtimes.watching import Watch

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from runtimes.cri import Cri


@pytest.fixture
def cri(request: pytest.FixtureRequest) -> Cri:
    """Containerd with NRI."""
    found: Cri = request.getfixturevalue(request.param)
    return found


@contextmanager
def plugged_in(directory: Path, finish: Path, cri: Cri) -> Iterator[Watch]:
    """An agent that is registered, and has no other source."""
    socket = str(cri.daemon.nri_socket)
    watch = Watch(
        directory, finish, "--container-runtimes", "", "--enable-nri", "--nri-socket", socket
    )
    try:
        await_registered(directory, 1)
        yield watch
    finally:
        watch.end()


def await_registered(directory: Path, times: int) -> None:
    """Return when the agent's log says so often that the runtime took it."""
    log = directory / "log"
    wait(lambda: log.read_text().count("NRI: registered") >= times, "the registration")


def pods_of(watch: Watch, name: str) -> list[dict[str, Any]]:
    """Pods that events of programs with this only argument show."""
    return [
        one.get("pod", {})
        for one in watch.processes("process_exec")
        if one.get("arguments", "") == name
    ]


@pytest.mark.parametrize("cri", ["cri_17", "cri_2"], indirect=True)
def test_the_first_process_is_named(cri: Cri, workload: Path, tmp_path: Path) -> None:
    """With the pod, its labels, the container and its image."""
    with plugged_in(tmp_path, workload / "finish", cri) as watch:
        started = cri.start("nri-1", "sleep", "1001", labels={"app": "web"})
        wait(lambda: bool(pods_of(watch, "1001")), "the container's event")
        (pod,) = pods_of(watch, "1001")
        cri.remove(started)

    assert ("pod-nri-1", "spaces", "web") == (
        pod["name"],
        pod["namespace"],
        pod["pod_labels"]["app"],
    )
    assert (f"containerd://{started.id}", "nri-1", NAME) == (
        *(pod["container"]["id"], pod["container"]["name"], pod["container"]["image"]["name"]),
    )


@pytest.mark.parametrize("cri", ["cri_2"], indirect=True)
def test_without_the_agent_containers_start(cri: Cri, workload: Path, tmp_path: Path) -> None:
    """Killed, it is no plugin any more; the next one is told what runs already."""
    with plugged_in(tmp_path, workload / "finish", cri) as watch:
        watch.agent.send_signal(signal.SIGKILL)
        watch.agent.wait()
        started = cri.start("nri-2", "sleep", "1000")
        watch.restart()
        await_registered(tmp_path, 1)
        cri.execute(started, "true", "nri-2")
        wait(lambda: bool(pods_of(watch, "nri-2")), "the event of a command in the container")
        (pod,) = pods_of(watch, "nri-2")
        cri.remove(started)

    assert ("pod-nri-2", "nri-2") == (pod["name"], pod["container"]["name"])


@pytest.mark.parametrize("cri", ["cri_2"], indirect=True)
def test_containerd_is_started_again(cri: Cri, workload: Path, tmp_path: Path) -> None:
    """The plugin registers anew, and is told of what starts then."""
    with plugged_in(tmp_path, workload / "finish", cri) as watch:
        cri.restart_daemon()
        await_registered(tmp_path, 2)
        started = cri.start("nri-3", "sleep", "1003")
        wait(lambda: bool(pods_of(watch, "1003")), "the container's event")
        (pod,) = pods_of(watch, "1003")
        cri.remove(started)

    assert "nri-3" == pod["container"]["name"]


@pytest.mark.parametrize("cri", ["cri_2"], indirect=True)
def test_an_agent_that_hangs(cri: Cri, workload: Path, tmp_path: Path) -> None:
    """Containers start all the same; when it goes on it registers anew and is told of them."""
    with plugged_in(tmp_path, workload / "finish", cri) as watch:
        watch.agent.send_signal(signal.SIGSTOP)
        first = cri.start("nri-4", "sleep", "1004")
        second = cri.start("nri-5", "sleep", "1005")
        watch.agent.send_signal(signal.SIGCONT)
        await_registered(tmp_path, 2)
        cri.execute(second, "true", "nri-5")
        wait(lambda: bool(pods_of(watch, "nri-5")), "the event of a command in the container")
        (pod,) = pods_of(watch, "nri-5")
        cri.remove(first)
        cri.remove(second)

    assert "nri-5" == pod["container"]["name"]
