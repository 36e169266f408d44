# SPDX-License-Identifier: Apache-2.0
"""Where the kernel skips a program that enforces, another acts in its place."""

from __future__ import annotations

import os
import signal
from contextlib import ExitStack, contextmanager
from errno import EPERM
from typing import TYPE_CHECKING, Final

import pytest

from kernel.policies import policy_engine
from kernel.successive import FORBIDDEN, POLICY, attempt
from policy_texts import policy
from tetragon_sensors.kernel.maps import MapKind, MapSpec, create_map

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KILLS: Final = 500
DENIALS: Final = 20_000
"""Not one process each, so that many are made in the time that a process has the processor."""
ENTRIES: Final = 1000
POLICIES: Final = 14
"""With three guards each more than the 38 programs that a function has room for."""
DENIED: Final = """
    kprobes:
    - call: sys_symlinkat
      syscall: true
      args: [{{index: 0, type: string}}]
      selectors:
      - matchPIDs: [{{operator: In, values: [{pid}]}}]
        matchArgs: [{{index: 0, operator: Equal, values: [forbidden]}}]
        matchActions: [{{action: Override, argError: -1}}]
    """


@contextmanager
def changing_maps() -> Iterator[None]:
    """Somebody changes a map all the time: kprobes are skipped while that is preempted."""
    spec = MapSpec(kind=MapKind.HASH, max_entries=ENTRIES, name="busy")
    items = [(number.to_bytes(4, "little"), bytes(4)) for number in range(ENTRIES)]
    with create_map(spec) as table:
        child = os.fork()
        while not child:
            table.update_many(items)
        try:
            yield
        finally:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


def test_all_are_killed() -> None:
    """By a kprobe or whatever acts for it."""
    with policy_engine() as run, run.loaded(POLICY.format(number=FORBIDDEN, more="")) as loaded:
        with changing_maps():
            ended = attempt(KILLS)
        counters = loaded.counters()

    assert {signal.SIGKILL} == ended
    assert 0 == counters["missed"]
    assert counters["signal"] >= KILLS  # who is switched in the middle may get two


def test_many_policies_at_a_function() -> None:
    """Whether or not there is room for the guards of all, each is loaded and acts."""
    text = POLICY.format(number=FORBIDDEN, more="")
    with policy_engine() as run, ExitStack() as stack:
        several = [stack.enter_context(run.loaded(text)) for _ in range(POLICIES)]
        ended = attempt()
        counted = [one.counters()["attempts"] for one in several]

    assert ({signal.SIGKILL}, [1] * POLICIES) == (ended, counted)


def test_all_are_denied(tmp_path: Path) -> None:
    """Inside the call, by what a kprobe or whatever acts for it has decided."""
    directory = os.open(tmp_path, os.O_RDONLY)
    errors = set()
    with policy_engine() as run:
        if not run.engine.kernel.abilities.can_lsm:
            pytest.skip("needs BPF among the security modules: this kernel does not have it")
        with run.loaded(policy(DENIED.format(pid=os.getpid()))), changing_maps():
            for _ in range(DENIALS):
                errors.add(error_of_symlink(directory))
    os.close(directory)

    assert {EPERM} == errors


def error_of_symlink(directory: int) -> int:
    """0: it was made."""
    try:
        os.symlink("forbidden", "link", dir_fd=directory)
    except OSError as error:
        return error.errno or -1
    os.unlink("link", dir_fd=directory)
    return 0
