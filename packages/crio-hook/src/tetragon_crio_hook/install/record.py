# SPDX-License-Identifier: Apache-2.0
"""What was changed for each runtime, so that it can be changed back: a file beside the program."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tetragon_core.errors import TetragonError

from .files import content_of, replace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .place import Change, Place

__all__ = ["Entry", "Record", "digest"]

_NAME: Final = "installed.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One changed file."""

    path: str
    before: str | None
    """Base64; None: it was not there."""
    after: str
    """SHA-256 of what was written."""

    @property
    def content_before(self) -> bytes | None:
        """The bytes to put back."""
        return None if self.before is None else base64.b64decode(self.before)


class Record:
    """Changes by runtime, kept in the folder of the program."""

    def __init__(self, place: Place) -> None:
        """Read it; raises TetragonError when it cannot be read."""
        self._place = place
        self._path = place.directory / _NAME
        self.runtimes: dict[str, list[Entry]] = {}
        self._folders: list[str] = []
        content = content_of(place, self._path)
        if content is None:
            return
        try:
            found = json.loads(content)
            self._folders = [str(folder) for folder in found["folders"]]
            self.runtimes = {
                runtime: [Entry(**entry) for entry in entries]
                for runtime, entries in found["runtimes"].items()
            }
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise TetragonError(
                f"{self._path} is damaged ({error}): remove the changes by hand, then this file"
            ) from error

    def add(self, runtime: str, changes: Sequence[Change]) -> None:
        """Before anything is changed. What was there before us stays what is put back."""
        first = {entry.path: entry for entries in self.runtimes.values() for entry in entries}
        self.runtimes[runtime] = [_entry(change, first.get(str(change.path))) for change in changes]
        for path in (self._path, *(change.path for change in changes)):
            missing = [str(one) for one in path.parents if not self._place.seen(one).exists()]
            self._folders += [one for one in missing if one not in self._folders]
        self._write()

    def remove(self, runtime: str) -> None:
        """After the files are changed back."""
        del self.runtimes[runtime]
        self._write()

    def remove_folders(self) -> None:
        """Those that an installation made, as far as nothing is in them."""
        for folder in sorted(self._folders, key=len, reverse=True):
            with contextlib.suppress(OSError):
                self._place.seen(Path(folder)).rmdir()

    def is_shared(self, runtime: str, path: str) -> bool:
        """Whether another runtime reads the same file."""
        others = (entries for name, entries in self.runtimes.items() if name != runtime)
        return any(entry.path == path for entries in others for entry in entries)

    def _write(self) -> None:
        if not self.runtimes:
            self._place.seen(self._path).unlink(missing_ok=True)
            return
        runtimes = {name: [asdict(entry) for entry in one] for name, one in self.runtimes.items()}
        content = json.dumps({"runtimes": runtimes, "folders": self._folders}, indent=1)
        replace(self._place, self._path, f"{content}\n".encode(), 0o600)


def digest(content: bytes) -> str:
    """What tells whether a file is still as it was written."""
    return hashlib.sha256(content).hexdigest()


def _entry(change: Change, first: Entry | None) -> Entry:
    """Ours is not what was there before us."""
    before = None if change.before is None else base64.b64encode(change.before).decode()
    if first is not None and change.before is not None and digest(change.before) == first.after:
        before = first.before
    return Entry(path=str(change.path), before=before, after=digest(change.after))
