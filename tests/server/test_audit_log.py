# SPDX-License-Identifier: Apache-2.0
"""The audit log's lines, whatever texts clients choose."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from server.harness import wait_until
from tetragon_core.stats import Counter
from tetragon_server.access.audit import AuditLog

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    "name", ["a\n{}", "\x1b[2J", "\x9b2J", "\u202egnp", "\u2028", "ü", "\udcff"]
)
def test_names_cannot_forge_lines_or_drive_a_terminal(tmp_path: Path, name: str) -> None:
    """They stay what they are for who reads the JSON, and are ASCII for everybody else."""
    path = tmp_path / "audit.log"
    log = AuditLog(str(path))

    log.note("DeleteTracingPolicy", "done", {"uid": 5}, {"name": name})
    log.close()

    line = path.read_bytes()
    assert (line.count(b"\n"), line[-1:]) == (1, b"\n")
    assert all(0x20 <= byte < 0x7F for byte in line[:-1])
    assert json.loads(line)["what"] == {"name": name}


def test_a_moved_file_is_followed(tmp_path: Path) -> None:
    """After a rotation lines go to the new file; those before stay in the old one."""
    path, moved = tmp_path / "audit.log", tmp_path / "audit.log.1"
    log = AuditLog(str(path))
    log.note("first", "done", {}, {})
    wait_until(lambda: path.read_bytes().count(b"\n") == 1, "the first line")
    path.rename(moved)

    log.reopen()
    log.note("second", "done", {}, {})
    log.close()

    actions = [json.loads(one.read_text())["action"] for one in (moved, path)]
    assert ["first", "second"] == actions


def test_a_disk_that_hangs_stops_nobody(tmp_path: Path) -> None:
    """Lines for a pipe that nobody reads wait, and what is left at the end is counted."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    log = AuditLog(str(path))
    for _ in range(20_000):
        log.note("x" * 100, "done", {}, {})

    log.close()

    assert 15_000 < log.counters()[Counter.AUDIT_LOST] < 20_000
    os.close(reader)


def test_a_full_disk_is_counted() -> None:
    """No part of a line stays, and each is counted."""
    log = AuditLog("/dev/full")

    log.note("a", "done", {}, {})
    log.note("b", "done", {}, {})
    log.close()

    assert 2 == log.counters()[Counter.AUDIT_LOST]
