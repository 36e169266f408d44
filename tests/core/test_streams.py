# SPDX-License-Identifier: Apache-2.0
"""Streams that the caller has closed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from tetragon_core.streams import open_missing_streams

if TYPE_CHECKING:
    import pytest


def test_a_root_without_devices(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where there is no /dev/null, the program goes on with the streams it has."""
    monkeypatch.setattr(os, "devnull", str(tmp_path / "null"))
    before = len(list(Path("/proc/self/fd").iterdir()))

    open_missing_streams()

    assert before == len(list(Path("/proc/self/fd").iterdir()))
