# SPDX-License-Identifier: Apache-2.0
"""The table of system calls that can be denied inside names calls and hooks that there are."""

from __future__ import annotations

import pytest

from sensors.made_up_kernels import made_up
from tetragon_core.syscalls import number
from tetragon_sensors.policy.enforcing import inner_hooks, lsm_function
from tetragon_sensors.policy.inner_hooks import INNER_HOOKS


def test_calls() -> None:
    """Each is a system call of x86-64, which has the old ones too, by its function's name."""
    names = {"umount": "umount2"}

    assert [] == [name for name in INNER_HOOKS if number("x64", names.get(name, name)) is None]


def test_hooks() -> None:
    """Each is an LSM hook that can say no."""
    kernel = made_up()
    names = sorted({hook for hooks in INNER_HOOKS.values() for hook in hooks})
    found = {name: lsm_function(kernel, name) for name in names}

    assert [] == [name for name, one in found.items() if one is None or not one.return_type_id]


@pytest.mark.parametrize("call", ["open", "openat", "openat2", "dup", "dup2", "close", "getpid"])
def test_calls_that_are_not_covered(call: str) -> None:
    """What takes effect without any hook, on some way through it, must not be in the table."""
    assert call not in INNER_HOOKS


def test_all_or_none() -> None:
    """A kernel that lacks one of a call's hooks cannot deny the call inside."""
    kernel = made_up()
    whole = inner_hooks(kernel, "__x64_sys_unlinkat")

    lacking = made_up()
    lacking.btf = _Without(lacking.btf, "bpf_lsm_inode_rmdir")  # type: ignore[assignment]  # all that is asked of it

    assert ["bpf_lsm_inode_unlink", "bpf_lsm_inode_rmdir"] == [one.name for one in whole]
    assert inner_hooks(lacking, "__x64_sys_unlinkat") == ()


class _Without:
    """Types without one function."""

    def __init__(self, btf: object, name: str) -> None:
        self._btf, self._name = btf, name

    def find_function(self, name: str) -> object:
        return None if name == self._name else self._btf.find_function(name)  # type: ignore[attr-defined]  # a Btf
