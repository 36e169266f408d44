# SPDX-License-Identifier: Apache-2.0
"""Policies that go on without their agent: everything of them pinned in a BPF file system.

    ROOT/run_…_1/                   of one run of an agent, which holds a lock on it while it lives
        ring, hook_counters, …      maps that its policies share
        NAME_1/                     of one policy: complete, as it is made under another name
            record                  what the agent wants to know of it later
            state                   mode and ledger
            verdicts                what was decided about calls, where others deny them
            decide_0, decide_1, …   links of programs that decide it
            link_0, link_1, …       all other links

How an earlier run's are taken over is in earlier.py.
"""

from __future__ import annotations

import fcntl
import os
import re
import stat
import struct
import time
from contextlib import suppress
from itertools import count
from typing import TYPE_CHECKING, Final

from tetragon_core.errors import LoadError, TetragonError
from tetragon_sensors.kernel.maps import MapKind, MapSpec, create_map
from tetragon_sensors.kernel.pins import (
    BPFFS,
    is_bpffs,
    mount_bpffs,
    open_pinned_map,
    pin,
    unpin_links,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from tetragon_sensors.kernel.attachments import Attachment

__all__ = [
    "DECIDING",
    "KEEP_ROOT",
    "OTHERS",
    "RECORD",
    "RUN",
    "UNFINISHED",
    "KeepingPlace",
    "KeptPolicy",
    "lock_directory",
    "read_record",
    "write_record",
]

KEEP_ROOT: Final = BPFFS / "tetragon-mini"
"""A name of our own, so that a Tetragon beside this agent is left alone."""
RUN: Final = "run_"
UNFINISHED: Final = "new_"
RECORD: Final = "record"
DECIDING: Final = "decide_"
OTHERS: Final = "link_"
_FIRST: Final = b"\0\0\0\0"
_LENGTH: Final = struct.Struct("<I")
_ROOM: Final = 4096
"""A record may grow by this: what is known of earlier agents' counters is added later."""
_MODE: Final = 0o700
_OTHERS_WRITE: Final = stat.S_IWGRP | stat.S_IWOTH
_NAME_CHARACTERS: Final = 60


class KeepingPlace:
    """The directory of one agent's run; it is made when the first policy is kept."""

    def __init__(self, root: Path, shared: Mapping[str, int]) -> None:
        """`shared`: descriptors of the maps that all policies use, by name."""
        self._root = root
        self._shared = shared
        self._path: Path | None = None
        self._lock = -1

    def keep(
        self,
        name: str,
        record: bytes,
        *,
        others: Iterable[Attachment],
        deciding: Iterable[Attachment] = (),
        maps: Mapping[str, int],
    ) -> KeptPolicy:
        """Pin a policy's attachments and maps (descriptors by name) under `record`.

        Those that are `deciding` have to be detached before the others.
        Raises LoadError or PermissionDeniedError; then nothing of it is pinned.
        """
        run = self._own_directory()
        with _told_file_errors(run):
            path = _make_directory(run, f"{UNFINISHED}{_fitting(name)}_")
        kept = KeptPolicy(path)
        try:
            kept.pin_all(record, {DECIDING: deciding, OTHERS: others}, maps)
        except BaseException:
            kept.remove()
            raise
        return kept

    def _own_directory(self) -> Path:
        if self._path is None:
            mount_bpffs_for(self._root)
            with _told_file_errors(self._root):
                self._root.mkdir(_MODE, exist_ok=True)
                check_owner(self._root)
                self._path, self._lock = _make_locked(self._root)
            for name, fd in self._shared.items():
                pin(fd, self._path / name)
        return self._path

    def close(self) -> None:
        """Remove the directory; with policies that are left in it it stays. Idempotent."""
        if self._path is not None and remove_run(self._path):
            with suppress(OSError):  # another run is there
                self._root.rmdir()
        if self._lock >= 0:
            os.close(self._lock)
        self._path, self._lock = None, -1


class KeptPolicy:
    """The pins of one policy of this agent."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.unpinned = 0
        """Attachments that end with the agent: perf events without links, before kernel 5.15."""

    def pin_all(
        self,
        record: bytes,
        attachments: Mapping[str, Iterable[Attachment]],
        maps: Mapping[str, int],
    ) -> None:
        """Pin it under the unfinished name, then under the right one. Raises LoadError."""
        write_new_record(self._path / RECORD, record)
        for name, fd in maps.items():
            pin(fd, self._path / name)
        for prefix, several in attachments.items():
            descriptors = [fd for each in several for fd in each.descriptors]
            for number, fd in enumerate(descriptors):
                self.unpinned += not pin(fd, self._path / f"{prefix}{number}")
        with _told_file_errors(self._path):
            name = self._path.name.removeprefix(UNFINISHED)
            self._path = self._path.rename(self._path.with_name(name))

    def stop_deciding(self) -> None:
        """Unpin what decides; detached when this returns unless somebody has it open."""
        unpin_links(list(self._path.glob(f"{DECIDING}*")))

    def change_record(self, record: bytes) -> None:
        """Another record, in one step. Raises LoadError."""
        write_record(self._path / RECORD, record)

    def remove(self) -> None:
        """Unpin everything; what nobody has open is detached when this returns."""
        remove_tree(self._path)


def _fitting(name: str) -> str:
    """A policy's name as a BPF file system takes it: without dots."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", name)[:_NAME_CHARACTERS]


def _make_directory(above: Path, prefix: str) -> Path:
    """A directory that was not there, under its finished name neither."""
    for number in count(1):
        path = above / f"{prefix}{number}"
        if path.with_name(path.name.removeprefix(UNFINISHED)).exists():
            continue
        with suppress(FileExistsError):
            path.mkdir(_MODE)
            return path
    raise AssertionError("numbers do not end")


def _make_locked(root: Path) -> tuple[Path, int]:
    """The directory of a run and the descriptor that locks it."""
    while True:
        path = _make_directory(root, f"{RUN}{time.time_ns()}_")  # a name that never comes again
        lock = lock_directory(path)
        if lock is not None:
            return path, lock
        # Another agent that looks for what is left behind was faster, and removes it.


def lock_directory(path: Path) -> int | None:
    """A descriptor that locks it; None when its agent lives, or when it is gone by now."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if path.stat().st_ino == os.fstat(descriptor).st_ino:
            return descriptor
    except OSError:
        pass
    os.close(descriptor)
    return None


def mount_bpffs_for(root: Path) -> None:
    """Have the directory above `root` in a BPF file system. Raises LoadError with the reason."""
    try:
        mount_bpffs(root.parent)
    except TetragonError as error:
        if not is_bpffs(root.parent):
            raise LoadError(f"{root.parent} is no BPF file system, and {error}") from error


def check_owner(root: Path) -> None:
    """Raise LoadError when others may have put something there that an agent would believe."""
    found = root.stat()
    if found.st_uid != os.geteuid() or found.st_mode & _OTHERS_WRITE:
        raise LoadError(f"{root} belongs to others, or they may write there: remove it")


class _told_file_errors:  # noqa: N801  # used as a function
    """OSError as LoadError."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        pass

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if isinstance(error, OSError):
            raise LoadError(f"cannot keep a policy in {self._path}: {error.strerror}") from error


def write_new_record(path: Path, record: bytes) -> None:
    """Make a map that has the bytes, and pin it. Raises LoadError."""
    size = (_LENGTH.size + len(record) + _ROOM + 7) // 8 * 8
    spec = MapSpec(kind=MapKind.ARRAY, value_bytes=size, name=RECORD)
    with create_map(spec) as made:
        made.update(_FIRST, _packed(record, size))
        pin(made.fd, path)


def _packed(record: bytes, size: int) -> bytes:
    return (_LENGTH.pack(len(record)) + record).ljust(size, b"\0")


def write_record(path: Path, record: bytes) -> None:
    """Change the bytes of a map that is pinned, in one step. Raises LoadError."""
    with open_pinned_map(path) as table:
        if _LENGTH.size + len(record) > table.spec.value_bytes:
            raise LoadError(f"{path} has no room for {len(record)} bytes")
        table.update(_FIRST, _packed(record, table.spec.value_bytes))


def read_record(path: Path) -> bytes:
    """The bytes. Raises LoadError when there is no such map."""
    with open_pinned_map(path) as table:
        value = table.lookup(_FIRST) if table.spec.key_bytes == len(_FIRST) else None
    if value is None or len(value) < _LENGTH.size:
        raise LoadError(f"{path} is no record of a policy")
    (length,) = _LENGTH.unpack_from(value)
    return value[_LENGTH.size : _LENGTH.size + length]


def remove_tree(path: Path) -> None:
    """Remove the pins of one policy and its directory, as far as it is there."""
    with suppress(FileNotFoundError):
        entries = sorted(path.iterdir())
        unpin_links(entry for entry in entries if entry.name.startswith((DECIDING, OTHERS)))
        for entry in entries:
            entry.unlink(missing_ok=True)
        path.rmdir()


def remove_run(path: Path) -> bool:
    """Remove a run's directory with the shared maps; False when there is a policy in it."""
    entries = list(path.iterdir()) if path.is_dir() else []
    if any(entry.is_dir() and not entry.is_symlink() for entry in entries):
        return False
    for entry in entries:
        entry.unlink(missing_ok=True)
    with suppress(FileNotFoundError):
        path.rmdir()
    return True
