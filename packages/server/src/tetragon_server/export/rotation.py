# SPDX-License-Identifier: Apache-2.0
"""Names of rotated export files. Which of the files stay is not decided here."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["COMPRESSED", "PARTIAL", "Backup", "Naming"]

COMPRESSED: Final = ".gz"
PARTIAL: Final = ".gz.part"
_STAMP: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d{3}")
_MILLISECOND: Final = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Backup:
    """One rotation's file; while it is compressed, and after a crash in that, there are two."""

    stamp: str
    """Sorts by time."""
    plain: Path
    """Where the file is, or was, before it was compressed."""

    @property
    def compressed(self) -> Path:
        """Where it is after that."""
        return self.plain.with_name(self.plain.name + COMPRESSED)

    @property
    def partial(self) -> Path:
        """What a compression that did not end leaves."""
        return self.plain.with_name(self.plain.name + PARTIAL)


class Naming:
    """`<base>-<UTC time><ext>` beside the export file: `tetragon-2026-01-02T03-04-05.006.log`."""

    def __init__(self, path: Path) -> None:
        # As Go's filepath.Ext has it: `.log` is all extension.
        stem, dot, extension = path.name.rpartition(".")
        self._directory = path.parent
        self._prefix = f"{stem if dot else path.name}-"
        self._suffix = dot + extension if dot else ""

    def fresh(self, now_ns: int) -> Path:
        """A name that no file has, for a rotation at `now_ns` after the epoch or right after it."""
        moment = datetime.fromtimestamp(now_ns // 1_000_000_000, UTC)
        moment += timedelta(microseconds=now_ns % 1_000_000_000 // 1000)
        while True:
            stamp = f"{moment:%Y-%m-%dT%H-%M-%S}.{moment.microsecond // 1000:03d}"
            backup = self._backup(stamp)
            if not backup.plain.exists() and not backup.compressed.exists():
                return backup.plain
            moment += _MILLISECOND

    def backups(self) -> list[Backup]:
        """Every rotation that left a file, newest first; other files are not looked at."""
        stamps = {self._stamp(path.name) for path in self._directory.iterdir()}
        return [self._backup(stamp) for stamp in sorted(filter(None, stamps), reverse=True)]

    def _backup(self, stamp: str) -> Backup:
        return Backup(stamp, self._directory / f"{self._prefix}{stamp}{self._suffix}")

    def _stamp(self, name: str) -> str:
        """The time in a backup's name; empty when it is none."""
        for ending in (self._suffix + PARTIAL, self._suffix + COMPRESSED, self._suffix):
            if name.startswith(self._prefix) and name.endswith(ending):
                stamp = name[len(self._prefix) : len(name) - len(ending)]
                if _STAMP.fullmatch(stamp):
                    return stamp
        return ""
