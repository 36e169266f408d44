# SPDX-License-Identifier: Apache-2.0
"""Whether the tree has every library that something in it needs: a host's is never used."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

__all__ = ["missing_libraries"]

_MAGIC = b"\x7fELF"


def missing_libraries(tree: Path) -> list[str]:
    """Lines that say what needs which library that is not there."""
    files = [path for path in sorted(tree.rglob("*")) if path.is_file() and _is_elf(path)]
    shown = subprocess.run(
        ["readelf", "--dynamic", "--wide", *files], check=True, capture_output=True, text=True
    ).stdout
    there = {path.name for path in files} | set(re.findall(r"Library soname: \[(.+)\]", shown))
    missing = []
    for part in shown.split("\nFile: ")[1:]:
        name = Path(part.partition("\n")[0]).relative_to(tree)
        needed = re.findall(r"Shared library: \[(.+)\]", part)
        missing += [f"{name} needs {one}" for one in needed if one not in there]
    return missing


def _is_elf(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(_MAGIC)) == _MAGIC
