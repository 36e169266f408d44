# SPDX-License-Identifier: Apache-2.0
"""What agents that are gone have left pinned (keeping.py): found, asked, detached, removed.

Nothing here needs the kernel's types, so an agent may look before it knows whether it has policies.
"""

from __future__ import annotations

import logging
import mmap
import os
import struct
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Final

from tetragon_core.errors import LoadError
from tetragon_sensors.kernel.pins import is_bpffs, open_pinned_map, unpin_links

from .acting import PROTECTED, VERDICTS
from .emitter import COUNTERS
from .keeping import (
    DECIDING,
    OTHERS,
    RECORD,
    RUN,
    UNFINISHED,
    check_owner,
    lock_directory,
    read_record,
    remove_run,
    remove_tree,
    write_record,
)
from .protected import protect
from .record import KIND_HIT
from .state import STATE, PolicyState
from .verdicts import await_denials

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from tetragon_sensors.kernel.maps import Map

__all__ = ["EarlierPolicy", "EarlierRuns", "pinned_policies"]

_log = logging.getLogger(__name__)

_BUSY: Final = 1 << 31
_DISCARDED: Final = 1 << 30
_RECORD_HEAD: Final = 8
_KIND: Final = struct.Struct("<IH")
_WORD: Final = struct.Struct("<Q")
_NO_ROOM_BYTES: Final = 128 << 10
"""A ring with less than this may have refused a record; the longest one is shorter."""


class EarlierRuns:
    """Runs of agents that do not live any more; while this is open nobody else takes them."""

    def __init__(self, root: Path, *, force: bool = False) -> None:
        """`force`: also those of agents that live. Unfinished ones are removed at once.

        Raises LoadError when others may have written there.
        """
        self._root = root
        self._locks = ExitStack()
        self._runs: list[Path] = []
        self.living = 0
        """Runs whose agents live."""
        if not root.is_dir() or not is_bpffs(root):
            return
        check_owner(root)
        for path in sorted(root.iterdir()):
            if path.name.startswith(RUN) and _is_own_directory(path):
                self._add(path, force=force)

    def _add(self, path: Path, *, force: bool) -> None:
        lock = lock_directory(path)
        if lock is not None:
            self._locks.callback(os.close, lock)
        elif path.exists():
            self.living += 1
        if lock is None and not force:
            return
        self._runs.append(path)
        for unfinished in path.glob(f"{UNFINISHED}*"):
            _log.info("a policy that was never enabled is removed: %s", unfinished)
            remove_tree(unfinished)

    def protect(self) -> None:
        """Let what was left send this process, and those above it, no signal either."""
        for run in self._runs:
            with suppress(LoadError), open_pinned_map(run / PROTECTED) as table:
                protect(table)

    def policies(self) -> Sequence[EarlierPolicy]:
        """Those that are still attached, and the accounts of those that were."""
        found = [entry for run in self._runs for entry in sorted(run.iterdir())]
        return [EarlierPolicy(path) for path in found if _is_own_directory(path)]

    def collect(self) -> int:
        """Remove runs that have no policy any more; hits in them that nobody received."""
        lost = 0
        for path in list(self._runs):
            if any(map(_is_own_directory, path.iterdir())):
                continue
            lost += _unreceived(path)
            remove_run(path)
            self._runs.remove(path)
        if not self._runs:
            with suppress(OSError):
                self._root.rmdir()
        return lost

    def close(self) -> None:
        """Leave to others what was not removed; idempotent."""
        self._locks.close()
        self._runs.clear()


class EarlierPolicy:
    """One policy an earlier agent has left."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._table: Map | None = None
        self._state: PolicyState | None = None

    @property
    def name(self) -> str:
        """Unique as long as it is there."""
        return f"{self._path.parent.name}/{self._path.name}"

    def record(self) -> bytes:
        """What its agent noted. Raises LoadError when that cannot be read."""
        return read_record(self._path / RECORD)

    def change_record(self, record: bytes) -> None:
        """Another record, in one step. Raises LoadError."""
        write_record(self._path / RECORD, record)

    def state(self) -> PolicyState | None:
        """Its mode and ledger; None when there is none."""
        if self._table is None:
            with suppress(LoadError, OSError, ValueError):
                self._table = open_pinned_map(self._path / STATE)
                self._state = PolicyState(self._table)
        return self._state

    @property
    def is_monitored(self) -> bool:
        """Whether it only monitors."""
        state = self.state()
        return state is not None and state.is_monitored

    @property
    def fell_back(self) -> bool:
        """Whether it does so because it killed too often."""
        state = self.state()
        return state is not None and state.fell_back

    def counters(self) -> Mapping[str, int]:
        """Its ledger; it is final after detach()."""
        state = self.state()
        return {} if state is None else state.counters()

    def detach(self) -> None:
        """Unpin the links; they are detached when this returns, record and ledger stay."""
        unpin_links(list(self._path.glob(f"{DECIDING}*")))
        if (self._path / VERDICTS).exists():
            with suppress(LoadError), open_pinned_map(self._path / VERDICTS) as verdicts:
                await_denials(verdicts)
        unpin_links(list(self._path.glob(f"{OTHERS}*")))

    def remove(self) -> None:
        """Detach, and forget the ledger too."""
        if self._path.is_dir():
            self.detach()
        if self._table is not None:
            self._table.close()
        remove_tree(self._path)


def pinned_policies(root: Path) -> Sequence[EarlierPolicy]:
    """Those of all agents, also of one that lives: to ask their records, and nothing else."""
    if not root.is_dir():
        return []
    found = [path for path in sorted(root.glob(f"{RUN}*/*")) if _is_own_directory(path)]
    return [EarlierPolicy(path) for path in found if not path.name.startswith(UNFINISHED)]


def _is_own_directory(path: Path) -> bool:
    """Not a link to some other one, whose files would be removed."""
    return path.is_dir() and not path.is_symlink()


def _unreceived(run: Path) -> int:
    """Hits that wait in the run's ring, and those it refused when it was full.

    What a full ring refused while the agent lived is among them.
    """
    try:
        with open_pinned_map(run / "ring") as ring:
            waiting, room = _waiting_hits(ring)
        with open_pinned_map(run / "hook_counters") as table:
            counters = table.lookup(b"\0\0\0\0") or bytes(8 * len(COUNTERS))
    except (LoadError, OSError):
        return 0
    refused = _WORD.unpack_from(counters, 8 * COUNTERS.index("LOST_HIT"))[0]
    return waiting + (int(refused) if room < _NO_ROOM_BYTES else 0)


def _waiting_hits(ring: Map) -> tuple[int, int]:
    """Number of hits in a ring buffer, and the bytes that are free."""
    size = ring.spec.max_entries
    page = mmap.PAGESIZE
    with (
        mmap.mmap(ring.fd, page, mmap.MAP_SHARED, mmap.PROT_READ) as consumer,
        mmap.mmap(ring.fd, page + size, mmap.MAP_SHARED, mmap.PROT_READ, offset=page) as producer,
    ):
        at, end = _WORD.unpack_from(consumer)[0], _WORD.unpack_from(producer)[0]
        free = size - (end - at)
        hits = 0
        while at < end:
            place = page + at % size
            (length,) = struct.unpack_from("<I", producer, place)
            if length & _BUSY:
                break
            if not length & _DISCARDED:
                kind = _KIND.unpack_from(producer, page + (at + _RECORD_HEAD) % size)[1]
                hits += kind == KIND_HIT
            at += (_RECORD_HEAD + (length & ~_DISCARDED) + 7) // 8 * 8
    return hits, free
