# SPDX-License-Identifier: Apache-2.0
"""Folders that libraries of the tree name to look for others in: those of the building machine.

A Python that was built from source has them in each module (DT_RUNPATH, ld.so(8)). With one, the
dynamic linker does not look where the program says, and would look in a folder that anybody may
have on another machine.
"""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["remove_search_paths"]


def remove_search_paths(libraries: Path) -> None:
    """Take them out of each library below a folder."""
    files = [str(path) for path in sorted(libraries.rglob("*.so*")) if path.is_file()]
    shown = subprocess.run(
        ["readelf", "--dynamic", "--wide", *files], check=True, capture_output=True, text=True
    ).stdout
    named = [
        part.partition("\n")[0]
        for part in shown.split("\nFile: ")[1:]
        if re.search(r"\((RPATH|RUNPATH)\)", part)
    ]
    if named:
        subprocess.run(["patchelf", "--remove-rpath", *named], check=True)
