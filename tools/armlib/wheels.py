# SPDX-License-Identifier: Apache-2.0
"""The Python packages of the lock files as they are for arm64. Nothing is compiled here."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING, Final

from vmlib.errors import VmError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

__all__ = ["LOCKS", "PYTHON", "download", "unpack"]

LOCKS: Final = (
    "packages/requirements.lock",
    "tools/requirements-build.lock",
    "tools/requirements-dev.lock",
)
PYTHON: Final = "3.11"
"""Of the oldest Debian whose Python is new enough."""
OLDEST_GLIBC: Final = 28
"""2.28: what the executable asks for everywhere."""
_PLATFORMS: Final = (
    *(f"manylinux_2_{minor}_aarch64" for minor in range(OLDEST_GLIBC, 16, -1)),
    "manylinux2014_aarch64",
)


def download(locks: Iterable[Path], target: Path, python: str = PYTHON) -> None:
    """Download a wheel of every locked package. Raises VmError: one has none, or another hash."""
    for lock in locks:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        command += ["--require-hashes", "--only-binary=:all:", "--dest", str(target)]
        command += ["--implementation", "cp", "--python-version", python]
        for abi in (f"cp{python.replace('.', '')}", "abi3", "none"):
            command += ["--abi", abi]
        for platform in _PLATFORMS:
            command += ["--platform", platform]
        done = subprocess.run(
            [*command, "--requirement", str(lock)], capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
            msg = f"{lock} cannot be had for arm64: {(errors or ['no message'])[-1]}"
            raise VmError(msg)


def unpack(wheels: Path, target: Path) -> None:
    """Unpack every wheel of a folder into one that Python searches."""
    for wheel in sorted(wheels.glob("*.whl")):
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(target)
