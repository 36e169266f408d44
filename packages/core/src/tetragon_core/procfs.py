# SPDX-License-Identifier: Apache-2.0
"""The start-up walk over /proc. Finds processes; what to report of them is decided elsewhere.

Processes end while they are looked at: one that is gone before its first file was read is left out,
a file that cannot be read later gives None. Opening each process's directory once makes sure that
all files read are of one process, even when its pid is used again meanwhile.
"""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from posixpath import normpath
from typing import TYPE_CHECKING, Final

from .arguments import decode_text
from .cgroups import V2, Hierarchy, container_id_of_path
from .environment import ENVIRONMENT_BYTES
from .messages import TICK_NS, ExecFlag, Namespaces
from .procstat import parse_stat, parse_status
from .scanned import ScannedProcess

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["ProcScanner"]

_CHUNK: Final = 65_536
_FIELDS: Final = Namespaces._fields
_DIRECTORY: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


class ProcScanner:
    """Walks one proc file system."""

    def __init__(
        self, root: str = "/proc", hierarchy: Hierarchy = V2, *, with_environment: bool = False
    ) -> None:
        self._root = root
        self.hierarchy = hierarchy
        self.cgroup_root = ""
        """Path of the cgroup that our cgroup namespace begins with: /proc tells paths from it."""
        self._with_environment = with_environment
        self._cgroup_ids: dict[str, int] = {}

    def scan(self) -> Iterator[ScannedProcess]:
        """Yield every process that is there; ended ones that wait for their parent are not."""
        for name in os.listdir(self._root):  # noqa: PTH208  10,000 Path objects for nothing
            if name.isdecimal():
                process = self.try_read(int(name))
                if process is not None:
                    yield process

    def try_read(self, tgid: int) -> ScannedProcess | None:
        """Read one process; None when it is gone, or hidden from us."""
        try:
            directory = os.open(f"{self._root}/{tgid}", _DIRECTORY)
        except OSError:
            return None
        try:
            return self._read_process(directory, tgid)
        finally:
            os.close(directory)

    def host_namespaces(self) -> Namespaces | None:
        """Namespaces of pid 1: those that count as the host's."""
        try:
            directory = os.open(f"{self._root}/1", _DIRECTORY)
        except OSError:
            return None
        try:
            return _namespaces(directory)
        finally:
            os.close(directory)

    def _read_process(self, directory: int, tgid: int) -> ScannedProcess | None:
        stat = parse_stat(_try_read_file(directory, "stat"))
        if stat is None or stat.is_over:
            return None
        make = partial(
            ScannedProcess,
            tgid=tgid,
            ppid=stat.ppid,
            start_ktime_ns=stat.start_ticks * TICK_NS,
            comm=decode_text(stat.comm),
        )
        if stat.kernel_thread:
            return make(kernel_thread=True)
        status = parse_status(_try_read_file(directory, "status") or b"")
        cgroup_path = self._cgroup_path(directory)
        environ, flags = self._environment(directory)
        return make(
            nspid=status.nspid,
            executable=_try_read_link(directory, "exe"),
            argv=_split_cmdline(_try_read_file(directory, "cmdline")),
            cwd=_try_read_link(directory, "cwd"),
            auid=_try_parse_int(_try_read_file(directory, "loginuid")),
            credentials=status.credentials,
            capabilities=status.capabilities,
            namespaces=_namespaces(directory),
            cgroup_id=self._cgroup_id(cgroup_path),
            cgroup=decode_text(os.fsencode(cgroup_path.rpartition("/")[2])),
            container_id=container_id_of_path(cgroup_path),
            environ=environ,
            flags=flags,
        )

    def _environment(self, directory: int) -> tuple[bytes | None, int]:
        """What it was started with, unless it wrote over that, and what is wrong with it."""
        if not self._with_environment:
            return None, 0
        environ = _try_read_file(directory, "environ")
        if environ is None:
            return b"", int(ExecFlag.ERROR_ENVIRON)
        is_long = len(environ) > ENVIRONMENT_BYTES
        return environ[:ENVIRONMENT_BYTES], int(ExecFlag.TRUNCATED_ENVIRON) if is_long else 0

    def _cgroup_path(self, directory: int) -> str:
        """Path of the cgroup in the chosen hierarchy; a line is "number:controllers:path"."""
        wanted = self.hierarchy.controller
        for line in (_try_read_file(directory, "cgroup") or b"").splitlines():
            _, controllers, path = line.split(b":", 2)
            if wanted in controllers.decode().split(","):
                text = os.fsdecode(path)
                return normpath(f"{self.cgroup_root}{text}") if self.cgroup_root else text
        return ""

    def _cgroup_id(self, path: str) -> int:
        """Inode of the directory, which is the cgroup's id; 0 when out of reach."""
        if not path:
            return 0
        known = self._cgroup_ids.get(path)
        if known is None:
            known = self._cgroup_ids[path] = self._stat_cgroup(f"{self.hierarchy.mount}{path}")
        return known

    def _stat_cgroup(self, path: str) -> int:
        """Look as pid 1 does, for we may be in a container; where that is forbidden, as we do."""
        for root in (f"{self._root}/1/root", ""):
            try:
                return Path(f"{root}{path}").stat().st_ino
            except PermissionError:
                continue
            except OSError:
                return 0
        return 0


def _try_read_file(directory: int, name: str) -> bytes | None:
    try:
        fd = os.open(name, os.O_RDONLY | os.O_CLOEXEC, dir_fd=directory)
    except OSError:
        return None
    try:
        content = chunk = os.read(fd, _CHUNK)
        # A short read is the end: proc files fill what they are given.
        while len(chunk) == _CHUNK:
            chunk = os.read(fd, _CHUNK)
            content += chunk
    except OSError:
        return None
    else:
        return content
    finally:
        os.close(fd)


def _try_read_link(directory: int, name: str) -> str | None:
    try:
        return decode_text(os.readlink(name.encode(), dir_fd=directory))
    except OSError:
        return None


def _namespaces(directory: int) -> Namespaces | None:
    """Inode numbers out of links such as "mnt:[4026531841]"; None when they may not be read."""
    numbers = []
    for name in _FIELDS:
        try:
            link = os.readlink(f"ns/{name}", dir_fd=directory)
        except FileNotFoundError:  # the kernel has no such namespace
            numbers.append(0)
        except OSError:
            return None
        else:
            numbers.append(int(link[link.index("[") + 1 : -1]))
    return Namespaces._make(numbers) if any(numbers) else None


def _split_cmdline(content: bytes | None) -> tuple[bytes, ...] | None:
    """Split at the NUL behind each argument; a rewritten title may lack the last one."""
    if content is None:
        return None
    return tuple(content.removesuffix(b"\0").split(b"\0")) if content else ()


def _try_parse_int(text: bytes | None) -> int | None:
    return int(text) if text and text.strip().isdigit() else None
