# SPDX-License-Identifier: Apache-2.0
"""Installations that somebody else made, and places where a program of root's must not be."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tetragon_core.errors import PermissionDeniedError, TetragonError

from .layout import CONFIG, PROGRAM, SERVICE, STATE

if TYPE_CHECKING:
    from .layout import Layout
    from .record import Record

__all__ = ["check_place", "other_installation", "refuse_others"]

_TREES: Final = tuple(Path(prefix, "lib", PROGRAM) for prefix in ("/usr", "/usr/local"))
_UNITS: Final = tuple(
    Path(above, "systemd/system", SERVICE) for above in ("/usr/lib", "/usr/local/lib")
)
_ADMINS_UNITS: Final = tuple(Path(above, "systemd/system", SERVICE) for above in ("/etc", "/run"))
"""Once we are installed an administrator may hide our unit by another, or mask it."""

_SETTINGS: Final = (
    CONFIG,
    CONFIG / "tetragon.yaml",
    CONFIG / "tetragon.conf.d",
    CONFIG / "tetragon.tp.d",
    STATE,
)
"""What the agent reads, and what uninstall believes."""


def other_installation(layout: Layout, record: Record | None) -> Path | None:
    """Something that no `install` has put there, or None.

    Two programs for one service, or a unit that hides another, would be a riddle.
    """
    ours = set() if record is None else record.paths()
    mine = {layout.tree, layout.units / SERVICE}
    units = _UNITS if record is not None else (*_UNITS, *_ADMINS_UNITS)
    for path in (*_TREES, *units):
        if path not in ours | mine and layout.seen(path).exists():
            return path
    return None


def refuse_others(layout: Layout, record: Record | None) -> None:
    """Raises TetragonError."""
    found = other_installation(layout, record)
    if found is not None:
        raise TetragonError(
            f"{found} is there, and `tetragon-mini install` has not put it there: there is another"
            f" {PROGRAM} (a deb or rpm package?); remove that first"
        )


def check_place(layout: Layout) -> None:
    """Only root may be able to change what a service runs as root. Raises PermissionDeniedError."""
    if not layout.is_host:
        return
    for path in (layout.tree, *layout.tree.parents):
        if _is_open(path):
            raise PermissionDeniedError(
                f"{path} can be changed by others than root, so a service of root's must not be"
                f" in {layout.prefix}; choose another --prefix"
            )
    for path in _SETTINGS:
        if _is_open(path):
            raise PermissionDeniedError(
                f"{path} can be changed by others than root, who would be root by it: give it to"
                f" root alone (chown root {path}; chmod o-w {path})"
            )


def _is_open(path: Path) -> bool:
    try:
        found = path.stat()
    except FileNotFoundError:
        return False
    is_open = bool(found.st_mode & stat.S_IWOTH) and not found.st_mode & stat.S_ISVTX
    return is_open or found.st_uid != 0
