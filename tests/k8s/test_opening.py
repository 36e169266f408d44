# SPDX-License-Identifier: Apache-2.0
"""Which runtimes are asked, by the option's words and by what the host has."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from k8s.asked import container_id
from tetragon_core.cgroups import V2
from tetragon_core.errors import UsageError
from tetragon_core.workloads.cgroup_table import CgroupTable
from tetragon_core.workloads.table import WorkloadTable
from tetragon_k8s.runtimes.opening import Host, Runtimes

if TYPE_CHECKING:
    from pathlib import Path

_QUIET = """
import asyncio, sys
from tetragon_core.cgroups import V2
from tetragon_core.workloads.cgroup_table import CgroupTable
from tetragon_core.workloads.table import WorkloadTable
from tetragon_k8s.runtimes.opening import Host, Runtimes
table = WorkloadTable(CgroupTable())
runtimes = Runtimes(["auto"], "", Host("/none", "/none", "/none", V2), table, 3)
asyncio.run(runtimes.start())
table.cgroups.add(7, "/docker/" + "a" * 64)
heavy = ("tetragon_k8s.", "google", "grpc", "http")
print(*(name for name in sys.modules if name.startswith(heavy)))
"""


def sources(words: list[str], root: Path, *paths: str, cri: str | None = "") -> int:
    """How many runtimes are asked after these cgroups were made."""

    async def run() -> int:
        table = WorkloadTable(CgroupTable())
        host = Host(str(root), "/none", "/none", V2)
        runtimes = Runtimes(words, cri, host, table, 3.0)
        await runtimes.start()
        for number, path in enumerate(paths, 7):
            table.cgroups.add(number, path)
        count = len(table.sources) - 1
        await runtimes.close()
        assert table.sources == []
        return count

    return asyncio.run(run())


def test_nothing_is_imported_for_runtimes_that_are_not_there() -> None:
    """A host without sockets and states costs the agent no module besides this one."""
    told = subprocess.run(
        [sys.executable, "-c", _QUIET], capture_output=True, text=True, check=True
    ).stdout.split()

    assert told == ["tetragon_k8s.runtimes", "tetragon_k8s.runtimes.opening"]


@pytest.mark.parametrize(
    ("words", "expected"),
    [(["auto"], 5), (["cri"], 2), (["docker", "podman"], 1), (["runc"], 0)],
)
def test_usual_places(tmp_path: Path, words: list[str], expected: int) -> None:
    """Of the runtimes that are wanted those are asked whose socket exists."""
    for one in (
        "run/containerd/containerd.sock",
        "run/k3s/containerd/containerd.sock",
        "run/docker.sock",
    ):
        path = tmp_path / one
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()

    assert expected == sources(words, tmp_path, f"/docker/{container_id(1)}")


@pytest.mark.parametrize("cri", [None, ""])
@pytest.mark.parametrize("word", ["cri=/none", "cri=unix:///none"])
def test_cri_can_be_switched_off(tmp_path: Path, word: str, cri: str | None) -> None:
    """Without enable-cri no word brings it."""
    (tmp_path / "c.sock").touch()
    words = [word.replace("/none", str(tmp_path / "c.sock"))]

    assert (cri is not None) == sources(words, tmp_path, f"/{container_id(1)}", cri=cri)


def test_the_endpoint_of_cri(tmp_path: Path) -> None:
    """cri-endpoint stands for the usual places."""
    (tmp_path / "c.sock").touch()
    endpoint = f"unix://{tmp_path}/c.sock"

    assert sources(["auto"], tmp_path, f"/{container_id(1)}", cri=endpoint) == 1


def test_the_host_of_processes_asks_nobody(tmp_path: Path) -> None:
    """Cgroups that are no containers open nothing."""
    (tmp_path / "run").mkdir()
    (tmp_path / "run/docker.sock").touch()

    assert sources(["docker", "podman"], tmp_path, "/system.slice", "/user.slice/a.scope") == 0


@pytest.mark.parametrize("word", ["lxd", "docker=here", "cri=tcp://1.2.3.4", ""])
def test_words_that_are_none(tmp_path: Path, word: str) -> None:
    """A word that says nothing is refused, with what could be meant."""
    with pytest.raises(UsageError):
        sources([word], tmp_path)
