# SPDX-License-Identifier: Apache-2.0
"""crun, whose state comes after the cgroup, and cgroups that are older than the agent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tetragon_core.workloads.cgroup_table import Cgroup
from tetragon_k8s.runtimes.oci_state import OciRuntime

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("is_old", [False, True])
def test_only_a_new_cgroup_may_be_one_being_made(tmp_path: Path, is_old: bool) -> None:  # noqa: FBT001  # a parameter of the test
    """Of an old one crun would have written a state long ago: its events wait for nothing."""
    runtime = OciRuntime("crun", str(tmp_path), "", "/sys/fs/cgroup")
    cgroup = Cgroup(id=7, path="/jobs", container_id="", pod_uid="", top=None, is_old=is_old)

    assert runtime.claims(cgroup) is not is_old
