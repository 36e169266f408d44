# SPDX-License-Identifier: Apache-2.0
"""Programs of the tree: PyInstaller's bootloader with room for the path of a dynamic linker."""

from __future__ import annotations

import shutil
import subprocess
import sysconfig
from pathlib import Path
from typing import Final

import PyInstaller

__all__ = ["INTERPRETER_BYTES", "write_program"]

INTERPRETER_BYTES: Final = 254
"""Longest path of a dynamic linker, and so about that of a folder to run from."""


def write_program(package: Path, target: Path, folder: str) -> None:
    """Write the program of a package (a .pkg of PyInstaller's) whose libraries are in `folder`.

    Libraries are looked for there before anywhere else (DT_RPATH, ld.so(8)); which dynamic linker
    it uses is written when it is unpacked or installed.
    """
    shutil.copyfile(_bootloader(), target)
    placeholder = "/" + "x" * (INTERPRETER_BYTES - 1)
    options = ("--force-rpath", "--set-rpath", f"$ORIGIN/{folder}")
    subprocess.run(["patchelf", "--set-interpreter", placeholder, *options, target], check=True)
    # The bootloader looks for its package from the end of its file on.
    with target.open("ab") as program, package.open("rb") as content:
        shutil.copyfileobj(content, program)
    target.chmod(0o755)


def _bootloader() -> Path:
    machine = {"x86_64": "intel", "aarch64": "arm"}[sysconfig.get_platform().rpartition("-")[2]]
    return Path(PyInstaller.HOMEPATH) / f"PyInstaller/bootloader/Linux-64bit-{machine}/run"
