# SPDX-License-Identifier: Apache-2.0
"""Processes and policies that mean no good: nothing is read that is not theirs, nothing is left."""

from __future__ import annotations

import ctypes
import json
import os
from typing import TYPE_CHECKING, Final

import pytest

from kernel.descriptors import open_descriptors
from kernel.policies import policy_engine, start
from tetragon_core.errors import LoadError
from tetragon_core.hooks import ArgumentValue

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kernel.policies import PolicyRun

LIBC: Final = ctypes.CDLL(None, use_errno=True)
OPENAT: Final = 257
KERNEL_TEXT: Final = 0xFFFF_FFFF_8100_0000
MODE: Final = 0o1357
AT_MOST: Final = 64
"""Programs at one tracepoint (BPF_TRACE_MAX_PROGS)."""


@pytest.fixture(scope="module")
def run() -> Iterator[PolicyRun]:
    """One engine for all tests."""
    with policy_engine() as engine:
        engine.engine.kernel.tracefs.has_event("syscalls", "sys_enter_openat")
        yield engine


def policy(hooks: list[dict[str, object]], section: str = "tracepoints") -> str:
    """A policy of these hooks; JSON is YAML, too."""
    return json.dumps(
        {
            "apiVersion": "cilium.io/v1alpha1",
            "kind": "TracingPolicy",
            "metadata": {"name": "hostile"},
            "spec": {section: hooks},
        }
    )


def openat(filters: list[dict[str, object]]) -> str:
    """Calls of openat with our mode."""
    return policy(
        [
            {
                "subsystem": "syscalls",
                "event": "sys_enter_openat",
                "args": [{"index": 6, "type": "string"}, {"index": 8, "type": "uint32"}],
                "selectors": [
                    {
                        "matchArgs": [
                            {"index": 8, "operator": "Equal", "values": [str(MODE)]},
                            *filters,
                        ]
                    }
                ],
            }
        ]
    )


def open_kernel_text() -> None:
    """Name an address of the kernel as a file's name, as any user may."""
    LIBC.syscall(OPENAT, -1, ctypes.c_void_p(KERNEL_TEXT), 0, MODE)


def test_addresses_of_the_kernel_are_not_read(run: PolicyRun) -> None:
    """An argument of a system call that points into the kernel is an error, not its content."""
    (hit,) = run.hits(openat([]), open_kernel_text)

    error = ArgumentValue("error_arg", {"Message": "Bad address for basic type"})
    assert (error, ArgumentValue("uint_arg", MODE)) == hit.arguments


@pytest.mark.parametrize("operator", ["Prefix", "NotPrefix", "NotEqual", "NotPostfix"])
def test_addresses_of_the_kernel_match_nothing(run: PolicyRun, operator: str) -> None:
    """No filter tells anything about what is at such an address."""
    text = openat([{"index": 6, "operator": operator, "values": ["/"]}])

    assert [] == run.hits(text, open_kernel_text)


def test_hits_of_a_policy_that_is_gone_are_counted(run: PolicyRun) -> None:
    """What was in the ring when its policy was unloaded makes no event, and a counter says so."""
    before = run.engine.counters()["ORPHANED"]
    with run.loaded(openat([])):
        os.waitpid(start(open_kernel_text), 0)

    run.sensor.drain(100_000)

    assert before + 1 == run.engine.counters()["ORPHANED"]


def test_what_cannot_be_attached_is_given_up(run: PolicyRun) -> None:
    """A policy with one hook more than a tracepoint takes leaves no program behind."""
    hook: dict[str, object] = {
        "subsystem": "syscalls",
        "event": "sys_enter_openat",
        "args": [{"index": 8, "type": "uint32"}],
        "selectors": [{"matchArgs": [{"index": 8, "operator": "Equal", "values": [str(MODE)]}]}],
    }
    before = open_descriptors()

    with pytest.raises(LoadError, match="64 programs are there already"):
        run.hits(policy([hook] * (AT_MOST + 1)), open_kernel_text)

    assert before == open_descriptors()
