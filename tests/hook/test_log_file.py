# SPDX-License-Identifier: Apache-2.0
"""The hook's log."""

from __future__ import annotations

import json
import os
import re
from typing import TYPE_CHECKING

from tetragon_crio_hook import log_file
from tetragon_crio_hook.log_file import LogFile

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_lines(tmp_path: Path) -> None:
    """JSON, one a line, for the owner only; levels below the chosen one are left out."""
    path = tmp_path / "a.log"
    log = LogFile(str(path), "WARN")
    log.always(hook="h", start_time=1)
    log.write("INFO", "no")
    log.write("ERROR", 'a "b"\n', why=["x", "y"], empty="", deep={"k": True})

    (line,) = path.read_text().splitlines()
    found = json.loads(line)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z", found.pop("time"))
    assert {
        "level": "ERROR",
        "msg": 'a "b"\n',
        "hook": "h",
        "start-time": 1,
        "why": ["x", "y"],
        "deep": {"k": True},
    } == found
    assert 0o600 == path.stat().st_mode & 0o777


def test_rotation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is too large is put aside whole; the newest three stay, none for over a week."""
    monkeypatch.setattr(log_file, "_MAX_BYTES", 200)
    moments = (f"2026-01-01T00:00:00.{number:03}000000Z" for number in range(1000))
    monkeypatch.setattr(log_file, "now_text", lambda: next(moments))
    path = tmp_path / "a.log"
    old = tmp_path / "a-2020-01-01T00-00-00.000.log"
    old.write_text("old")
    os.utime(old, (1, 1))
    (tmp_path / "a-notes.log").write_text("not ours")
    log = LogFile(str(path), "info")
    for number in range(40):
        log.write("INFO", "x" * 60, number=number)

    kept = sorted(tmp_path.glob("a-2*.log"))
    numbers = [
        json.loads(line)["number"] for one in (*kept, path) for line in one.read_text().splitlines()
    ]
    assert (3, True) == (len(kept), (tmp_path / "a-notes.log").exists())
    assert list(range(numbers[0], 40)) == numbers


def test_another_hook_has_put_it_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The new file stays where it is."""
    monkeypatch.setattr(log_file, "_MAX_BYTES", 10)
    path = tmp_path / "a.log"
    path.write_text("y" * 20)
    descriptor = os.open(path, os.O_WRONLY)
    path.rename(tmp_path / "b.log")
    path.write_text("new")
    log_file._put_aside(str(path), descriptor)  # between its two looks
    os.close(descriptor)

    assert "new" == path.read_text()
