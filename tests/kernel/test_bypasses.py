# SPDX-License-Identifier: Apache-2.0
"""The ways around policies about files: the published table says what each sees and stops."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Final

import pytest

from kernel.bypasses import WAYS, Result, try_ways
from kernel.compatibility import POLICIES, ROOT
from kernel.policies import policy_engine

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kernel.policies import PolicyRun

TABLE: Final = ROOT / "docs/reference/bypasses.md"
PACK: Final = ROOT / "contrib/policies"
COLUMNS: Final = ("example", "protect-etc", "protect-etc-signal")
CELLS: Final = {
    "missed": Result(seen=False, stopped=False),
    "seen": Result(seen=True, stopped=False),
    "stopped": Result(seen=True, stopped=True),
}
RELEASE: Final = tuple(int(part) for part in os.uname().release.split("-")[0].split(".")[:2])
TRIED: Final = COLUMNS if RELEASE in {(5, 10), (6, 12)} else COLUMNS[:2]
"""To load such policies takes long in an emulated machine: the last on every second kernel."""
HAS_ATTRIBUTES: Final = RELEASE >= (6, 12)


@pytest.fixture(scope="module")
def run() -> Iterator[PolicyRun]:
    """One engine for all tests."""
    with policy_engine() as engine:
        if not engine.engine.kernel.abilities.can_lsm:
            pytest.skip("needs BPF among the security modules: this kernel does not have it")
        yield engine


def cell(text: str) -> Result:
    """What a cell says about this kernel: `seen`, or `seen before 6.2, then stopped`."""
    found = re.fullmatch(r"(\w+)(?: before (\d+)\.(\d+), then (\w+))?", text)
    assert found is not None, text
    earlier, major, minor, later = found.groups()
    is_later = major is not None and RELEASE >= (int(major), int(minor))
    return CELLS[later if is_later else earlier]


def published(column: str) -> dict[str, Result]:
    """By way, what the table says about a policy."""
    rows = [line.strip("| \n").split(" | ") for line in TABLE.read_text().splitlines()]
    position = 2 + COLUMNS.index(column)
    return {row[0].strip("`"): cell(row[position]) for row in rows if row[0].strip("`") in WAYS}


def texts(column: str) -> list[str]:
    """The policies of a column, as this kernel can have them."""
    if column == "example":
        return [(POLICIES / "quickstart/file_monitoring_enforce.yaml").read_text()]
    more = ["protect-etc-attributes"] if column == "protect-etc" and HAS_ATTRIBUTES else []
    return [(PACK / f"{name}.yaml").read_text() for name in (column, *more)]


def test_every_way_works(run: PolicyRun, workload: Path) -> None:
    """Without a policy each way changes its file, and nothing is reported."""
    found = try_ways(run, workload, [])

    assert dict.fromkeys(WAYS, CELLS["missed"]) == found


@pytest.mark.parametrize("column", TRIED)
def test_ways_around(run: PolicyRun, workload: Path, column: str) -> None:
    """A policy sees and stops exactly the ways of which the table says so."""
    found = try_ways(run, workload, texts(column))

    assert published(column) == found


def test_forms_are_the_same() -> None:
    """The three forms of the pack differ in their section and in what they do only."""
    hooks = (PACK / "protect-etc.yaml").read_text().partition("spec:")[2]
    functions = (PACK / "protect-etc-functions.yaml").read_text().partition("spec:")[2]
    signals = (PACK / "protect-etc-signal.yaml").read_text().partition("spec:")[2]

    as_functions = hooks.replace("lsmhooks:", "kprobes:")
    as_functions = re.sub(r"hook: (\w+)", r"call: security_\1\n    syscall: false", as_functions)
    # mmap_file of the security modules has one argument more, the second
    as_functions = as_functions.replace("{index: 2, type: uint32}", "{index: 1, type: uint32}")
    as_functions = as_functions.replace("{index: 3, type: uint32}", "{index: 2, type: uint32}")
    assert as_functions == functions
    assert functions.replace("Override, argError: -1", "Sigkill") == signals
