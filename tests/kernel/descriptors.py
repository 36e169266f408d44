# SPDX-License-Identifier: Apache-2.0
"""Tests that give back every descriptor they open."""

from __future__ import annotations

import gc
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator


def open_descriptors() -> dict[str, str]:
    """What each open descriptor of this process is."""
    with os.scandir("/proc/self/fd") as entries:
        names = [entry.name for entry in entries]
    found = {}
    for name in names:
        try:
            found[name] = str(Path(f"/proc/self/fd/{name}").readlink())
        except FileNotFoundError:
            continue  # the one that lists them
    return found


@pytest.fixture
def nothing_leaks() -> Iterator[None]:
    """Fail a test that leaves a descriptor open."""
    gc.collect()  # what earlier tests have left is closed now, not in the middle
    before = open_descriptors()
    yield
    assert before == open_descriptors()
