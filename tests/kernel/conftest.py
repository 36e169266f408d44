# SPDX-License-Identifier: Apache-2.0
"""The sensor that the tests of one module share: loading takes seconds on an emulated machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from kernel.recorder import recording
from tetragon_core.cgroups import pick_hierarchy
from tetragon_sensors.base import SensorConfig

if TYPE_CHECKING:
    from collections.abc import Iterator

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
