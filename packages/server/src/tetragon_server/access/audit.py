# SPDX-License-Identifier: Apache-2.0
"""Writes down who changed what: a line of the agent's log each, and a JSON line in a file."""

from __future__ import annotations

import contextlib
import json
import logging
import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tetragon_core.errors import UsageError
from tetragon_core.stats import Counter

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tetragon_core.stats import Stats

__all__ = ["AuditLog"]

_log = logging.getLogger(__name__)


class AuditLog:
    """One per agent. Each line is one write to a file that is only appended to."""

    def __init__(self, path: str, stats: Stats) -> None:
        """`path`: empty for none; UsageError when it cannot be opened."""
        self._path = path
        self._stats = stats
        self._descriptor: int | None = None
        self._is_failing = False
        if path:
            self.reopen()

    def reopen(self) -> None:
        """Open the file anew, for a log rotation that has moved it away."""
        if not self._path:
            return
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        try:
            fresh = os.open(self._path, flags, 0o600)
        except OSError as error:
            raise UsageError(
                f"cannot open audit log {self._path}: {error.strerror}; name a file that can be"
                " written"
            ) from error
        self.close()
        self._descriptor = fresh

    def close(self) -> None:
        """Write no more to the file."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def record(
        self, action: str, outcome: str, who: Mapping[str, Any], what: Mapping[str, Any]
    ) -> None:
        """`action`: the rpc, or what the agent did by itself; `outcome`: `done`, `refused: …`."""
        _log.info("audit", extra={"attrs": {"action": action, "outcome": outcome, **what, **who}})
        self.note(action, outcome, who, what)

    def of_file(self, what: str, key: tuple[str, str, str], file: str) -> None:
        """A file brought a policy or took it away, which the log says already."""
        name, namespace, domain = key
        self.note(
            what, "done", {"file": file}, {"name": name, "namespace": namespace, "domain": domain}
        )

    def note(
        self, action: str, outcome: str, who: Mapping[str, Any], what: Mapping[str, Any]
    ) -> None:
        """As `record`, without a line in the agent's log."""
        if self._descriptor is None:
            return
        stamp = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        entry = {"time": stamp, "action": action, "outcome": outcome, "who": who, "what": what}
        line = json.dumps(entry, ensure_ascii=False, default=str) + "\n"
        self._write(line.encode("utf-8", "replace"))

    def _write(self, line: bytes) -> None:
        assert self._descriptor is not None
        size = os.fstat(self._descriptor).st_size
        try:
            is_whole = os.write(self._descriptor, line) == len(line)
            reason = "no space left for the whole line"
        except OSError as error:
            is_whole, reason = False, error.strerror or str(error)
        if is_whole:
            self._is_failing = False
            return
        with contextlib.suppress(OSError):  # a device cannot be cut
            os.ftruncate(self._descriptor, size)
        self._stats.add(Counter.AUDIT_LOST)
        if not self._is_failing:
            self._is_failing = True
            attrs = {"file": self._path, "error": reason}
            _log.error("the audit log cannot be written; make room", extra={"attrs": attrs})
