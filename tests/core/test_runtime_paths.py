# SPDX-License-Identifier: Apache-2.0
"""cgroupsPath as runtimes are given it."""

from __future__ import annotations

import pytest

from tetragon_core.errors import TetragonError
from tetragon_core.workloads.runtime_paths import cgroup_path


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("/kubepods/pod1/c1", "/kubepods/pod1/c1"),
        ("a-b-c.slice:p:n", "/a.slice/a-b.slice/a-b-c.slice/p-n.scope"),
        ("a.slice:p:b.slice", "/a.slice/b.slice"),
        ("-.slice:p:n", "/p-n.scope"),
    ],
)
def test_forms_of_cgroup_paths(given: str, expected: str) -> None:
    """A path stays, a unit becomes one."""
    assert expected == cgroup_path(given)


@pytest.mark.parametrize("given", ["", "x", "a:b", "a:b:c:d", "a--b.slice:p:n", "a:p:n"])
def test_no_cgroup_path(given: str) -> None:
    """Nothing is guessed."""
    with pytest.raises(TetragonError):
        cgroup_path(given)
