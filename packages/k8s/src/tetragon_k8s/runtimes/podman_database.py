# SPDX-License-Identifier: Apache-2.0
"""Labels of Podman's containers: these are in its database only.

Until 4.7 that is ROOT/libpod/bolt_state.db (bbolt), since then for new installations ROOT/db.sql
(SQLite). The latter is read where Python has SQLite, which our executable does not, and only if it
is root's: SQLite's library is not meant for files of those who may want to harm.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any, Final

from .bolt import read_value

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["read_labels"]

_BOLT: Final = "libpod/bolt_state.db"
_SQLITE: Final = "db.sql"
_QUERY: Final = "SELECT JSON FROM ContainerConfig WHERE ID = ?"
_WAIT_S: Final = 0.1
"""For a lock of a Podman that writes."""


def read_labels(root: str, container_id: str) -> Mapping[str, str]:
    """Of a container of the storage at `root`; empty if they cannot be read."""
    try:
        text = _from_bolt(f"{root}/{_BOLT}", container_id)
        if text is None:
            text = _from_sqlite(f"{root}/{_SQLITE}", container_id)
        labels = json.loads(text or "{}").get("labels")
    except (OSError, ValueError, RecursionError, AttributeError):
        return {}
    pairs = labels.items() if isinstance(labels, dict) else ()
    return {key: value for key, value in pairs if isinstance(value, str)}


def _from_bolt(path: str, container_id: str) -> bytes | None:
    try:
        return read_value(path, (b"ctr", container_id.encode(), b"config"))
    except FileNotFoundError:
        return None


def _from_sqlite(path: str, container_id: str) -> Any:  # noqa: ANN401  # what the column has
    status = os.stat(path, follow_symlinks=False)  # noqa: PTH116  # a path is a text here
    if status.st_uid != os.geteuid():
        return None
    try:
        import sqlite3  # noqa: PLC0415  # where there is one, and only with such a Podman
    except ImportError:
        return None
    address = f"file:{path.replace('%', '%25').replace('?', '%3f').replace('#', '%23')}?mode=ro"
    try:
        connection = sqlite3.connect(address, uri=True, timeout=_WAIT_S)
        try:
            row = connection.execute(_QUERY, (container_id,)).fetchone()
        finally:
            connection.close()
    except sqlite3.Error:
        return None
    return row[0] if row else None
