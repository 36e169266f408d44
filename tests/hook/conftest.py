# SPDX-License-Identifier: Apache-2.0
"""A bundle with the hook's program."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hook.hooked import Hooked

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def hooked(tmp_path: Path) -> Hooked:
    """Below the test's folder."""
    return Hooked(tmp_path)
