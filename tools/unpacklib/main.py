# SPDX-License-Identifier: Apache-2.0
"""The command line of tools/unpack.

Packages come through apt, which checks their signatures, from the mirror that this machine's own
apt uses. What is there already is not fetched again, as long as the set names the same packages.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from vmlib.apt import PrivateApt, find_mirror
from vmlib.errors import VmError

from .sets import SETS

__all__ = ["main"]

BUILD: Final = Path(__file__).resolve().parents[2] / "build"


def main(arguments: list[str]) -> int:
    """Unpack the sets; 1 and one line when that is not possible."""
    parser = argparse.ArgumentParser(prog="tools/unpack", description=__doc__)
    parser.add_argument("--refresh", action="store_true", help="fetch newer packages")
    parser.add_argument("sets", nargs="+", choices=list(SETS), help="what to unpack in build/")
    options = parser.parse_args(arguments)
    work = [
        (BUILD / name / suite, suite, packages)
        for name in options.sets
        for suite, packages in SETS[name].items()
    ]
    try:
        with ThreadPoolExecutor(len(work)) as pool:
            done = [pool.submit(unpack, *one, refresh=options.refresh) for one in work]
            for one in done:
                one.result()
    except (VmError, OSError, subprocess.CalledProcessError) as error:
        sys.stderr.write(f"unpack: {error}\n")
        return 1
    return 0


def unpack(tree: Path, suite: str, packages: tuple[str, ...], *, refresh: bool = False) -> None:
    """Unpack the suite's packages into `tree`, which appears when it is complete."""
    stamp = tree / ".packages"
    wanted = "\n".join(packages)
    if not refresh and stamp.exists() and stamp.read_text() == wanted:
        return
    private = tree.with_name(f".{tree.name}")
    shutil.rmtree(private, ignore_errors=True)
    apt = PrivateApt(directory=private / "apt", suite=suite, mirror=find_mirror())
    apt.update()
    for deb in apt.download_all(packages, private / "debs"):
        subprocess.run(["dpkg", "-x", str(deb), str(private / "tree")], check=True)
    (private / "tree/.packages").write_text(wanted)
    shutil.rmtree(tree, ignore_errors=True)
    (private / "tree").rename(tree)
    shutil.rmtree(private)
