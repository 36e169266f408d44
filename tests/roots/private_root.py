# SPDX-License-Identifier: Apache-2.0
"""A root of tools/roots in use: an overlay in a mount namespace of its own, gone at the end.

The kernel is the host's, with /proc, /sys and /dev; whatever a program of the root writes is seen
in `written`. The root in build/roots does not change.
"""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from exe.executables import BUILT, DEADLINE_S

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["PROGRAM", "USER", "PrivateRoot", "open_root"]

ROOTS: Final = Path(__file__).parents[2] / "build/roots"
PROGRAM: Final = "/opt/tetragon-mini"
"""Where the executable is in every root."""
USER: Final = 1000
"""Who is not privileged; no root has a name for this id."""

SETUP: Final = """\
set -eu
mount -t tmpfs -o mode=755 roots "$2"
mkdir "$2/upper" "$2/work" "$2/root"
mount -t overlay -o "lowerdir=$1,upperdir=$2/upper,workdir=$2/work" roots "$2/root"
for name in proc sys dev; do mount --rbind "/$name" "$2/root/$name"; done
echo ready
exec cat
"""
"""Holds the namespace until its input ends. $1: the root's directory; $2: an empty one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivateRoot:
    """One root, and how to run programs in it."""

    name: str
    place: Path
    holder: int
    """The process whose mount namespace it is in."""
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    @property
    def path(self) -> Path:
        """The root as it is seen from outside of its namespace."""
        return Path(f"/proc/{self.holder}/root{self.place}/root")

    def written(self) -> set[str]:
        """Each file that was created or changed since the start, but for the executable itself."""
        upper = Path(f"/proc/{self.holder}/root{self.place}/upper")
        files = (path for path in upper.rglob("*") if not path.is_dir())
        return {f"/{path.relative_to(upper)}" for path in files} - {PROGRAM}

    def start(
        self, *words: str, user: int = 0, environment: Mapping[str, str] | None = None
    ) -> subprocess.Popen[str]:
        """Start a program in it, with nothing but `environment`; it has the process id returned."""
        as_user = [f"--userspec={user}:{user}", "--groups="] if user else []
        enter = ["/usr/bin/nsenter", f"--mount=/proc/{self.holder}/ns/mnt", "/usr/sbin/chroot"]
        process = subprocess.Popen(
            [*enter, *as_user, str(self.place / "root"), *words],
            env=environment or {},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.started.append(process)
        return process

    def close(self) -> None:
        """End what a test that failed left running."""
        for process in self.started:
            if process.poll() is None:
                process.kill()
            if process.stdout is not None and not process.stdout.closed:
                process.communicate(timeout=DEADLINE_S)

    def run(
        self, *words: str, user: int = 0, environment: Mapping[str, str] | None = None
    ) -> tuple[int, str, str]:
        """Exit code, output and errors of a program in it."""
        process = self.start(*words, user=user, environment=environment)
        output, errors = process.communicate(timeout=DEADLINE_S)
        return process.returncode, output, errors


@contextlib.contextmanager
def open_root(name: str) -> Iterator[PrivateRoot]:
    """The root `name` of tools/roots with the executable in it."""
    lower = ROOTS / name
    assert lower.is_dir(), f"{lower} is missing; run: tools/setup roots"
    with tempfile.TemporaryDirectory(prefix="tm-root-") as place:
        holder = subprocess.Popen(
            ["unshare", "--mount", "sh", "-c", SETUP, "sh", lower, place],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert holder.stdin is not None
        assert holder.stdout is not None
        try:
            assert holder.stdout.readline() == b"ready\n"
            root = PrivateRoot(name=name, place=Path(place), holder=holder.pid)
            copy = root.path / PROGRAM.removeprefix("/")
            copy.parent.mkdir(exist_ok=True)
            shutil.copy(BUILT, copy)
            with contextlib.closing(root):
                yield root
        finally:
            holder.stdin.close()
            holder.wait(DEADLINE_S)
            holder.stdout.close()
