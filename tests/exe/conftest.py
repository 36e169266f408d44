# SPDX-License-Identifier: Apache-2.0
"""What all tests of the executable run."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from exe.executables import BUILT


@pytest.fixture
def executable(tmp_path: Path) -> Path:
    """A copy with nothing beside it."""
    assert BUILT.exists(), "run `make dist`, which `make test` does"
    return Path(shutil.copy(BUILT, tmp_path))
