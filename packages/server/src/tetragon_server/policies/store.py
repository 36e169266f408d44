# SPDX-License-Identifier: Apache-2.0
"""Policies as files that outlive the agent: one record each, in a directory of root's.

Names and contents are Tetragon's, so one agent can go on with what the other has left. What a
record means for a policy that runs is not known here.
"""

from __future__ import annotations

import json
import logging
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from tetragon_core.errors import TetragonError, UsageError

from .entry import PolicyKey

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["PolicyStore", "StoredPolicy"]

_log = logging.getLogger(__name__)

_SUFFIX: Final = ".json"
_UNFINISHED: Final = ".json.tmp"
_DIRECTORY_MODE: Final = 0o700
_FILE_MODE: Final = 0o600
_NAME_PARTS: Final = len(PolicyKey._fields)


class StoredPolicy(NamedTuple):
    """What is to be so."""

    text: str
    """YAML, with the mode somebody has set."""
    is_enabled: bool


class PolicyStore:
    """The records of one directory. Every change is on the disk when its call returns."""

    def __init__(self, directory: str) -> None:
        """Make the directory if there is none, and read it.

        Raises UsageError when it, or a record in it, cannot be used.
        """
        if not directory.strip():
            raise UsageError("--persist-grpc-policies-dir is empty; name a directory")
        self._directory = Path(directory)
        try:
            self._directory.mkdir(_DIRECTORY_MODE, parents=True, exist_ok=True)
            paths = sorted(self._directory.iterdir())
            self._records = dict(_read(path) for path in paths if _is_record(path))
        except OSError as error:
            raise UsageError(f"--persist-grpc-policies-dir {_told(error)}") from error

    def records(self) -> Mapping[PolicyKey, StoredPolicy]:
        """All there are now."""
        return dict(self._records)

    def path(self, key: PolicyKey) -> Path:
        """Where the record of a policy is. Raises UsageError for a name that fits in no file."""
        if any(character in part for part in key for character in "/\0"):
            raise UsageError(f"tracing policy {key} cannot be persisted: its name has a slash")
        if ":" in key.name + key.namespace:
            raise UsageError(f"tracing policy {key} cannot be persisted: its name has a colon")
        return self._directory / f"{':'.join(key)}{_SUFFIX}"

    def put(self, key: PolicyKey, stored: StoredPolicy) -> None:
        """Write or replace a record; there is always the old one or the new. Raises TetragonError;
        then the old one is there.
        """
        path = self.path(key)
        value = {"yaml": stored.text, "enabled": stored.is_enabled}
        try:
            _write(path, (json.dumps(value, indent=2) + "\n").encode())
        except OSError as error:
            raise TetragonError(
                f"tracing policy {key} was not persisted: {_told(error)}"
            ) from error
        self._records[key] = stored

    def remove(self, key: PolicyKey) -> None:
        """Forget a policy, if it is known. Raises TetragonError."""
        try:
            self.path(key).unlink(missing_ok=True)
            _sync(self._directory)
        except OSError as error:
            raise TetragonError(f"tracing policy {key} stays persisted: {_told(error)}") from error
        self._records.pop(key, None)


def _is_record(path: Path) -> bool:
    is_one = path.name.endswith(_SUFFIX) and stat.S_ISREG(path.lstat().st_mode)
    if not is_one:
        _log.warning("no record of a policy: left alone", extra={"attrs": {"file": path}})
    return is_one


def _read(path: Path) -> tuple[PolicyKey, StoredPolicy]:
    parts = path.name.removesuffix(_SUFFIX).split(":", _NAME_PARTS - 1)
    if len(parts) != _NAME_PARTS:
        raise UsageError(
            f"policy record {path}: it has to be named <name>:<namespace>:<domain>.json"
        )
    try:
        value = json.loads(path.read_bytes())
    except ValueError as error:
        raise UsageError(f"policy record {path}: not JSON: {error}") from error
    text, is_enabled = (
        (value.get("yaml"), value.get("enabled")) if isinstance(value, dict) else (0, 0)
    )
    if not isinstance(text, str) or not isinstance(is_enabled, bool):
        raise UsageError(f'policy record {path}: wanted is {{"yaml": "...", "enabled": true}}')
    return PolicyKey(*parts), StoredPolicy(text, is_enabled)


def _write(path: Path, content: bytes) -> None:
    unfinished = path.with_name(f"{path.name.removesuffix(_SUFFIX)}.{os.getpid()}{_UNFINISHED}")
    unfinished.unlink(missing_ok=True)  # of an agent that ended in the middle
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(unfinished, flags, _FILE_MODE)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(descriptor)
        unfinished.replace(path)
    except OSError:
        unfinished.unlink(missing_ok=True)
        raise
    _sync(path.parent)


def _sync(directory: Path) -> None:
    """Make names in it last."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _told(error: OSError) -> str:
    return f"{error.filename or ''}: {error.strerror}"
