# SPDX-License-Identifier: Apache-2.0
"""Whether the tree has every library that something in it needs: a host's is never used."""

from __future__ import annotations

import json
import re
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

__all__ = ["missing_for_hook", "missing_libraries"]

_MAGIC = b"\x7fELF"


def missing_libraries(tree: Path) -> list[str]:
    """Lines that say what needs which library that is not there."""
    return _missing(tree, sorted(tree.rglob("*")))


def missing_for_hook(tree: Path) -> list[str]:
    """The same for the hook, which is installed with only some of the tree's libraries."""
    libraries = tree / "lib"
    folder = libraries / "tetragon_crio_hook/_program"
    names = json.loads((folder / "manifest.json").read_text())["files"]
    return _missing(tree, [*folder.iterdir(), *(libraries / name for name in names)])


def _missing(tree: Path, files: Iterable[Path]) -> list[str]:
    shown = {path: _dynamic(path) for path in files if _is_elf(path)}
    there = {path.name for path in shown}
    there |= {name for text in shown.values() for name in re.findall(r"soname: \[(.+)\]", text)}
    return [
        f"{path.relative_to(tree)} needs {one}"
        for path, text in shown.items()
        for one in re.findall(r"Shared library: \[(.+)\]", text)
        if one not in there
    ]


def _dynamic(path: Path) -> str:
    return subprocess.run(
        ["readelf", "--dynamic", "--wide", path], check=True, capture_output=True, text=True
    ).stdout


def _is_elf(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(_MAGIC)) == _MAGIC
