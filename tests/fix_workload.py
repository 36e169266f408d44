# SPDX-License-Identifier: Apache-2.0
"""The programs of tests/workload, built when their sources are newer."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT: Final = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def workload() -> Iterator[Path]:
    """Directory of the built programs; building is left to make, which knows what is fresh.

    It is a copy that any user may run: in an emulated machine each exec from the host's files would
    cost 10 ms more.
    """
    subprocess.run(["make", "-s", "-C", str(ROOT / "tests/workload")], check=True)
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(shutil.copytree(ROOT / "build/workload", Path(name).resolve() / "workload"))
