# SPDX-License-Identifier: Apache-2.0
"""install: everything is looked at, then written beside its place, then switched to; or nothing is.

An agent that runs as the service is stopped for the switch and started again. What it enforces goes
on meanwhile (`keep-sensors-on-exit`), and its program never changes under it.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from tetragon_core.errors import AlreadyRunningError, TetragonError

from .hooks import Hooks
from .kinds import wanted
from .layout import RECORD, SERVICE, STATE
from .others import check_place, refuse_others
from .plan import plan
from .record import Record
from .service import AT_BOOT
from .service_settings import service_settings
from .steps import Step, Verb, line
from .transaction import Transaction, told_errors
from .wanted import File

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .layout import Choices, Layout
    from .plan import Plan
    from .systemd import ServiceManager

    Say = Callable[[str], object]

__all__ = ["Installing", "locked"]


class Installing:
    """One run; made of what the host has now."""

    def __init__(self, choices: Choices, manager: ServiceManager) -> None:
        """Raises TetragonError when it cannot be done as the host is."""
        layout = choices.layout
        self._choices = choices
        self._manager = manager
        with told_errors():
            self._before = Record.read(layout)
            check_place(layout)
            refuse_others(layout, self._before)
            self._plan: Plan = plan(choices, wanted(choices), self._before)
        self._hooks = Hooks(layout, choices.hooks)
        self._was_active = manager.is_active()
        self._is_switching = False
        if self._starts:
            _check_settings(layout)

    @property
    def _starts(self) -> bool:
        """The service that ran runs again; a new one runs from now on."""
        if self._was_active:
            return self._plan.has_changes
        switched_on = any(
            step.path == AT_BOOT and step.verb is Verb.CREATE for step in self._plan.steps
        )
        return self._manager.is_there and switched_on

    def lines(self) -> Iterator[str]:
        """What is done, in its order. Raises TetragonError."""
        yield from map(str, self._plan.steps)
        yield from self._hooks.lines()
        if self._choices.is_recorded:
            is_new = self._before is None
            yield line(Verb.CREATE if is_new else Verb.REPLACE, str(RECORD), "the record of this")
        if self._starts:
            yield line("restart" if self._was_active else "start", SERVICE)

    def run(self) -> None:
        """Do it. Raises TetragonError; then everything is as it was."""
        change = Transaction(self._choices.layout)
        with told_errors():
            try:
                if self._choices.is_recorded:
                    change.make_folder(STATE)
                with locked(self._choices.layout):
                    self._stage(change)
                    self._switch(change)
                    change.finish()
            except BaseException:
                self._undo(change)
                raise

    def _stage(self, change: Transaction) -> None:
        for step in self._plan.steps:
            change.stage(step)
        if not self._choices.is_recorded:
            return
        record = self._plan.record
        record.folders |= set(change.made)
        verb = Verb.CREATE if self._before is None else Verb.REPLACE
        thing = File(path=RECORD, content=record.content())
        change.stage(Step(verb=verb, path=RECORD, thing=thing))

    def _switch(self, change: Transaction) -> None:
        self._is_switching = True
        if self._starts and self._was_active:
            self._manager.stop()
        change.commit()
        self._hooks.add()
        if self._before is not None and self._before.hooks:
            self._hooks.refresh()
        self._manager.look_again()
        if self._starts:
            self._start()

    def _start(self) -> None:
        try:
            self._manager.start()
        except TetragonError as error:
            raise TetragonError(
                f"the service does not start, so everything is as it was: {error};"
                f" `journalctl -u {SERVICE}` tells why, --no-start installs all the same"
            ) from error

    def _undo(self, change: Transaction) -> None:
        """As far as that can be had; the first error is the one that is told."""
        if not self._is_switching:
            change.undo()
            return
        self._hooks.undo()
        with suppress(TetragonError):
            if self._starts:
                self._manager.stop()
        change.undo()
        with suppress(TetragonError):
            self._manager.look_again()
            if self._was_active and not self._manager.is_active():
                self._manager.start()


def _check_settings(layout: Layout) -> None:
    """An agent that runs must not be stopped for one that cannot start. Raises TetragonError."""
    try:
        service_settings(layout)
    except TetragonError as error:
        raise TetragonError(
            f"with these settings the service would not start, so nothing is changed: {error}"
        ) from error


@contextmanager
def locked(layout: Layout) -> Iterator[None]:
    """One install or uninstall at a time. Raises AlreadyRunningError."""
    path = layout.seen(STATE)
    if not path.is_dir():
        yield
        return
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise AlreadyRunningError(
                "another install or uninstall is at work on this host: wait for its end"
            ) from error
        yield
    finally:
        os.close(descriptor)
