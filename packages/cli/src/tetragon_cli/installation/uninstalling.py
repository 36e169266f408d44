# SPDX-License-Identifier: Apache-2.0
"""uninstall: the service ends, then the hook, then every file, and the record last.

A run that fails in the middle is finished by the next: what is gone already is no error.
"""

from __future__ import annotations

import shutil
from contextlib import suppress
from typing import TYPE_CHECKING

from tetragon_core.errors import AlreadyRunningError, TetragonError, UsageError

from ..kept_policies import kept_names, remove_kept
from .hooks import Hooks
from .installing import locked
from .layout import RECORD, SERVICE
from .others import other_installation
from .record import Record
from .removal import removal
from .service import AT_BOOT
from .service_settings import service_settings
from .steps import Verb, line
from .transaction import told_errors
from .unpacked import unused_copies

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .layout import Layout
    from .systemd import ServiceManager

__all__ = ["Uninstalling"]


class Uninstalling:
    """One run; made of what the host has now."""

    def __init__(
        self, layout: Layout, manager: ServiceManager, *, purge: bool, keeps_enforcing: bool
    ) -> None:
        """Raises TetragonError when nothing is installed."""
        self._layout = layout
        self._manager = manager
        self._keeps_enforcing = keeps_enforcing
        with told_errors():
            record = Record.read(layout)
            if record is None:
                raise _nothing(layout)
            copies = list(unused_copies(layout))
            self._trees = {*record.trees, *copies}
            self._steps = removal(layout, record, copies, purge=purge)
        units = (path for path in record.marks if path.name == SERVICE and path != AT_BOOT)
        self._has_unit = any(layout.seen(path).exists() for path in units)
        self._hooks = Hooks(layout, record.hooks)
        self._was_active = manager.is_active()
        self._pins, goes_on = _kept_root(layout)
        self._policies = kept_names(self._pins) if layout.is_host else []
        if keeps_enforcing and self._policies and self._was_active and not goes_on:
            raise UsageError(
                "--keep-enforcing: policies end with the agent, because keep-sensors-on-exit is"
                " false in its settings: set it, restart the service, then uninstall"
            )

    def lines(self) -> Iterator[str]:
        """What is done, in its order."""
        if self._was_active:
            yield line("stop", SERVICE)
        verb = Verb.KEEP if self._keeps_enforcing else Verb.REMOVE
        yield from (line(verb, name, "it enforces") for name in self._policies)
        yield from self._hooks.remove_lines()
        yield from map(str, self._steps)
        yield line(Verb.REMOVE, str(RECORD), "the record of this")

    def run(self) -> None:
        """Do it. Raises TetragonError; what is left then is removed by another run."""
        with told_errors("another `uninstall` goes on from there"), locked(self._layout):
            self._end_service()
            if not self._keeps_enforcing and self._layout.is_host:
                self._end_enforcing()
            self._hooks.remove()
            self._remove_files()
        with suppress(TetragonError):
            self._manager.look_again()

    def _end_service(self) -> None:
        """One that an administrator has masked cannot be disabled; our own link goes anyway."""
        if self._was_active:
            self._manager.stop()
        if self._has_unit:
            with suppress(TetragonError):
                self._manager.disable()

    def _end_enforcing(self) -> None:
        try:
            remove_kept(self._pins, lambda _: None, force=False)
        except AlreadyRunningError as error:
            raise AlreadyRunningError(
                f"an agent runs that is not the service, and has policies in {self._pins}: stop it,"
                " or give --keep-enforcing"
            ) from error

    def _remove_files(self) -> None:
        removed = [step.path for step in self._steps if step.verb is Verb.REMOVE]
        # The folder of the record goes after it.
        is_last = [path for path in removed if path in RECORD.parents]
        for path in removed:
            if path not in is_last:
                self._remove(path)
        self._layout.seen(RECORD).unlink(missing_ok=True)
        for path in is_last:
            self._remove(path)

    def _remove(self, path: Path) -> None:
        """A folder that somebody has put something in meanwhile stays."""
        seen = self._layout.seen(path)
        if seen.is_symlink() or not seen.is_dir():
            seen.unlink(missing_ok=True)
        elif path in self._trees:
            shutil.rmtree(seen)
        else:
            _remove_empty(seen)


def _remove_empty(folder: Path) -> None:
    with suppress(OSError):
        folder.rmdir()


def _kept_root(layout: Layout) -> tuple[Path, bool]:
    """Where policies are pinned, and whether they stay when the agent ends."""
    from tetragon_server.config import AgentConfig  # noqa: PLC0415  # keeps --help fast

    config = AgentConfig()
    with suppress(TetragonError):
        config = service_settings(layout)
    return config.keep_root, config.keep_sensors_on_exit


def _nothing(layout: Layout) -> TetragonError:
    other = other_installation(layout, None)
    if other is not None:
        return TetragonError(
            f"{other} is there, but no `tetragon-mini install` has put it there: remove it with"
            " what installed it (apt remove, dnf remove)"
        )
    return TetragonError(f"nothing is installed: there is no {layout.seen(RECORD)}")
