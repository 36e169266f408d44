# SPDX-License-Identifier: Apache-2.0
"""USDT probes in processes: running ones, libraries, semaphores; what is not there."""

from __future__ import annotations

import ctypes
import shutil
from typing import TYPE_CHECKING

import pytest

from kernel.policies import policy_engine
from kernel.usdts import execute, policy, values, waiting, where
from tetragon_core.policy.problems import PolicyError
from tetragon_sensors.bcc.usdt import read_usdt_notes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kernel.policies import PolicyRun

PYTHON = "/usr/bin/python3"


@pytest.fixture(scope="module")
def run() -> Iterator[PolicyRun]:
    """One engine for all tests."""
    with policy_engine() as engine:
        yield engine


@pytest.fixture(scope="module")
def probes(workload: Path) -> Path:
    """The program with the probes."""
    return workload / "probes"


def test_a_process_that_runs_already_is_watched(run: PolicyRun, probes: Path) -> None:
    """Its code is changed under it, and what it hits from then on is reported."""
    with (
        waiting(probes, "50", "wait") as (pid, proceed),
        run.loaded(policy(probes, "in_register", "int32")),
    ):
        proceed()
        hits = run.hits_until_exit(pid)

    assert [[number] for number in range(50)] == values(hits)


def test_every_process_that_runs_the_file_is_watched(run: PolicyRun, probes: Path) -> None:
    """By whatever name it has the file, and not those that run a copy."""
    link, copy = probes.with_name("linked"), probes.with_name("copied")
    link.hardlink_to(probes)
    shutil.copy(probes, copy)

    with run.loaded(policy(probes, "in_register", "int32")):
        linked, copied = (run.hits_of(execute(path, "2")) for path in (link, copy))

    assert ([[0], [1]], []) == (values(linked), copied)


def test_a_semaphore_tells_the_program_that_somebody_watches(
    run: PolicyRun, workload: Path
) -> None:
    """A probe behind its semaphore is passed while the policy is loaded, and only then."""
    path = workload / "libcounted.so"
    library = ctypes.CDLL(str(path))

    def child() -> None:
        assert library.hit(3) == 3

    assert 0 == library.hit(2)
    with run.loaded(policy(path, "counted", "int32", "int32")):
        assert 1 == library.hit(1)
        hits = run.hits_of(child)

    assert [[0, 4], [1, 5], [2, 6]] == values(hits)
    assert 0 == library.hit(2)


def test_two_policies_share_a_semaphore(run: PolicyRun, workload: Path) -> None:
    """What one of them gives up is still watched by the other."""
    path = workload / "libcounted.so"
    library = ctypes.CDLL(str(path))
    text = policy(path, "counted")

    with run.loaded(text):
        with run.loaded(text.replace("name: usdts", "name: others")):
            assert 1 == library.hit(1)
        assert 1 == library.hit(1)

    assert 0 == library.hit(1)


def test_the_probes_of_python_tell_what_it_imports(run: PolicyRun) -> None:
    """A program that is not made for this: once for each module, with its name."""
    if not any(one.provider == "python" for one in read_usdt_notes(PYTHON)):
        pytest.skip("no Python here was built with USDT probes")
    text = policy(
        PYTHON, "python:import__find__load__start", "string", more=where(0, "Prefix", "colors")
    )

    hits = run.hits(text, execute(PYTHON, "-S", "-c", "import colorsys, colorsys as other"))

    assert [["colorsys"]] == values(hits)


# ---- what is not there ----


@pytest.mark.parametrize(
    ("path", "probe", "kind", "message"),
    [
        ("/no/such", "many", "", "path: cannot open /no/such: No such file or directory"),
        ("/proc/version", "many", "", "path: /proc/version: no ELF file"),
        ("finish", "many", "", "path: PATH has no USDT probes"),
        ("probes", "tests:many", "", 'provider "tests" (did you mean "test"?); it has test'),
        ("probes", "mani", "", 'no probe "mani" (did you mean "many"?); it has constants, empty'),
        ("libcounted.so", "x", "", 'provider test of PATH has no probe "x"; it has counted'),
        ("probes", "many", "3, type: int32", "index: argument 3 does not exist: test:many has 3 ("),
        ("probes", "empty", "0, type: int8", "argument 0 does not exist: test:empty has none"),
        ("probes", "variables", "2, type: int8", "test:variables cannot be read: it is a floating"),
        ("probes", "many", "1, type: char_buf, sizeArgIndex: 4", "argument 3 does not exist"),
        ("probes", "many", "1, type: file", "type: type file is a structure of the kernel"),
    ],
)
def test_what_is_not_there_is_told_with_what_is(
    run: PolicyRun, workload: Path, path: str, probe: str, kind: str, message: str
) -> None:
    """One clear error at the place in the policy."""
    whole = workload / path

    with (
        pytest.raises(PolicyError) as caught,
        run.loaded(policy(whole, probe, *([kind] if kind else []))),
    ):
        pass

    (line,) = str(caught.value).splitlines()
    assert message.replace("PATH", str(whole)) in line
