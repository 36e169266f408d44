# SPDX-License-Identifier: Apache-2.0
"""The command line of tools/kubernetes: which programs are wanted, and where each comes from."""

from __future__ import annotations

import argparse
import lzma
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from vmlib.apt import PrivateApt, find_mirror
from vmlib.errors import VmError

from .source import build_programs

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["main"]

ROOT: Final = Path(__file__).parents[2]
CACHE: Final = ROOT / "build/kubernetes"
SUITE: Final = "bookworm"
"""The last with the whole source of Kubernetes; its etcd runs on later ones as well."""
BUILT: Final = ("kube-apiserver", "kubelet")


def main(arguments: Sequence[str]) -> int:
    """Print the directory that has the programs, after getting those that are missing."""
    parser = argparse.ArgumentParser(prog="tools/kubernetes", description=__doc__)
    parser.add_argument(
        "program",
        nargs="*",
        default=["etcd", "kube-apiserver"],
        help="etcd, kube-apiserver or kubelet (default: the first two)",
    )
    parser.add_argument(
        "--ready",
        type=Path,
        metavar="DIRECTORY",
        default=Path(os.environ.get("KUBERNETES_BINARIES", ROOT.parent / "shared/bin")),
        help="where NAME-*-amd64.xz may be, which saves building them (default: "
        "$KUBERNETES_BINARIES, ../shared/bin)",
    )
    wanted = parser.parse_args(arguments)
    try:
        _get(wanted.program, wanted.ready)
    except (VmError, subprocess.CalledProcessError, OSError) as error:
        print(f"kubernetes: {error}", file=sys.stderr)
        return 1
    print(CACHE)
    return 0


def _get(programs: Sequence[str], ready: Path) -> None:
    CACHE.mkdir(parents=True, exist_ok=True)
    missing = [name for name in programs if not (CACHE / name).exists()]
    to_build = [name for name in missing if name in BUILT and not _unpack(name, ready)]
    if "etcd" in missing:
        _in_private_apt(_unpack_etcd)
    if to_build:
        print(f"kubernetes: building {', '.join(to_build)}: some minutes", file=sys.stderr)
        _in_private_apt(lambda apt, work: build_programs(to_build, apt, work, CACHE))
    unknown = [name for name in programs if not (CACHE / name).exists()]
    if unknown:
        msg = f"unknown program {unknown[0]}; known are etcd, {', '.join(BUILT)}"
        raise VmError(msg)


def _in_private_apt(work_with: Callable[[PrivateApt, Path], None]) -> None:
    with tempfile.TemporaryDirectory(prefix="work.", dir=CACHE) as name:
        apt = PrivateApt(
            directory=CACHE / "apt", suite=SUITE, mirror=find_mirror(), with_sources=True
        )
        apt.update()
        work_with(apt, Path(name))


def _unpack(name: str, ready: Path) -> bool:
    """Unpack a ready program; False: there is none."""
    for found in sorted(ready.glob(f"{name}-*-amd64.xz")):
        with lzma.open(found) as packed, tempfile.NamedTemporaryFile(dir=CACHE) as part:
            shutil.copyfileobj(packed, part)
            part.flush()
            Path(part.name).chmod(0o755)
            (CACHE / name).hardlink_to(part.name)
        return True
    return False


def _unpack_etcd(apt: PrivateApt, work: Path) -> None:
    deb = apt.download("etcd-server", work / "debs")
    subprocess.run(["dpkg", "-x", deb, work / "tree"], check=True)
    shutil.move(work / "tree/usr/bin/etcd", CACHE / "etcd")
