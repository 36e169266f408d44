# SPDX-License-Identifier: Apache-2.0
"""Files for triggers, in file systems of their own: a root that is an overlay has two of each."""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from kernel.system import MS_BIND, mount

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["CONTENT", "PLACE", "bound", "copied", "filled", "places"]

PLACE: Final = "/run/seen"
"""Where nobody looks."""
CONTENT: Final = b"seen" * 1024


@contextmanager
def filled(directory: str, *names: str) -> Iterator[None]:
    """A file system mounted at `directory`, with files of 4 KiB and mode 0644."""
    place = Path(directory)
    place.mkdir(parents=True)
    try:
        mount("seen", place, "tmpfs")
        try:
            for name in names:
                (place / name).write_bytes(CONTENT)
                (place / name).chmod(0o644)
            yield
        finally:
            subprocess.run(["umount", "-l", place], check=True)
    finally:
        place.rmdir()


@contextmanager
def bound(source: str, target: str) -> Iterator[None]:
    """The file `source` in the place of `target`."""
    mount(source, target, "none", MS_BIND)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", target], check=True)


@contextmanager
def copied(source: str, target: str) -> Iterator[None]:
    """A copy of a program."""
    shutil.copy(os.path.realpath(source), target)
    try:
        yield
    finally:
        Path(target).unlink()


@contextmanager
def places(*names: str, others: Mapping[str, tuple[str, ...]] | None = None) -> Iterator[None]:
    """Files in PLACE and in other directories."""
    with ExitStack() as stack:
        for directory, inside in {PLACE: names, **(others or {})}.items():
            stack.enter_context(filled(directory, *inside))
        yield
