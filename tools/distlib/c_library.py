# SPDX-License-Identifier: Apache-2.0
"""This machine's C library: the executable has its own copy, and uses nothing of its host's."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Final

__all__ = ["LOADER", "c_libraries"]

LOADER: Final = "ld.so"
"""What the dynamic linker is called in the tree, whatever the processor."""

_LIBRARIES: Final = (
    *("libc.so.6", "libm.so.6", "libdl.so.2", "libpthread.so.0", "librt.so.1", "libutil.so.1"),
    *("libresolv.so.2", "libnss_dns.so.2", "libnss_files.so.2"),
)
"""Those of glibc that something may ask for; some are only there with versions before 2.34."""


def c_libraries() -> dict[str, Path]:
    """The files by their names in the tree. Raises SystemExit where there is no glibc."""
    found = re.search(r"(/\S*)/libc\.so\.6$", Path("/proc/self/maps").read_text(), re.MULTILINE)
    if found is None:
        raise SystemExit("this Python does not run with glibc: the executable cannot be made here")
    folder = Path(found[1])
    loader = subprocess.run(
        ["patchelf", "--print-interpreter", Path(sys.executable).resolve()],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()
    libraries = {name: folder / name for name in _LIBRARIES if (folder / name).exists()}
    return {LOADER: Path(loader).resolve(), **{k: v.resolve() for k, v in libraries.items()}}
