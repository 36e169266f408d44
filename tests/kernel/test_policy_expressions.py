# SPDX-License-Identifier: Apache-2.0
"""Expressions on the arguments of a system call decide which calls are reported."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from kernel.seeking import MARK
from tetragon_core.policy.problems import PolicyError

if TYPE_CHECKING:
    from kernel.policies import PolicyRun

OFFSETS = (MARK - 1, MARK, MARK + 1, MARK + (1 << 32))


def policy(expression: str) -> str:
    """Calls of lseek that the expression wants."""
    return f"""
apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata: {{name: expressions}}
spec:
  tracepoints:
  - subsystem: syscalls
    event: sys_enter_lseek
    args: [{{index: 6, type: int64}}, {{index: 7, type: uint32}}]
    selectors:
    - matchArgs: [{{index: 6, operator: CelExpr, values: ["{expression}"]}}]
"""


def seek() -> None:
    """All offsets, from the start."""
    fd = os.open("/proc/self/exe", os.O_RDONLY)
    for offset in OFFSETS:
        os.lseek(fd, offset, os.SEEK_SET)
    os.close(fd)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        (f"arg0 == {MARK}", [MARK]),
        (f"arg0 - 1 >= {MARK}", [MARK + 1, MARK + (1 << 32)]),
        (f"int32(arg0) == {MARK} && arg1 == 0", [MARK, MARK + (1 << 32)]),
        (f"int32(arg0) == {MARK} && arg1 == 1", []),
        (f"arg0 + int64(arg1) == {MARK} || xor(arg0, {MARK}) == 1", [MARK, MARK + 1]),
        (f"!(arg0 > {MARK}) && and(arg0, 1) == 0 && arg0 > {MARK - 2}", [MARK]),
    ],
)
def test_offsets(run: PolicyRun, expression: str, expected: list[int]) -> None:
    """What the expression wants is reported, its neighbours are not."""
    with run.loaded(policy(expression)):
        hits = run.hits_of(seek)

    offsets = [hit.arguments[0].value for hit in hits]
    assert expected == [one for one in offsets if one in OFFSETS]


def test_refused(run: PolicyRun) -> None:
    """An expression that the types do not allow keeps the policy from being loaded."""
    loading = run.loaded(policy("arg0 == arg1"))

    with pytest.raises(PolicyError, match="between int64 and uint32"):
        loading.__enter__()
