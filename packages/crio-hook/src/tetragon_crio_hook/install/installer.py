# SPDX-License-Identifier: Apache-2.0
"""install and uninstall: the program and the runtime's files, with everything that can go wrong
found out before the first change.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from tetragon_core.errors import TetragonError, UsageError

from ..options import parse
from . import containerd, docker, hooks_d
from .files import check_owner, content_of, replace
from .program_files import install_program, remove_program
from .record import Record, digest
from .spec_hooks import without_hook
from .toml_lines import without_lines

if TYPE_CHECKING:
    from collections.abc import Callable

    from .place import Change, Place
    from .record import Entry

    Say = Callable[[str], object]

__all__ = ["ADVICE", "RUNTIMES", "install", "plan", "problem", "uninstall"]

RUNTIMES: Final = ("crio", "podman", "containerd", "docker")
ADVICE: Final = {
    "crio": "CRI-O reads new hooks by itself",
    "podman": "podman reads hooks at each start of a container",
    "containerd": "restart containerd: systemctl restart containerd",
    "docker": "make Docker read its settings: systemctl reload docker",
}
"""What is left to do, by runtime."""


def plan(runtime: str, place: Place) -> list[Change]:
    """What the files of a runtime are to become. Raises TetragonError, also for wrong arguments of
    the hook: with those no container would start.
    """
    options = parse(place.command("createRuntime")[1:], str(place.directory), {})
    if options.fail_cel_expr not in {"", "true", "false"}:
        raise UsageError(
            f"--fail-cel-expr {options.fail_cel_expr}: the installed program has no CEL, only true"
            " and false; make the runtime start `tetragon-mini hook` by hand for this"
        )
    if runtime == "containerd":
        return containerd.plan(place)
    if runtime == "docker":
        return docker.plan(place)
    return hooks_d.plan(runtime, place)


def problem(runtime: str, place: Place) -> str:
    """Why a runtime does not start the hook, as far as its files tell; empty if it does."""
    if runtime == "containerd":
        return containerd.problem(place)
    if runtime == "docker":
        return docker.problem(place)
    return hooks_d.problem(runtime, place)


def install(runtime: str, place: Place, say: Say) -> None:
    """Write the program, then what names it. Raises TetragonError; then nothing names it yet."""
    changes = plan(runtime, place)
    record = Record(place)
    check_owner(place, place.directory)
    record.add(runtime, changes)
    install_program(place)
    say(f"wrote {place.program}")
    for change in changes:
        if change.before == change.after:
            say(f"unchanged: {change.path}")
            continue
        replace(place, change.path, change.after, change.mode)
        say(f"{'wrote' if change.before is None else 'changed'} {change.path}")


def uninstall(runtime: str, place: Place, say: Say) -> None:
    """Change everything back; the program goes with the last runtime. Raises TetragonError."""
    record = Record(place)
    entries = record.runtimes.get(runtime)
    if entries is None:
        there = ", ".join(record.runtimes) or "none"
        raise UsageError(f"the hook is not installed for {runtime} in {place.directory}: {there}")
    for entry in reversed(entries):
        if not record.is_shared(runtime, entry.path):
            _restore(runtime, entry, place, say)
    record.remove(runtime)
    if not record.runtimes:
        remove_program(place)
        say(f"removed the hook in {place.directory}")
    record.remove_folders()


def _restore(runtime: str, entry: Entry, place: Place, say: Say) -> None:
    path = Path(entry.path)
    found = content_of(place, path)
    if found is None:
        say(f"already gone: {path}")
        return
    before = entry.content_before
    if digest(found) != entry.after and before != found and not _is_ours(path, place):
        before = _without_ours(runtime, found, before, path, place)
        say(f"{path} was changed since: only the hook's part is taken out")
    if before is None:
        try:
            place.seen(path).unlink()
        except OSError as error:
            raise TetragonError(f"cannot remove {path}: {error.strerror}") from error
        say(f"removed {path}")
        return
    replace(place, path, before, 0o644)
    say(f"restored {path}")


def _is_ours(path: Path, place: Place) -> bool:
    """Files that nobody else would keep."""
    return path.name == f"{place.program.name}.json" or path.parent == place.directory


def _without_ours(
    runtime: str, found: bytes, before: bytes | None, path: Path, place: Place
) -> bytes:
    if path.suffix == ".toml":
        ours = str(containerd.base_spec_path(place))
        return without_lines(found, path, containerd.KEY, ours)
    if runtime == "docker":
        return docker.without_runtime(found, before, path)
    return without_hook(found, path, place)
