# SPDX-License-Identifier: Apache-2.0
"""Sensor and engine that the tests of a module share: loading takes seconds in an emulator."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from kernel.policies import policy_engine
from kernel.recorder import recording
from tetragon_core.cgroups import pick_hierarchy
from tetragon_sensors.base import SensorConfig

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kernel.policies import PolicyRun
    from kernel.recorder import Recorder
    from tetragon_core.cgroups import Hierarchy


@pytest.fixture(scope="session")
def hierarchy() -> Hierarchy:
    """The cgroup hierarchy that the agent would report on this host."""
    return pick_hierarchy(Path("/proc/cgroups").read_text(), Path("/proc/mounts").read_text())


@pytest.fixture(scope="module")
def shared_recorder(hierarchy: Hierarchy) -> Iterator[Recorder]:
    """One sensor for a module's tests."""
    with recording(SensorConfig(hierarchy=hierarchy)) as recorder:
        yield recorder


@pytest.fixture
def recorder(shared_recorder: Recorder) -> Iterator[Recorder]:
    """A recorder that loses nothing during the test."""
    yield shared_recorder
    assert {} == shared_recorder.losses()


@pytest.fixture(scope="module")
def run() -> Iterator[PolicyRun]:
    """One engine for a module's tests; at its end nothing may have been lost."""
    with policy_engine() as engine:
        yield engine


@pytest.fixture
def count(pytestconfig: pytest.Config) -> int:
    """How many processes in a row: fewer where all is emulated, 20 to 50 times slower."""
    level = pytestconfig.getoption("--level") or ""
    return 500 if level.startswith("vm-") else 10_000


@pytest.fixture
def program(workload: Path) -> Path:
    """The program whose functions are probed."""
    return workload / "called"
