# SPDX-License-Identifier: Apache-2.0
"""The API server that all tests share, and how to get one of one's own."""

from __future__ import annotations

import subprocess
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from kubernetes.api_server import ApiServer, Refused
from kubernetes.objects import namespace, role

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT: Final = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def programs() -> Path:
    """Directory of etcd and kube-apiserver, got when they are not there."""
    made = subprocess.run(
        [ROOT / "tools/kubernetes"], check=True, stdout=subprocess.PIPE, text=True
    )
    return Path(made.stdout.strip())


@pytest.fixture(scope="session")
def kubelet_program() -> Path:
    """The kubelet, got when it is not there."""
    command = [str(ROOT / "tools/kubernetes"), "kubelet"]
    made = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return Path(made.stdout.strip()) / "kubelet"


@pytest.fixture(scope="session")
def cluster(programs: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """The shared one: use a namespace, and names, of your own in it; never stop it."""
    server = ApiServer(programs, tmp_path_factory.mktemp("cluster") / "api")
    try:
        prepare(server)
        yield server
    finally:
        server.stop()


@pytest.fixture
def new_cluster(programs: Path, tmp_path: Path) -> Iterator[Callable[..., ApiServer]]:
    """Starts one that only this test has; takes options of kube-apiserver. About 5 s."""
    servers: list[ApiServer] = []

    def start(*options: str) -> ApiServer:
        server = ApiServer(programs, tmp_path / f"api{len(servers)}", *options)
        servers.append(server)
        prepare(server)
        return server

    yield start
    for server in servers:
        server.stop()


def prepare(server: ApiServer) -> None:
    """Start it and enter the users' roles."""
    server.start()
    with suppress(Refused):  # the server makes it by itself, a little later
        server.create(namespace("default"))
    pods = {"apiGroups": [""], "resources": ["pods"], "verbs": ["list", "watch"]}
    server.create(*role("pod-readers", pods))
