# SPDX-License-Identifier: Apache-2.0
"""Compares what is wanted with what the host has and what an earlier installation put there.

Reads only. Who else has put something where a file should go is asked to take it away; settings
that an administrator changed stay.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from tetragon_core import __version__
from tetragon_core.errors import TetragonError

from .record import Record
from .steps import Step, Verb
from .wanted import File, Folder, Link, Tree, mark_of, marks_below

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from .layout import Choices
    from .wanted import Wanted

__all__ = ["Plan", "plan"]

_NEW: Final = ".new"
_SAVED: Final = ".saved"


@dataclass(slots=True)
class Plan:
    """Steps in their order, and the record from then on."""

    steps: list[Step] = field(default_factory=list)
    record: Record = field(default_factory=Record)

    @property
    def has_changes(self) -> bool:
        """Whether any path changes."""
        return any(step.verb is not Verb.KEEP for step in self.steps)


def plan(choices: Choices, things: Sequence[Wanted], before: Record | None) -> Plan:
    """Raises TetragonError for what another has put there, OSError for what cannot be read."""
    found = _Comparison(choices, before or Record())
    for thing in things:
        found.add(thing)
    found.add_obsolete()
    return found.plan


class _Comparison:
    def __init__(self, choices: Choices, before: Record) -> None:
        self._layout = choices.layout
        self._seen: Callable[[Path], Path] = choices.layout.seen
        self._before = before
        self.plan = Plan(
            record=Record(
                version=__version__,
                prefix=choices.layout.prefix,
                folders=set(before.folders),
                hooks=tuple(dict.fromkeys((*before.hooks, *choices.hooks))),
            )
        )

    def add(self, thing: Wanted) -> None:
        """Compare one thing."""
        self._check_folders_above(thing.path)
        if isinstance(thing, Tree):
            self._add_tree(thing)
        elif isinstance(thing, Folder):
            self._add_folder(thing)
        elif isinstance(thing, Link):
            self._add_link(thing)
        elif thing.is_settings:
            self._add_settings(thing)
        else:
            self._add_one(thing)

    def _step(self, verb: Verb, thing: Wanted, note: str = "", saved: Path | None = None) -> None:
        is_done = verb is not Verb.KEEP
        kept = thing if is_done else None
        self.plan.steps.append(Step(verb=verb, path=thing.path, note=note, thing=kept, saved=saved))

    def _check_folders_above(self, path: Path) -> None:
        for above in path.parents:
            mark = mark_of(self._seen(above))
            if mark is not None and not self._seen(above).is_dir():
                raise TetragonError(f"{above} is no folder, so {path} cannot be put there")
        root = self._layout.root
        if not self._seen(path.parent).resolve().is_relative_to(root):
            raise TetragonError(
                f"{path.parent} leads out of {root} by a symbolic link: make that a relative one"
            )

    def _add_tree(self, thing: Tree) -> None:
        seen = self._seen(thing.path)
        marks = dict(thing.marks())
        note = f"{len(marks)} files"
        self.plan.record.trees.add(thing.path)
        self.plan.record.marks |= marks
        found = mark_of(seen)
        if found is None:
            self._step(Verb.CREATE, thing, note)
        elif found != "folder" or thing.path not in self._before.trees:
            raise _taken(thing.path)
        elif marks_below(seen, thing.path) == marks:
            self._step(Verb.KEEP, thing, note)
        else:
            self._step(Verb.REPLACE, thing, note)

    def _add_folder(self, thing: Folder) -> None:
        is_there = self._seen(thing.path).is_dir()
        self._step(Verb.KEEP if is_there else Verb.CREATE, thing)

    def _add_link(self, thing: Link) -> None:
        was_there = thing.path in self._before.marks
        if thing.is_switch and was_there and mark_of(self._seen(thing.path)) is None:
            self.plan.record.marks[thing.path] = thing.mark
            self._step(Verb.KEEP, thing, "it was switched off")
            return
        self._add_one(thing)

    def _add_one(self, thing: File | Link) -> None:
        found = mark_of(self._seen(thing.path))
        recorded = self._before.marks.get(thing.path)
        self.plan.record.marks[thing.path] = thing.mark
        if found is None:
            self._step(Verb.CREATE, thing)
        elif found == thing.mark:
            self._step(Verb.KEEP, thing)
        elif found == recorded:
            self._step(Verb.REPLACE, thing)
        elif recorded is None or found == "folder":
            raise _taken(thing.path)
        else:
            saved = _beside(thing.path, _SAVED)
            self._step(Verb.REPLACE, thing, f"it was changed: that stays in {saved}", saved)

    def _add_settings(self, thing: File) -> None:
        found = mark_of(self._seen(thing.path))
        recorded = self._before.marks.get(thing.path)
        if found is not None and found != thing.mark and recorded is None:
            self._step(Verb.KEEP, thing, "it was there before")
            return
        self.plan.record.settings.add(thing.path)
        if found in {None, thing.mark, recorded}:
            self._add_one(thing)
            return
        self.plan.record.marks[thing.path] = thing.mark
        self._step(Verb.KEEP, thing, "it was changed here")
        new = File(path=_beside(thing.path, _NEW), content=thing.content)
        if recorded != thing.mark or new.path in self._before.marks:
            self._add_new_defaults(new)

    def _add_new_defaults(self, new: File) -> None:
        """For an administrator to compare; whoever removes them is done with them."""
        found = mark_of(self._seen(new.path))
        recorded = self._before.marks.get(new.path)
        self.plan.record.marks[new.path] = new.mark
        if found is None and recorded == new.mark:
            return
        verb = Verb.CREATE if found is None else Verb.KEEP
        self._step(verb if found in {None, new.mark} else Verb.REPLACE, new, "new defaults")

    def add_obsolete(self) -> None:
        """What an earlier installation had and this one has not."""
        before, now = self._before, self.plan.record
        for tree in sorted(before.trees - now.trees):
            if self._seen(tree).is_dir():
                self._refuse_strange(tree)
                self.plan.steps.append(Step(verb=Verb.REMOVE, path=tree, note="of another prefix"))
        trees = before.trees | now.trees
        for path, mark in sorted(before.marks.items()):
            if path in now.marks or any(path.is_relative_to(tree) for tree in trees):
                continue
            found = mark_of(self._seen(path))
            if found == mark:
                self.plan.steps.append(Step(verb=Verb.REMOVE, path=path))
            elif found is not None:
                note = "it was changed"
                self.plan.steps.append(Step(verb=Verb.KEEP, path=path, note=note))

    def _refuse_strange(self, tree: Path) -> None:
        """It goes as a whole, so nothing of others may be in it. Raises TetragonError."""
        for path, mark in sorted(marks_below(self._seen(tree), tree).items()):
            if self._before.marks.get(path) != mark:
                raise TetragonError(
                    f"{path} is not what was installed, and {tree} would be removed with it, since"
                    " it is not the folder of this prefix: move that file away first"
                )


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(f"{path.name}{suffix}")


def _taken(path: Path) -> TetragonError:
    return TetragonError(
        f"{path} is there, and `tetragon-mini install` has not put it there: remove what it belongs"
        " to (a deb or rpm package?), or move it away"
    )
