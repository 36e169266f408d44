# SPDX-License-Identifier: Apache-2.0
"""What needs which capabilities, and what a process lacks of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tetragon_core.policy.task_names import CAPABILITIES
from tetragon_core.privileges import FEATURES, Held, feature

if TYPE_CHECKING:
    from pathlib import Path


def held(*names: str, paranoid: int = 2, counts_memory: bool = False) -> Held:
    """A process with these capabilities."""
    effective = sum(1 << CAPABILITIES.index(f"CAP_{name}") for name in names)
    return Held(effective, paranoid, counts_memory)


def test_every_capability_is_the_one_of_that_name() -> None:
    """Numbers here are those of the kernel's header; each alone is found by its name."""
    for name in {one for each in FEATURES for one in each.needs}:
        assert held(name.removeprefix("CAP_")).has(name)
        assert not held("KILL").has(name)


def test_the_administrator_may_what_bpf_and_perfmon_allow() -> None:
    """And nothing of other capabilities."""
    admin = held("SYS_ADMIN")

    lacks = {one.name for one in FEATURES if admin.missing(one)}

    assert {"processes", "files", "symbols", "group", "ports"} == lacks


@pytest.mark.parametrize(
    ("name", "who", "expected"),
    [
        ("events", held("BPF", "PERFMON"), ""),
        ("events", held("BPF"), "CAP_PERFMON is missing"),
        ("events", held(), "CAP_BPF and CAP_PERFMON are missing"),
        ("tracepoints", held("BPF", "PERFMON"), ""),
        (
            "tracepoints",
            held("BPF", "PERFMON", paranoid=3),
            "CAP_SYS_ADMIN is missing (kernel.perf_event_paranoid is 3)",
        ),
        ("tracepoints", held("SYS_ADMIN", paranoid=4), ""),
        ("functions", held("BPF", "PERFMON", paranoid=3), ""),
        ("memory", held("BPF", "PERFMON"), ""),
        ("memory", held("SYS_ADMIN", counts_memory=True), "CAP_SYS_RESOURCE is missing"),
    ],
)
def test_what_is_missing_is_named(name: str, who: Held, expected: str) -> None:
    """By the setting of the kernel that wants it, too."""
    assert expected == who.told(feature(name))


def test_a_process_is_read_from_its_files(tmp_path: Path) -> None:
    """What cannot be read leaves nothing out."""
    status, paranoid = tmp_path / "status", tmp_path / "paranoid"
    status.write_text("Name:\tx\nCapEff:\t0000008000000000\n")
    paranoid.write_text("4\n")

    assert Held(1 << 39, paranoid=4) == Held.here(status, paranoid, "6.1.0-50-amd64")
    status.write_text("Name:\tx\n")
    paranoid.unlink()
    assert Held(-1) == Held.here(status, paranoid, "5.11")
