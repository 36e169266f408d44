# SPDX-License-Identifier: Apache-2.0
"""The command line of tools/dist: build/dist has the parts, dist/tetragon-mini is the result."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import provenance

from .archive import pack
from .c_library import LOADER
from .needs import missing_for_hook, missing_libraries
from .preload import ignore_preload_file
from .program import write_program
from .search_paths import remove_search_paths

__all__ = ["main"]

ROOT: Final = Path(__file__).resolve().parents[2]
WORK: Final = ROOT / "build/dist"
TARGET: Final = ROOT / "dist/tetragon-mini"
NAME: Final = "tetragon-mini"


def collect() -> Path:
    """Let PyInstaller collect the tree, and make its program; the tree's folder."""
    environment = {
        **os.environ,
        # All of it is compressed in the end, better than part by part; and imports inflate nothing.
        "PYINSTALLER_ZLIB_COMPRESSION_LEVEL": "0",
        "PYTHONHASHSEED": "0",
        "SOURCE_DATE_EPOCH": os.environ.get("SOURCE_DATE_EPOCH", "0"),
    }
    words = ("-m", "PyInstaller", "--noconfirm", "--log-level", "WARN")
    places = ("--distpath", WORK / "collected", "--workpath", WORK / "work")
    subprocess.run(
        [sys.executable, *words, *places, ROOT / "tools/exe.spec"], check=True, env=environment
    )
    tree = WORK / "collected" / NAME
    (tree / NAME).unlink()
    package = tree / f"{NAME}.pkg"
    write_program(package, tree / NAME, "lib")
    package.unlink()
    remove_search_paths(tree / "lib")
    ignore_preload_file(tree / "lib" / LOADER)
    for path in tree.rglob("*"):
        if path.is_file() and path != tree / NAME:
            path.chmod(0o755 if ".so" in path.name else 0o644)
    return tree


def build_launcher() -> Path:
    """Compile the launcher."""
    target = WORK / "launcher"
    subprocess.run(["make", "-s", "-C", ROOT / "tools/launcher", f"OUTPUT={target}"], check=True)
    return target


def main() -> int:
    """Build the executable; 1 with what is missing in it."""
    shutil.rmtree(WORK / "collected", ignore_errors=True)
    WORK.mkdir(parents=True, exist_ok=True)
    tree = collect()
    if missing := missing_libraries(tree) + missing_for_hook(tree):
        sys.stderr.write("\n".join(["dist: libraries are missing:", *missing, ""]))
        return 1
    try:
        provenance.add(tree)
    except provenance.ProvenanceError as error:
        sys.stderr.write(f"dist: {error}\n")
        return 1
    TARGET.parent.mkdir(exist_ok=True)
    pack(build_launcher(), tree, TARGET)
    return 0
