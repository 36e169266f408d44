# SPDX-License-Identifier: Apache-2.0
"""A directory of policy files, and the policies that follow it as its files come, change and go.

A new version is loaded before the old one is given up, and a version that is refused changes
nothing: the old one stays. How changes are noticed is not known here.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tetragon_core.errors import TetragonError, UsageError
from tetragon_core.policy.problems import PolicyError

from .auditing import no_audit
from .entry import Domain, PolicyKey, PolicyState
from .files import FileBusyError, policy_files, read_file
from .reading import read_policy

if TYPE_CHECKING:
    from pathlib import Path

    from .auditing import Audit
    from .manager import PolicyManager
    from .reading import ReadPolicy
    from .worker import EngineWorker

__all__ = ["PolicyDirectory", "log_refused"]

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _File:
    """A file as it was last read."""

    text: str
    read: ReadPolicy | None
    """None: it is no policy."""
    tried: bool = False
    """It was loaded or refused; the same text is not tried again."""
    is_shadowed: bool = False
    """Another file has the same policy."""
    holds: set[PolicyKey] = field(default_factory=set)
    """What the manager has of this file, of this text or of an older one."""

    @property
    def key(self) -> PolicyKey | None:
        """The policy's key; None when it is none."""
        if self.read is None:
            return None
        return PolicyKey(self.read.policy.name, self.read.policy.namespace, Domain.STATIC)


class PolicyDirectory:
    """Makes the manager's static policies those of the directory, each time `follow` is called."""

    def __init__(
        self, path: Path, manager: PolicyManager, worker: EngineWorker, audit: Audit = no_audit
    ) -> None:
        self.path = path
        self._audit = audit
        self._manager = manager
        self._worker = worker
        self._files: dict[str, _File] = {}
        self._loaded: dict[PolicyKey, str] = {}
        """The text each policy in the kernel was made of."""
        self._is_busy = False

    def adopt(self, path: Path, key: PolicyKey, text: str) -> None:
        """Let a policy that was made of an older text of this file follow it from now on."""
        self._files.setdefault(path.name, _File("", None, tried=True)).holds.add(key)
        self._loaded[key] = text

    async def follow(self) -> bool:
        """Look, load, replace, remove. True when a file is being written: look again later."""
        self._is_busy = False
        try:
            paths = policy_files(self.path)
        except (FileNotFoundError, NotADirectoryError):
            paths = []
        except OSError as error:
            log_refused(str(self.path), error)
            return False
        held = {key for file in self._files.values() for key in file.holds}
        files: dict[str, _File] = {}
        for path in paths:
            file = await self._look(path)
            if file is not None:
                files[path.name] = file
        self._files = files
        await self._load_new(files)
        for key in held - {key for file in files.values() for key in file.holds}:
            await self._remove(key)
        return self._is_busy

    async def _look(self, path: Path) -> _File | None:
        """The file as it is now; as it was, while it is being written; None when it is gone."""
        known = self._files.get(path.name)
        try:
            text = read_file(path)
        except FileBusyError:
            self._is_busy = True
            return known
        except FileNotFoundError:
            return None
        except UsageError as error:
            return _refused(path, str(error), error, known)
        if known is not None and known.text == text:
            return known
        try:
            read = await self._worker.run(lambda: read_policy(text, str(path)))
        except TetragonError as error:
            return _refused(path, text, error, known)
        return _File(text, read, holds=_held_by(known))

    async def _load_new(self, files: dict[str, _File]) -> None:
        """Load what was not tried yet; of several files with one policy only the first counts."""
        first: dict[PolicyKey, str] = {}
        for name, file in files.items():
            key = file.key
            if key is None or file.read is None:
                first.update(dict.fromkeys(file.holds - first.keys(), name))  # its old one stays
                continue
            if key in first:
                if not file.is_shadowed:
                    message = f"policy {key.name} is also in {first[key]}, which is used"
                    log_refused(str(self.path / name), UsageError(message))
                file.is_shadowed, file.tried, file.holds = True, False, set()
                continue
            first[key] = name
            if not file.tried:
                file.is_shadowed, file.tried = False, True
                await self._load(name, file, key, file.read)

    async def _load(self, name: str, file: _File, key: PolicyKey, read: ReadPolicy) -> None:
        entry = self._manager.get(key)
        is_loaded = entry is not None and entry.loaded is not None and key in self._loaded
        if is_loaded and self._loaded[key] == file.text:
            file.holds = {key}  # the file has another name now
            return
        try:
            if is_loaded:
                entry = await self._manager.replace(key, read)
            else:
                entry = await self._manager.add(read, Domain.STATIC)
        except TetragonError as error:
            log_refused(str(self.path / name), error, keeps=bool(file.holds) and is_loaded)
            entry = self._manager.get(key)
            if entry is not None and entry.state is PolicyState.LOAD_ERROR:
                file.holds.add(key)
            return
        file.holds = {key}
        self._loaded[key] = file.text
        what = "a policy was replaced" if is_loaded else "a policy was loaded"
        _log.info(what, extra={"attrs": {"name": key.name, "file": self.path / name}})
        self._audit(what, key, str(self.path / name))
        for warning in entry.warnings:
            _log.warning("policy", extra={"attrs": {"warning": warning}})

    async def _remove(self, key: PolicyKey) -> None:
        self._loaded.pop(key, None)
        if self._manager.get(key) is not None:  # it may have been deleted by hand
            await self._manager.delete(key)
            _log.info("a policy was removed", extra={"attrs": {"name": key.name}})
            self._audit("a policy was removed", key, str(self.path))


def _held_by(known: _File | None) -> set[PolicyKey]:
    return set() if known is None else set(known.holds)


def _refused(path: Path, text: str, error: Exception, known: _File | None) -> _File:
    """What cannot be read or parsed: told once, and what was loaded of it before stays."""
    if known is not None and known.text == text:
        return known
    holds = _held_by(known)
    log_refused(str(path), error, keeps=bool(holds))
    return _File(text, None, tried=True, holds=holds)


def log_refused(source: str, error: Exception, *, keeps: bool = False) -> None:
    """One line for each problem, and one that says what is done about it."""
    problems = error.problems if isinstance(error, PolicyError) else ()
    texts = [problem.text(source) for problem in problems] or [str(error)]
    for text in texts:
        _log.error("policy refused", extra={"attrs": {"problem": text}})
    if keeps:
        _log.error("its version before stays", extra={"attrs": {"file": source}})
