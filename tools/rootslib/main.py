# SPDX-License-Identifier: Apache-2.0
"""The command line of tools/roots.

A root that is there already is not made again, as long as the code that makes it is the same. Who
uses one shall not change it: an overlay costs nothing.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Final

from vmlib.errors import VmError

from .debian import SUITES, make_debian
from .small import make_busybox, make_musl

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["ROOTS", "main"]

BUILD: Final = Path(__file__).resolve().parents[2] / "build/roots"
MAKERS: Final[Mapping[str, Callable[[Path], None]]] = {
    **dict.fromkeys(SUITES, make_debian),
    "busybox": make_busybox,
    "musl": make_musl,
}
ROOTS: Final = tuple(MAKERS)


def main(arguments: list[str]) -> int:
    """Make the roots; 1 and one line when that is not possible."""
    parser = argparse.ArgumentParser(prog="tools/roots", description=__doc__)
    parser.add_argument("--refresh", action="store_true", help="make them again, of newer packages")
    parser.add_argument("roots", nargs="+", choices=ROOTS, metavar="ROOT", help=", ".join(ROOTS))
    options = parser.parse_args(arguments)
    BUILD.mkdir(parents=True, exist_ok=True)
    try:
        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            work = [
                pool.submit(make, BUILD / name, refresh=options.refresh) for name in options.roots
            ]
            for one in work:
                one.result()
    except (VmError, OSError, subprocess.CalledProcessError) as error:
        sys.stderr.write(f"roots: {error}\n")
        return 1
    return 0


def make(root: Path, *, refresh: bool = False) -> None:
    """Make the root unless it is there; it appears when it is complete."""
    maker = MAKERS[root.name]
    stamp = root.with_name(f"{root.name}.made-by")
    code = Path(maker.__code__.co_filename).read_bytes()
    wanted = hashlib.sha256(code).hexdigest()
    with root.with_name(f".{root.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not refresh and stamp.exists() and stamp.read_text() == wanted and root.is_dir():
            return
        private = root.parent / "new" / root.name
        shutil.rmtree(private, ignore_errors=True)
        private.parent.mkdir(exist_ok=True)
        private.parent.chmod(0o755)
        maker(private)
        shutil.rmtree(root, ignore_errors=True)
        private.rename(root)
        stamp.write_text(wanted)
