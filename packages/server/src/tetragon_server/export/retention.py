# SPDX-License-Identifier: Apache-2.0
"""Which rotated files stay, and compressing them; in a thread of its own, beside the writing.

A file is compressed into one with another name, which takes its place only when it is complete: the
uncompressed one is removed last, so there is no moment at which a crash would lose it. What a crash
leaves is tidied up the next time.
"""

from __future__ import annotations

import gzip
import logging
import os
import shutil
import threading
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

    from .rotation import Backup, Naming

__all__ = ["Retention", "keep_newest"]

_log = logging.getLogger(__name__)

_CHUNK_BYTES: Final = 256 * 1024


class Retention:
    """Tidies one export file's backups, on request and never twice at a time."""

    def __init__(self, *, max_backups: int, compress: bool) -> None:
        """`max_backups`: 0 keeps all."""
        self.max_backups = max_backups
        self.compress = compress
        self._wanted: Naming | None = None
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def request(self, naming: Naming) -> None:
        """Have the backups tidied soon; does not wait for it."""
        if self.max_backups <= 0 and not self.compress:
            return
        with self._lock:
            self._wanted = naming
            if self._thread is None:
                # A daemon: what it does may be broken off anywhere, and a stop is not to wait.
                self._thread = threading.Thread(target=self._run, name="backups", daemon=True)
                self._thread.start()

    def wait(self) -> None:
        """Return when nothing is left to do."""
        thread = self._thread
        if thread is not None:
            thread.join()

    def _run(self) -> None:
        while True:
            with self._lock:
                naming, self._wanted = self._wanted, None
                if naming is None:
                    self._thread = None
                    return
            try:
                keep_newest(naming, self.max_backups, compress=self.compress)
            except OSError as error:
                _log.warning(
                    "rotated export files could not be tidied; tried again after the next rotation",
                    extra={"attrs": {"file": error.filename, "error": error.strerror}},
                )


def keep_newest(naming: Naming, max_backups: int, *, compress: bool) -> None:
    """Remove all but the newest `max_backups` (0: none), and compress what stays if wanted.

    Raises OSError for the first file it cannot handle.
    """
    backups = []
    for backup in naming.backups():
        backup.partial.unlink(missing_ok=True)
        if backup.plain.exists() or backup.compressed.exists():
            backups.append(backup)
    kept = backups[:max_backups] if max_backups > 0 else backups
    for backup in backups[len(kept) :]:
        backup.plain.unlink(missing_ok=True)
        backup.compressed.unlink(missing_ok=True)
    if compress:
        for backup in kept:
            if backup.plain.exists():
                _compress(backup)


def _compress(backup: Backup) -> None:
    try:
        _write_compressed(backup.plain, backup.partial)
    except OSError:
        backup.partial.unlink(missing_ok=True)
        raise
    backup.partial.replace(backup.compressed)
    backup.plain.unlink()


def _write_compressed(source: Path, target: Path) -> None:
    """Owner and mode are the source's, from the beginning."""
    with source.open("rb") as plain:
        status = os.fstat(plain.fileno())
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(target, flags, 0o600)
        with os.fdopen(descriptor, "wb") as raw:
            os.fchown(descriptor, status.st_uid, status.st_gid)
            os.fchmod(descriptor, status.st_mode & 0o777)
            # The default level, 6, is Tetragon's; Python's own 9 takes twice the time.
            with gzip.GzipFile(filename="", fileobj=raw, mode="wb", compresslevel=6) as packed:
                shutil.copyfileobj(plain, packed, _CHUNK_BYTES)
            raw.flush()
            os.fsync(descriptor)
