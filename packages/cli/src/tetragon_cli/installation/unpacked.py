# SPDX-License-Identifier: Apache-2.0
"""Copies of the program that the executable has unpacked for root before it was installed.

tools/launcher makes them; whoever runs from one holds a shared lock on its file `lock`.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .layout import Layout

__all__ = ["unused_copies"]

_PLACES: Final = (Path("/var/lib/tetragon-mini/program"), Path("/run/tetragon-mini/program"))
_LOCK: Final = "lock"


def unused_copies(layout: Layout) -> Iterator[Path]:
    """Copies that nobody but this process runs from, as the host sees them."""
    for place in _PLACES:
        folder = layout.seen(place)
        if folder.is_dir() and not folder.is_symlink():
            copies = (path for path in sorted(folder.iterdir()) if not path.is_symlink())
            unused = (path for path in copies if path.is_dir() and _is_unused(path))
            yield from (place / path.name for path in unused)


def _is_unused(copy: Path) -> bool:
    """A lock that is ours already becomes one that is nobody else's, if that can be."""
    own = _own_descriptor(copy / _LOCK)
    try:
        descriptor = os.open(copy / _LOCK, os.O_RDONLY | os.O_CLOEXEC) if own is None else own
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        if own is None:
            os.close(descriptor)
    return True


def _own_descriptor(path: Path) -> int | None:
    for entry in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            if entry.readlink() == path:
                return int(entry.name)
    return None
