# SPDX-License-Identifier: Apache-2.0
"""Agent and runtimes that are killed and started again while containers are being started."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from runtimes.watching import Origin, start_many, watching

if TYPE_CHECKING:
    from pathlib import Path

    from runtimes.model import Runtime, Started

WITH_DAEMON = ("ctr_16", "ctr_2", "cri_17", "docker")
EACH = 6


@pytest.fixture
def runtime(request: pytest.FixtureRequest) -> Runtime:
    """The runtime that the test is run with."""
    found: Runtime = request.getfixturevalue(request.param)
    return found


@pytest.mark.parametrize("runtime", ["podman", "crun", "ctr_2", "cri_17", "docker"], indirect=True)
def test_agent_is_killed(runtime: Runtime, workload: Path, tmp_path: Path) -> None:
    """Containers started before, during and after: none is taken for another, and the end of each
    is told with its name, also if the agent did not see its start.
    """

    def start(name: str) -> Started:
        return runtime.start(name, "sleep", f"1000.{name.partition('-')[2]}")

    def names(first: int) -> list[str]:
        return [f"kill-{number}" for number in range(first, first + EACH)]

    with watching(tmp_path, workload / "finish", runtime) as watch, ThreadPoolExecutor() as pool:
        containers = start_many(start, names(100))
        watch.named([f"1000.{number}" for number in range(100, 100 + EACH)], "process_exec")
        during = pool.submit(start_many, start, names(200))
        watch.restart()
        containers |= during.result()
        containers |= start_many(start, names(300))
        rights = {
            f"1000.{name.partition('-')[2]}": Origin.of(one, runtime.kind)
            for name, one in containers.items()
        }
        for one in containers.values():
            runtime.remove(one)
        ended = watch.named(rights.keys(), "process_exit")
        said = watch.named(rights.keys() & _not_during(rights), "process_exec")
        told = {Origin.said(one) for one in watch.processes("process_exec", "process_exit")}

    assert {name: [right] for name, right in rights.items()} == ended
    assert {name: [rights[name]] for name in said} == said
    ids = {right.docker for right in rights.values()}
    assert {*rights.values()} == {one for one in told if one.docker in ids}


def _not_during(names: dict[str, Origin]) -> set[str]:
    return {name for name in names if not name.startswith("1000.2")}


@pytest.mark.parametrize("runtime", WITH_DAEMON, indirect=True)
def test_runtime_is_killed(runtime: Runtime, workload: Path, tmp_path: Path) -> None:
    """Containers that came up before the runtime's daemon was killed and after it was started
    again are all named; those that did not come up are taken for no other.
    """

    def start(name: str) -> Started | None:
        try:
            return runtime.start(name, "true", name)
        except Exception:  # noqa: BLE001  # of several clients, whose daemon has just been killed
            return None

    names = [f"cut-{number}" for number in range(3 * EACH)]
    with watching(tmp_path, workload / "finish", runtime) as watch, ThreadPoolExecutor(3) as pool:
        starting = [pool.submit(start, name) for name in names]
        starting[EACH].result()
        runtime.restart_daemon()
        containers = {
            name: container
            for name, work in zip(names, starting, strict=True)
            if (container := work.result()) is not None
        }
        rights = {name: Origin.of(one, runtime.kind) for name, one in containers.items()}
        said = watch.named(rights.keys(), "process_exec")
        ended = watch.named(rights.keys(), "process_exit")
        others = [
            Origin.said(one)
            for one in watch.processes("process_exec", "process_exit")
            if one.get("arguments", "") in {*names} - rights.keys()
        ]

    assert {name: [right] for name, right in rights.items()} == said
    assert {name: [right] for name, right in rights.items()} == ended
    assert not {one.docker for one in others} & {one.docker for one in rights.values()}
    assert set() == {one.name for one in others} & rights.keys()
    for container in containers.values():
        runtime.remove(container)
