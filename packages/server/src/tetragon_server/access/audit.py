# SPDX-License-Identifier: Apache-2.0
"""Writes down who changed what: a line of the agent's log each, and a JSON line in a file."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tetragon_core.stats import Counter

from .audit_file import AuditFile

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["AuditLog"]

_log = logging.getLogger(__name__)


class AuditLog:
    """One per agent."""

    def __init__(self, path: str) -> None:
        """`path`: empty for none; UsageError when it cannot be opened."""
        self._file = AuditFile(path) if path else None

    def reopen(self) -> None:
        """Open the file anew, for a log rotation that has moved it away."""
        if self._file is not None:
            self._file.reopen()

    def close(self) -> None:
        """Write what waits, but not for long."""
        if self._file is not None:
            self._file.close()

    def counters(self) -> Mapping[Counter, int]:
        """Source for Stats."""
        return {Counter.AUDIT_LOST: self._file.lost if self._file is not None else 0}

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
        if self._file is None:
            return
        stamp = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        entry = {"time": stamp, "action": action, "outcome": outcome, "who": who, "what": what}
        # ASCII: names that clients choose could drive the terminal of who reads the file.
        line = json.dumps(entry, default=str) + "\n"
        self._file.append(line.encode("ascii"))
