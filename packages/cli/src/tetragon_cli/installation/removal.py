# SPDX-License-Identifier: Apache-2.0
"""What uninstall removes: exactly what install put there, as long as it is still the same."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from .layout import RECORD, STATE
from .steps import Step, Verb
from .wanted import mark_of, marks_below

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from .layout import Layout
    from .record import Record

__all__ = ["AGENT_FOLDERS", "removal"]

AGENT_FOLDERS: Final = (Path("/run/tetragon"), Path("/var/log/tetragon"))
"""The unit has systemd make them."""
_AGENT_FILES: Final = ("tetragon.pid", "tetragon.sock", "tetragon-info.json")
"""In the first, while the agent runs; it removes them when it ends."""


def removal(layout: Layout, record: Record, copies: Sequence[Path], *, purge: bool) -> list[Step]:
    """Files and copies, then folders, deepest first. The record is to go last. Raises OSError."""
    found = _Removal(layout, record, purge=purge)
    found.add_copies(copies)
    found.add_trees()
    found.add_files()
    found.add_folders()
    return found.steps


def _depth_first(path: Path) -> tuple[int, str]:
    return -len(path.parts), str(path)


class _Removal:
    def __init__(self, layout: Layout, record: Record, *, purge: bool) -> None:
        self._layout = layout
        self._record = record
        self._purge = purge
        self._gone: set[Path] = set()
        """What is not there any more then."""
        self._emptied: set[Path] = set()
        """Folders that go when nothing else is in them."""
        self.steps: list[Step] = []

    def _remove(self, path: Path, note: str = "") -> None:
        self._gone.add(path)
        self.steps.append(Step(verb=Verb.REMOVE, path=path, note=note))

    def _keep(self, path: Path, note: str) -> None:
        self.steps.append(Step(verb=Verb.KEEP, path=path, note=note))

    def add_copies(self, copies: Sequence[Path]) -> None:
        """Programs that the executable has unpacked."""
        for path in copies:
            self._remove(path, "unpacked program")
            self._emptied |= {path.parent, path.parent.parent}

    def add_trees(self) -> None:
        """One line for each; what is not ours in it stays, and has a line."""
        for tree in sorted(self._record.trees):
            there = marks_below(self._layout.seen(tree), tree)
            ours = {path for path, mark in there.items() if self._is_ours(path, mark)}
            if ours == there.keys():
                if self._layout.seen(tree).exists():
                    self._remove(tree, f"{len(ours)} files")
                continue
            for path in sorted(ours):
                self._remove(path)
            for path in sorted(there.keys() - ours):
                self._keep(path, "it is not what was installed")

    def _is_ours(self, path: Path, mark: str) -> bool:
        recorded = self._record.marks.get(path)
        return recorded is not None and (recorded == mark or self._purge)

    def add_files(self) -> None:
        """The others."""
        for path in sorted(self._record.marks):
            mark = mark_of(self._layout.seen(path))
            if mark is None or any(path.is_relative_to(tree) for tree in self._record.trees):
                continue
            if self._is_ours(path, mark) and mark != "folder":
                self._remove(path)
            else:
                self._keep(path, "it was changed; --purge removes it")

    def add_folders(self) -> None:
        """Those that were made, when nothing of others is in them."""
        self._gone.add(RECORD)
        folders = {*self._record.folders, *self._below_trees(), *self._emptied, STATE}
        if self._layout.is_host:
            folders |= set(AGENT_FOLDERS)
            self._gone |= {AGENT_FOLDERS[0] / name for name in _AGENT_FILES}
        for folder in sorted(folders, key=_depth_first):
            if folder in self._gone or not self._is_folder(folder):
                continue
            others = sorted(path for path in self._inside(folder) if path not in self._gone)
            if not others:
                self._remove(folder)
            elif len(others) == 1:
                self._keep(folder, f"it has {others[0].name}")
            else:
                self._keep(folder, f"it has {others[0].name} and {len(others) - 1} more")

    def _below_trees(self) -> Iterator[Path]:
        for tree in self._record.trees - self._gone:
            seen = self._layout.seen(tree)
            if seen.is_dir():
                yield tree
                yield from (
                    tree / path.relative_to(seen) for path in seen.rglob("*") if path.is_dir()
                )

    def _is_folder(self, path: Path) -> bool:
        return mark_of(self._layout.seen(path)) == "folder"

    def _inside(self, folder: Path) -> Iterable[Path]:
        return (folder / path.name for path in self._layout.seen(folder).iterdir())
