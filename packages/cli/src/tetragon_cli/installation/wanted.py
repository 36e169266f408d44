# SPDX-License-Identifier: Apache-2.0
"""The things that an installation consists of, and the mark that tells each from another's."""

from __future__ import annotations

import hashlib
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from tetragon_core.program_tree import PROGRAM, names_in, program_for

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["File", "Folder", "Link", "Tree", "Wanted", "mark_of", "marks_below"]

_BLOCK: Final = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file."""

    path: Path
    content: bytes
    is_settings: bool = False
    """Administrators change it, and keep their changes."""

    @property
    def mark(self) -> str:
        """As mark_of tells for the file once it is there."""
        return _digest(hashlib.sha256(self.content).hexdigest())


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A symbolic link."""

    path: Path
    target: str
    is_switch: bool = False
    """Administrators remove it, and it stays away."""

    @property
    def mark(self) -> str:
        """As above."""
        return f"link:{self.target}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """A folder that may be empty."""

    path: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """A program's folder; replaced as a whole."""

    path: Path
    source: Path

    def marks(self) -> Mapping[Path, str]:
        """Of each file, by its path once it is there. Raises OSError and TetragonError."""
        found = {}
        for name in names_in(self.source):
            found[self.path / name] = mark_of(self.source / name) or ""
        program = program_for(self.source, self.path)
        found[self.path / PROGRAM] = _digest(hashlib.sha256(program).hexdigest())
        return found


Wanted: TypeAlias = "File | Link | Folder | Tree"


def mark_of(path: Path) -> str | None:
    """What tells whether a thing is still the same; None if it is not there. Raises OSError."""
    try:
        kind = path.lstat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None
    if stat.S_ISLNK(kind):
        return f"link:{path.readlink()}"
    if stat.S_ISDIR(kind):
        return "folder"
    if not stat.S_ISREG(kind):
        return "special"
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return _digest(digest.hexdigest())


def marks_below(folder: Path, name: Path) -> dict[Path, str]:
    """Of everything below `folder` but folders, by its path below `name`. Raises OSError."""
    found = {}
    for path in sorted(folder.rglob("*")):
        mark = mark_of(path)
        if mark not in {None, "folder"}:
            found[name / path.relative_to(folder)] = mark or ""
    return found


def _digest(digits: str) -> str:
    return f"sha256:{digits}"
