# SPDX-License-Identifier: Apache-2.0
"""A small root of its own in which tests/workload/bypass tries to change what is in its /etc.

It is one tmpfs, so that links and renames are possible between all of its directories, and a file
system in which every way works without a policy.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from kernel.system import mount

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["BEFORE", "Waiting", "in_root", "snapshot", "start_waiting"]

BEFORE: Final = "-before"
"""End of the name of a way that starts with a file that was opened before the policy was there."""
_ROOT: Final = Path("/run/seen-root")
_PROGRAM: Final = _ROOT / "bypass"
_HOME: Final = "/etc/seen"
_ELSEWHERE: Final = "/var/tmp/seen"
_SIZE: Final = 4096


@contextmanager
def in_root(workload: Path) -> Iterator[None]:
    """The root is there in the block."""
    _ROOT.mkdir()
    mount("seen", _ROOT, "tmpfs")
    try:
        (_ROOT / "proc").mkdir()
        mount("seen", _ROOT / "proc", "proc")
        shutil.copy(workload / "bypass", _PROGRAM)
        yield
    finally:
        subprocess.run(["umount", "-R", "-l", _ROOT], check=True)
        _ROOT.rmdir()


def fill(way: str) -> None:
    """Files for one way: what it tries to change, and what it may put in its place."""
    home, elsewhere = _ROOT / _HOME[1:] / way, _ROOT / _ELSEWHERE[1:] / way
    home.mkdir(parents=True)
    (elsewhere / "mnt").mkdir(parents=True)
    (home / "file").write_bytes(b"a" * _SIZE)
    (elsewhere / "new").write_bytes(b"b" * _SIZE)


def snapshot(way: str) -> list[tuple[object, ...]]:
    """What is in the way's files below /etc, and their attributes.

    Of times only what the way `utimes` sets: a write that is stopped has changed it already.
    """
    home = _ROOT / _HOME[1:] / way
    found: list[tuple[object, ...]] = []
    for path in sorted([home, *home.iterdir()]):
        seen = path.lstat()
        content = path.read_bytes() if path.is_file() and not path.is_symlink() else b""
        names = tuple(os.listxattr(path, follow_symlinks=False))
        facts = (seen.st_mode, seen.st_uid, seen.st_ino, seen.st_mtime == 1)
        found.append((path.name, *facts, names, content))
    return found


@dataclass
class Waiting:
    """A program that has opened its file, if its way needs that, and goes on when told to."""

    process: subprocess.Popen[str]

    def go(self) -> int | None:
        """Let it try; the errno it came to, None when it was killed."""
        output, _ = self.process.communicate()
        if self.process.returncode == 0:
            return int(output.split()[-1])
        assert self.process.returncode == -9, output
        return None


def start_waiting(way: str) -> Waiting:
    """Start the program of a way; one that needs an open file has it when this returns."""
    home, elsewhere = f"{_HOME}/{way}", f"{_ELSEWHERE}/{way}"
    command = [str(_PROGRAM), str(_ROOT), way, home, "file", elsewhere]
    waits = way.endswith(BEFORE)
    process = subprocess.Popen(
        [*command, *(["wait"] if waits else [])],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    if waits and process.stdout is not None:
        assert process.stdout.readline() == "ready\n"
    return Waiting(process)
