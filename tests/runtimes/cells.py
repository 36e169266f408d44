# SPDX-License-Identifier: Apache-2.0
"""Where a runtime runs: in a mount namespace of its own, so that the machine's mounts stay.

Processes and cgroups are the machine's, as they are for a runtime in earnest; a cell that ends
leaves none of its own behind.
"""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

__all__ = ["DEADLINE_S", "Cell", "await_true", "open_cell"]

DEADLINE_S: Final = 60
IS_HYBRID: Final = not Path("/sys/fs/cgroup/cgroup.controllers").exists()
"""Whether this machine has hierarchies of version 1."""

_HYBRID: Final = """
grep -q '^hugetlb' /proc/cgroups || exit 0
mkdir -p /sys/fs/cgroup/hugetlb
mount -t cgroup -o hugetlb cgroup /sys/fs/cgroup/hugetlb
"""
"""crun wants no controller in the hierarchy of version 2 where there are any of version 1."""
_PURE: Final = """
umount -R -l /sys/fs/cgroup
mount -t cgroup2 cgroup2 /sys/fs/cgroup
"""
_CLEAN: Final = "if umount /sys/fs/cgroup/hugetlb; then rmdir /sys/fs/cgroup/hugetlb; fi"


def await_true(holds: Callable[[], object], what: str) -> None:
    """Return when `holds()`; fail naming `what` at the deadline."""
    pause = threading.Event()
    deadline = time.monotonic() + DEADLINE_S
    while not holds():
        assert time.monotonic() < deadline, f"still waiting for: {what}"
        pause.wait(0.02)


class Cell:
    """Runs programs in the namespaces of a process that is there for nothing else."""

    def __init__(
        self, holder: int, environment: Mapping[str, str], directory: Path, *, is_pure: bool
    ) -> None:
        """`environment`: of all programs that run here; `directory`: with their files."""
        self.is_pure = is_pure
        self.holder = holder
        self._mark = f"{directory}/"
        self.environment = dict(environment)
        self.prefix = ("nsenter", f"--target={holder}", "--mount", "--net", "--wd=/")
        """Before a command that shall run here."""

    def run(self, *command: str | Path, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run to its end; what it printed is in the error when it fails."""
        # In files, not pipes: conmon and shims keep what they inherit.
        with (
            tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as output,
            tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as warnings,
        ):
            done = subprocess.run(
                [*self.prefix, *map(str, command)],
                check=False,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=warnings,
                timeout=DEADLINE_S,
            )
            output.seek(0)
            warnings.seek(0)
            text, warned = output.read(), warnings.read()
        assert not check or done.returncode == 0, (
            f"{' '.join(map(str, command))}: {done.returncode}: {text}{warned}"
        )
        return subprocess.CompletedProcess(command, done.returncode, text, warned)

    def start(self, log: Path, *command: str | Path) -> subprocess.Popen[bytes]:
        """Start a daemon, whose output goes to a file."""
        with log.open("ab") as output:
            return subprocess.Popen(
                [*self.prefix, *map(str, command)],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )

    def processes(self) -> list[int]:
        """Process ids of all that see mounts which are made here, but for the holder."""
        own = Path(f"/proc/{self.holder}/ns/mnt").readlink()
        return [pid for pid in _running() if pid != self.holder and self._sees(pid, own)]

    def cgroups(self, places: Iterable[str]) -> list[Path]:
        """Directories that there are of these in any hierarchy, inner ones last."""
        mounts = Path(f"/proc/{self.holder}/root/sys/fs/cgroup")
        tops = [top for place in places for top in (mounts / place, *mounts.glob(f"*/{place}"))]
        found = [Path(one) for top in tops for one, _, _ in os.walk(top)]
        return sorted(found, key=lambda path: len(path.parts))

    def _sees(self, pid: int, own: Path) -> bool:
        try:
            if Path(f"/proc/{pid}/ns/mnt").readlink() == own:
                return True
            # A container: its root is a mount of the cell.
            return self._mark in Path(f"/proc/{pid}/mountinfo").read_text(errors="replace")
        except OSError:  # it has ended, or is about to
            return False


@contextmanager
def open_cell(
    environment: Mapping[str, str],
    directory: Path,
    *places: str,
    pure: bool = False,
    network: bool = False,
) -> Iterator[Cell]:
    """A cell until the end of the block.

    `directory`: has the files of all that runs here. `places`: cgroups that are removed at its end.
    `pure`: only cgroups of version 2 are mounted. `network`: with a network namespace of its own.
    """
    prepare = _PURE if pure and IS_HYBRID else _HYBRID if IS_HYBRID else ""
    unshare = ["unshare", "--mount", "--propagation", "private", *(["--net"] if network else [])]
    holder = subprocess.Popen(
        # It must not outlive a test run that is killed.
        ["setpriv", "--pdeathsig", "KILL", *unshare, "sh", "-ec", f"{prepare}\necho; exec cat"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert holder.stdin is not None
    assert holder.stdout is not None
    assert holder.stdout.read(1), "the cell did not come up"
    cell = Cell(holder.pid, environment, directory, is_pure=pure)
    before = {*cell.cgroups(places)}
    try:
        yield cell
    finally:
        for pid in cell.processes():
            os.kill(pid, signal.SIGKILL)
        await_true(lambda: not cell.processes(), "the end of processes")
        for left in reversed(cell.cgroups(places)):
            if left not in before:
                with suppress(OSError):  # somebody else has begun to use it
                    left.rmdir()
        cell.run("sh", "-c", _CLEAN, check=False)
        holder.stdin.close()
        holder.wait(DEADLINE_S)
        holder.stdout.close()


def _running() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal()]
