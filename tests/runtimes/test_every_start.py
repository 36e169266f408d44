# SPDX-License-Identifier: Apache-2.0
"""The very first process of every container says which container and which image it is of."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest

from runtimes.watching import Origin, start_many, watching

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from runtimes.model import Runtime, Started

RUNTIMES = (
    *("podman", "podman_crun", "podman_pure", "runc", "crun", "runc_pure"),
    *("ctr_16", "ctr_17", "ctr_2", "cri_16", "cri_17", "cri_2", "docker"),
)


@pytest.fixture
def runtime(request: pytest.FixtureRequest) -> Runtime:
    """The runtime that the test is run with."""
    found: Runtime = request.getfixturevalue(request.param)
    return found


@pytest.mark.parametrize("runtime", RUNTIMES, indirect=True)
def test_first_processes(
    request: pytest.FixtureRequest,
    runtime: Runtime,
    workload: Path,
    tmp_path: Path,
    starts: int,
    record_testsuite_property: Callable[[str, object], None],
) -> None:
    """Exec and exit of each container's only process have its id, name and image, and no other."""
    some = uuid.uuid4().hex[:8]  # others may run these tests on this machine meanwhile
    names = [f"start-{some}-{number}" for number in range(starts)]

    def start(name: str) -> Started:
        return runtime.start(name, "true", name)

    with watching(tmp_path, workload / "finish", runtime) as watch:
        containers = start_many(start, names)
        execs = watch.named(names, "process_exec")
        exits = watch.named(names, "process_exit")
        delay_ms = round(watch.longest_delay_s(names) * 1000)
        record_testsuite_property(f"longest delay in ms, {request.node.name}", delay_ms)
        all_said = {Origin.said(one) for one in watch.processes("process_exec", "process_exit")}

    right = {name: Origin.of(one, runtime.kind) for name, one in containers.items()}
    assert {name: [one] for name, one in right.items()} == execs
    assert {name: [one] for name, one in right.items()} == exits
    # Others may run containers on this machine meanwhile.
    ids = {one.docker for one in right.values()}
    assert {*right.values()} == {one for one in all_said if one.docker in ids}
