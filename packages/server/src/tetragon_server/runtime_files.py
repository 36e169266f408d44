# SPDX-License-Identifier: Apache-2.0
"""The files that tell others about a running agent: `tetragon.pid` and `tetragon-info.json`."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from typing import TYPE_CHECKING, Final

from tetragon_core.errors import AlreadyRunningError, PermissionDeniedError, UsageError

from .request_guard import MAX_REQUEST_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

__all__ = ["agent_info", "info_file", "pid_file"]

PID_NAME: Final = "tetragon.pid"
INFO_NAME: Final = "tetragon-info.json"
_INFO_MODE: Final = 0o744


@contextlib.contextmanager
def pid_file(run_dir: Path) -> Iterator[None]:
    """Hold the host's only agent lock. The kernel drops it with the process, so a crash leaves no
    trace that a number could: a pid in an old file may be anyone's by now.
    """
    path = run_dir / PID_NAME
    with _told_write_errors(path):
        run_dir.mkdir(mode=0o755, parents=True, exist_ok=True)
        descriptor = _open_locked(path)
    try:
        with _told_write_errors(path):
            os.ftruncate(descriptor, 0)
            os.write(descriptor, b"%d\n" % os.getpid())
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(descriptor)


@contextlib.contextmanager
def _told_write_errors(path: Path) -> Iterator[None]:
    """One line for a directory that cannot be used: read-only, full, no directory at all."""
    try:
        yield
    except PermissionError as error:
        raise PermissionDeniedError(
            f"cannot write {path}: {error.strerror}; run as root"
        ) from error
    except OSError as error:
        is_file = isinstance(error, FileExistsError | NotADirectoryError)
        hint = "" if is_file else "make room there or "
        raise UsageError(
            f"cannot write {path}: {error.strerror}; {hint}choose another --run-dir"
        ) from error


def _open_locked(path: Path) -> int:
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(descriptor, 32, 0).decode(errors="replace").strip()
            os.close(descriptor)
            raise AlreadyRunningError(
                f"an agent already runs on this host (pid {holder or 'unknown'}, {path}); stop it"
            ) from error
        if _is_still_at(path, descriptor):
            return descriptor
        # The previous agent removed the file between our open and our lock.
        os.close(descriptor)


def _is_still_at(path: Path, descriptor: int) -> bool:
    try:
        return path.stat().st_ino == os.fstat(descriptor).st_ino
    except FileNotFoundError:
        return False


def agent_info(
    *, server_address: str, metrics_address: str, export_filename: str = ""
) -> dict[str, str | int]:
    """What clients read to find the agent; Tetragon's keys, empty if without meaning here."""
    return {
        "export_fname": export_filename,
        "lib_dir": "",
        "btf_fname": "",
        "server_address": server_address,
        "metrics_address": metrics_address,
        "gops_address": "",
        "map_dir": "",
        "bpftool_path": "",
        "gops_path": "",
        "max_recv_size": MAX_REQUEST_BYTES,
        "pid": os.getpid(),
    }


@contextlib.contextmanager
def info_file(run_dir: Path, info: Mapping[str, str | int]) -> Iterator[None]:
    """`info` as JSON until the block ends; readers see all of it or nothing."""
    path = run_dir / INFO_NAME
    fresh = path.with_suffix(".new")
    with _told_write_errors(path):
        fresh.write_text(json.dumps(info) + "\n", encoding="utf-8")
        fresh.chmod(_INFO_MODE)
        fresh.replace(path)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
