# SPDX-License-Identifier: Apache-2.0
"""Whether the tree has every library that something in it needs: a host's is never used."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["missing_libraries"]

_MAGIC = b"\x7fELF"


def missing_libraries(tree: Path) -> list[str]:
    """Lines that say what needs which library that is not there."""
    shown = {path: _dynamic(path) for path in sorted(tree.rglob("*")) if _is_elf(path)}
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
