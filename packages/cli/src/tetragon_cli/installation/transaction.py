# SPDX-License-Identifier: Apache-2.0
"""Takes the steps of a plan, all or none: everything is written beside its place first.

What can fail for want of room or permission fails there. Then names are changed, each at one
moment, and can be changed back until `finish`. What a killed run left is cleared by the next.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from functools import partial
from typing import TYPE_CHECKING, Final

from tetragon_core.errors import PermissionDeniedError, TetragonError
from tetragon_core.program_tree import copy_tree

from .exchange import exchange
from .steps import Step, Verb
from .wanted import File, Folder, Link, Tree

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from .layout import Layout
    from .wanted import Wanted

__all__ = ["Transaction", "told_errors"]

_FILE_MODE: Final = 0o644
_FOLDER_MODE: Final = 0o755


class Transaction:
    """One run of install. Methods raise OSError and TetragonError; then `undo` is to be called."""

    def __init__(self, layout: Layout) -> None:
        self._seen = layout.seen
        self.made: list[Path] = []
        """Folders that were not there, as the host sees them."""
        self._staged: list[Step] = []
        self._undone_by: list[Callable[[], object]] = []
        self._rubbish: list[Path] = []

    def stage(self, step: Step) -> None:
        """Write what the step needs beside its place; nothing that is there changes."""
        for leftover in (self._new(step.path), self._old(step.path)):
            _discard(leftover)
        if step.verb is Verb.KEEP:
            return
        self._staged.append(step)
        thing = step.thing
        if thing is None:
            return
        new = self._new(thing.path)
        try:
            self.make_folder(thing.path if isinstance(thing, Folder) else thing.path.parent)
            self._rubbish.append(new)
            _make(thing, new)
        except OSError as error:
            # A write that fails does not know what it is for.
            error.filename = error.filename or thing.path
            raise

    def make_folder(self, path: Path) -> None:
        """One that everybody may look into, and those above it."""
        seen = self._seen(path)
        if seen.is_dir():
            return
        self.make_folder(path.parent)
        seen.mkdir()
        self.made.append(path)
        seen.chmod(_FOLDER_MODE)

    def commit(self) -> None:
        """Change the names."""
        for step in self._staged:
            path, new, old = self._seen(step.path), self._new(step.path), self._old(step.path)
            if isinstance(step.thing, Folder):
                continue
            if step.verb is Verb.CREATE:
                new.rename(path)
                self._undone_by.append(partial(path.rename, new))
            elif isinstance(step.thing, Tree):
                exchange(new, path)
                self._undone_by.append(partial(exchange, new, path))
            else:
                self._replace_or_remove(step, path, new, old)

    def _replace_or_remove(self, step: Step, path: Path, new: Path, old: Path) -> None:
        if step.saved is not None:
            old = self._seen(step.saved)
        else:
            self._rubbish.append(old)
        if step.verb is Verb.REMOVE:
            path.rename(old)
        else:
            _keep_as(path, old)
            new.rename(path)
        self._undone_by.append(partial(old.rename, path))

    def undo(self) -> None:
        """Have everything as it was, as far as that can be had."""
        for change in reversed(self._undone_by):
            with contextlib.suppress(OSError):
                change()
        self._undone_by = []
        self._clear()
        for folder in reversed(self.made):
            with contextlib.suppress(OSError):
                self._seen(folder).rmdir()
        self.made = []

    def finish(self) -> None:
        """Keep the changes: what was replaced goes."""
        self._undone_by = []
        for folder in {self._seen(step.path).parent for step in self._staged}:
            _sync_folder(folder)
        self._clear()

    def _clear(self) -> None:
        for path in self._rubbish:
            with contextlib.suppress(OSError):
                _discard(path)

    def _new(self, path: Path) -> Path:
        seen = self._seen(path)
        return seen.with_name(f".{seen.name}.tetragon-mini-new")

    def _old(self, path: Path) -> Path:
        seen = self._seen(path)
        return seen.with_name(f".{seen.name}.tetragon-mini-old")


@contextlib.contextmanager
def told_errors(outcome: str = "everything is as it was") -> Iterator[None]:
    """One line for what the host refuses: what that is, and the outcome."""
    try:
        yield
    except OSError as error:
        name = os.fsdecode(error.filename or "the host")
        advice = ", choose another --prefix" if error.errno == errno.EROFS else ""
        told = f"cannot change {name}: {error.strerror}{advice}; {outcome}"
        if isinstance(error, PermissionError) and os.geteuid() != 0:
            raise PermissionDeniedError(f"{told}; run as root (sudo)") from error
        raise TetragonError(told) from error


def _make(thing: Wanted, new: Path) -> None:
    if isinstance(thing, File):
        _write(new, thing.content)
    elif isinstance(thing, Link):
        new.symlink_to(thing.target)
    elif isinstance(thing, Tree):
        copy_tree(thing.source, new, thing.path)


def _write(path: Path, content: bytes) -> None:
    with path.open("xb") as file:
        file.write(content)
        os.fchmod(file.fileno(), _FILE_MODE)
        file.flush()
        os.fsync(file.fileno())


def _keep_as(path: Path, old: Path) -> None:
    """A second name, so that the first is there all the time; else a copy."""
    with contextlib.suppress(FileNotFoundError):
        old.unlink()
    try:
        os.link(path, old, follow_symlinks=False)
    except OSError:
        shutil.copy2(path, old, follow_symlinks=False)


def _discard(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _sync_folder(path: Path) -> None:
    """Where it is possible: the names are right, whether or not they are on the disk yet."""
    with contextlib.suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
