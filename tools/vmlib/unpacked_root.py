# SPDX-License-Identifier: Apache-2.0
"""A root directory of Debian packages, unpacked and nothing more: none of their scripts run."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from .errors import VmError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from .apt import PrivateApt

__all__ = ["unpacked_root"]


def unpacked_root(
    apt: PrivateApt,
    packages: Sequence[str],
    work: Path,
    *,
    merged: Sequence[str],
    left_out: Sequence[str],
) -> Path:
    """Fetch packages with all that these depend on into `work`; the directory they are unpacked in.

    `merged`: directories that are links into /usr. `left_out`: paths that start with `./`.
    Raises VmError.
    """
    apt.update()
    tree = work / "tree"
    for name in merged:
        (tree / "usr" / name).mkdir(parents=True)
        (tree / name).symlink_to(f"usr/{name}")
    for deb in apt.download_all(apt.closure(packages), work / "debs"):
        _unpack(deb, tree, left_out)
    return tree


def _unpack(deb: Path, tree: Path, left_out: Sequence[str]) -> None:
    """Directories that are links into /usr stay links."""
    data = subprocess.run(["dpkg-deb", "--fsys-tarfile", deb], capture_output=True, check=False)
    excluded = [f"--exclude={path}" for path in left_out]
    command = ["tar", "-x", "-C", str(tree), "--keep-directory-symlink", *excluded]
    done = subprocess.run(command, input=data.stdout, capture_output=True, check=False)
    if data.returncode or done.returncode:
        msg = f"could not unpack {deb.name}: {(data.stderr + done.stderr).decode().strip()}"
        raise VmError(msg)
