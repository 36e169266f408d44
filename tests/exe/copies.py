# SPDX-License-Identifier: Apache-2.0
"""Starts of the executable that unpack it into a folder of the test's own, and what is there."""

from __future__ import annotations

import hashlib
import os
import subprocess
from typing import TYPE_CHECKING, Final

import tetragon_core
from exe.executables import DEADLINE_S

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["VERSION", "changed_digest", "contents", "only_copy", "start", "version"]

VERSION: Final = (0, f"CLI version: {tetragon_core.__version__}\n", "")
"""Exit code, output and errors of `version`, which shows that Python ran."""
_OWN: Final = frozenset({"complete", "lock"})
"""Files of a copy that are not of the program; the first has times in it."""
_DIGEST_BYTES: Final = 32


def start(
    executable: Path,
    place: Path,
    *words: str,
    user: int = 0,
    more: Mapping[str, str] | None = None,
) -> subprocess.Popen[str]:
    """Start it, as another user if wanted, with `place` as the folder of its copies."""
    return subprocess.Popen(
        [executable, *words],
        env={"TETRAGON_MINI_PROGRAM_DIR": str(place), **(more or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        user=user,
        group=user,
        extra_groups=[],
    )


def version(
    executable: Path, place: Path, *, user: int = 0, more: Mapping[str, str] | None = None
) -> tuple[int, str, str]:
    """Exit code, output and errors of its `version`."""
    process = start(executable, place, "version", user=user, more=more)
    output, errors = process.communicate(timeout=DEADLINE_S)
    return process.returncode, output, errors


def only_copy(place: Path) -> Path:
    """The one copy there; nothing else may be beside it."""
    (copy,) = place.iterdir()
    return copy


def contents(copy: Path) -> dict[str, str]:
    """What each file of the copy is: its mode, owner and digest, or where it points to."""
    found = {}
    for path in sorted(copy.rglob("*")):
        if path.name in _OWN and path.parent == copy:
            continue
        status = path.lstat()
        what = f"{status.st_mode:o} {status.st_uid}"
        if path.is_symlink():
            what += f" {path.readlink()}"
        elif path.is_file():
            what += f" {hashlib.sha256(path.read_bytes()).hexdigest()}"
        found[str(path.relative_to(copy))] = what
    return found


def changed_digest(executable: Path) -> None:
    """Make it another version: the digest at its end, which names the copy, is another one."""
    with executable.open("r+b") as file:
        file.seek(-_DIGEST_BYTES, os.SEEK_END)
        file.write(bytes(_DIGEST_BYTES))
