# SPDX-License-Identifier: Apache-2.0
"""The tree that goes into both packages: what the executable's own `install` makes."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from .errors import PackageError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["PREFIX", "Staged", "stage"]

PREFIX: Final = "/usr"
_INSTALL: Final = ("install", f"--prefix={PREFIX}", "--package")
_SETTINGS: Final = Path("etc")


class Staged:
    """A tree below `root`, all of it as old as the package says it is."""

    def __init__(self, root: Path, epoch_s: int) -> None:
        """Give all files their time and the permissions that a package may have."""
        self.root = root
        for path in [*self.paths(), root]:
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)
            os.utime(path, (epoch_s, epoch_s), follow_symlinks=False)

    def paths(self) -> Iterator[Path]:
        """Everything below the root, sorted."""
        yield from sorted(self.root.rglob("*"))

    def files(self) -> Iterator[Path]:
        """Files, as paths without the root's."""
        for path in self.paths():
            if path.is_file() and not path.is_symlink():
                yield path.relative_to(self.root)

    def settings(self) -> list[Path]:
        """Files that administrators change, and keep."""
        return [path for path in self.files() if path.is_relative_to(_SETTINGS)]


def stage(executable: Path, root: Path, documents: dict[str, bytes], epoch_s: int) -> Staged:
    """Install below `root`, which must not exist, with `documents` by their path."""
    root.mkdir(parents=True)
    if not executable.exists():
        raise PackageError(f"{executable} is missing; run: make dist")
    command = [str(executable), *_INSTALL, f"--root={root}"]
    with tempfile.TemporaryDirectory(prefix="unpacked.") as unpacked:
        environment = {**os.environ, "TETRAGON_MINI_PROGRAM_DIR": unpacked}
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode != 0:
        raise PackageError(f"{' '.join(command)} failed: {done.stderr.strip()}")
    for name, content in documents.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return Staged(root, epoch_s)
