# SPDX-License-Identifier: Apache-2.0
"""The OCI hook, for those who ask for it: `hook install` with its usual settings.

Its files are in a record of its own, beside its program, because `hook install` works alone too.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from tetragon_core.errors import TetragonError

from .steps import Verb, line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tetragon_crio_hook.install.place import Place
    from tetragon_crio_hook.install.record import Entry

    from .layout import Layout

__all__ = ["Hooks"]


class Hooks:
    """Of some runtimes."""

    def __init__(self, layout: Layout, runtimes: tuple[str, ...]) -> None:
        self._root = layout.root
        self._runtimes = runtimes
        self._added: list[str] = []

    def lines(self) -> Iterator[str]:
        """What `add` would do. Raises TetragonError when it could not."""
        from tetragon_crio_hook.install import installer  # noqa: PLC0415  # only with a hook

        for runtime in self._runtimes:
            place = self._place(runtime)
            for change in installer.plan(runtime, place):
                verb = Verb.CREATE if change.before is None else Verb.REPLACE
                is_same = change.before == change.after
                yield line(Verb.KEEP if is_same else verb, str(change.path), f"hook of {runtime}")

    def add(self) -> None:
        """Install it, or its program anew where it is already. Raises TetragonError."""
        from tetragon_crio_hook.install import installer  # noqa: PLC0415  # as above

        for runtime in self._runtimes:
            was_there = runtime in self._installed(runtime)
            installer.install(runtime, self._place(runtime), lambda _: None)
            if not was_there:
                self._added.append(runtime)

    def refresh(self) -> None:
        """The program of hooks that were installed earlier becomes this version's."""
        from tetragon_crio_hook.install.program_files import (  # noqa: PLC0415  # as above
            install_program,
        )

        if self._installed("crio"):
            install_program(self._place("crio"))

    def undo(self) -> None:
        """Take away what `add` has added."""
        from tetragon_crio_hook.install import installer  # noqa: PLC0415  # as above

        for runtime in reversed(self._added):
            with suppress(TetragonError):
                installer.uninstall(runtime, self._place(runtime), lambda _: None)

    def remove_lines(self) -> Iterator[str]:
        """What `remove` would do."""
        for runtime in self._runtimes:
            for entry in self._installed(runtime).get(runtime, []):
                note = f"hook of {runtime}"
                yield line(Verb.REMOVE if entry.before is None else "restore", entry.path, note)

    def remove(self) -> None:
        """Uninstall it where it still is. Raises TetragonError."""
        from tetragon_crio_hook.install import installer  # noqa: PLC0415  # as above

        for runtime in self._runtimes:
            if runtime in self._installed(runtime):
                installer.uninstall(runtime, self._place(runtime), lambda _: None)

    def _installed(self, runtime: str) -> dict[str, list[Entry]]:
        from tetragon_crio_hook.install.record import Record  # noqa: PLC0415  # as above

        return Record(self._place(runtime)).runtimes

    def _place(self, runtime: str) -> Place:
        from tetragon_crio_hook.install.place import (  # noqa: PLC0415  # as above
            Place,
            usual_arguments,
        )

        return Place(host_root=self._root, hook_arguments=usual_arguments(runtime))
