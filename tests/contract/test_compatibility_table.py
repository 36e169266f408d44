# SPDX-License-Identifier: Apache-2.0
"""The published table of policies and kernels is whole; whether it is true, other levels tell."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
POLICIES: Final = ROOT / "tests/data/policies"
KERNELS: Final = ("5.10", "6.1", "6.12")
METHODS: Final = frozenset(
    "fentry fexit kprobe kprobe-multi tracepoint raw-tracepoint fmod_ret lsm uprobe uprobe-multi "  # noqa: SIM905  as shown
    "perf fentry+lsm kprobe+lsm".split()
)
TEXT: Final = (ROOT / "docs/reference/compatibility.md").read_text()


def rows() -> dict[str, list[str]]:
    """The cells of each policy; the titles are those of `policy`."""
    cells = [
        [cell.strip(" `") for cell in line.strip("|").split("|")]
        for line in TEXT.splitlines()
        if line.startswith("|")
    ]
    return {first: rest for first, *rest in cells if first != "---"}


def test_row_of_each_policy() -> None:
    """Every policy of the suite has a row, and no other has."""
    names = {str(path.relative_to(POLICIES).with_suffix("")) for path in POLICIES.rglob("*.yaml")}

    assert names == rows().keys() - {"policy"}


def test_columns() -> None:
    """There are five kernels, the last without kprobes."""
    titles = rows()["policy"]

    assert KERNELS == tuple(titles[:3])
    assert 5 == len(titles)
    assert titles[-1].endswith("without kprobes")


@pytest.mark.parametrize("name", sorted(rows().keys() - {"policy"}))
def test_cells(name: str) -> None:
    """A cell names methods of attaching, or a reason that is explained."""
    explained = set(re.findall(r"^(\d+)\. .{20}", TEXT, re.MULTILINE))

    for cell in rows()[name]:
        refused = re.fullmatch(r"no \((\d+)\)", cell)
        assert refused[1] in explained if refused else set(cell.split(", ")) <= METHODS


def test_no_test_had_failed() -> None:
    """What was published was tested with success."""
    assert "the test failed" not in TEXT
