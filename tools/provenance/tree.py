# SPDX-License-Identifier: Apache-2.0
"""What is in a built tree: its files, and the Python modules inside of its program."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from PyInstaller.archive.readers import CArchiveReader

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["LIBRARIES", "PROGRAM", "Item", "content_of_modules", "items"]

PROGRAM: Final = "tetragon-mini"
LIBRARIES: Final = "lib"
"""The folder of everything but the program, as the tree is built."""

_MODULES: Final = "PYZ.pyz"
_NAMESPACE: Final = 3
"""PyInstaller's mark of a package that has no file of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A file (`path` is where it lies) or a module (then there is no path)."""

    name: str
    """A file's name below the folder of libraries, or a module's with dots."""
    path: Path | None = None

    @property
    def digest(self) -> str:
        """SHA-256 of a file; empty for a module."""
        return "" if self.path is None else hashlib.sha256(self.path.read_bytes()).hexdigest()


def items(tree: Path) -> list[Item]:
    """All modules and files of a tree, in the order of their names."""
    libraries = tree / LIBRARIES
    files = [
        Item(
            name=str(path.relative_to(libraries if libraries in path.parents else tree)), path=path
        )
        for path in sorted(tree.rglob("*"))
        if path.is_file()
    ]
    return [*(Item(name=name) for name in _modules(tree / PROGRAM)), *files]


def content_of_modules(program: Path) -> dict[str, bytes]:
    """The compiled code of each module in a program, by name."""
    archive = CArchiveReader(str(program)).open_embedded_archive(_MODULES)
    return {name: archive.extract(name, raw=True) or b"" for name in sorted(archive.toc)}


def _modules(program: Path) -> list[str]:
    archive = CArchiveReader(str(program)).open_embedded_archive(_MODULES)
    return sorted(name for name, (kind, *_) in archive.toc.items() if kind != _NAMESPACE)
