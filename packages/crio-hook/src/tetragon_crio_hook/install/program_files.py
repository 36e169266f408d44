# SPDX-License-Identifier: Apache-2.0
"""The small program of the hook: a folder with Python's library, and one file that is started.

In the executable both are at hand: the file as data, the libraries, the C library among them, as
what it has unpacked for itself. The file knows the name of its folder, which is made from the
content of everything: a new version gets a new folder, and replacing the one file switches to it.
Outside the executable the program is a script for this Python, for developers.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
import tempfile
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Final

import tetragon_core
from tetragon_core.errors import TetragonError
from tetragon_core.program_tree import libraries, with_interpreter

from .files import content_of, make_directory, replace

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .place import Place

__all__ = ["install_program", "is_current", "remove_program"]

_CONTENTS: Final = "hook-*"
_SCRIPT: Final = """\
#!{python} -IS
import sys
sys.path[:0] = {paths!r}
from tetragon_crio_hook.__main__ import main
sys.exit(main({directory!r}))
"""


def install_program(place: Place) -> None:
    """Write it, all of it before it is switched to. Raises TetragonError.

    The folder before stays for hooks that run just now, until the next installation.
    """
    before = _folders(place)
    contents = _contents()
    if contents:
        folder = place.seen(place.directory) / contents[0]
        before.discard(folder)
        _write_folder(folder, contents[1])
    replace(place, place.program, _program(place), 0o755)
    place.seen(place.program).chmod(0o755)
    for old in sorted(before, key=lambda path: path.stat().st_mtime)[:-1]:
        shutil.rmtree(old)


def is_current(place: Place) -> bool:
    """Whether the program there is the one that would be installed, with everything it needs."""
    if content_of(place, place.program) != _program(place):
        return False
    contents = _contents()
    return contents is None or _is_whole(place.seen(place.directory) / contents[0], contents[1])


def remove_program(place: Place) -> None:
    """Remove program, folders and logs, and their directory when nothing else is there."""
    directory = place.seen(place.directory)
    try:
        place.seen(place.program).unlink(missing_ok=True)
        for folder in _folders(place):
            shutil.rmtree(folder)
        for log in directory.glob(f"{place.log.stem}*{place.log.suffix}"):
            log.unlink()
        with contextlib.suppress(FileNotFoundError):
            if not any(directory.iterdir()):
                directory.rmdir()
    except OSError as error:
        raise TetragonError(f"cannot remove the hook in {directory}: {error.strerror}") from error


def _contents() -> tuple[str, Mapping[str, Path]] | None:
    """Name of the folder and its files, None outside the executable."""
    unpacked = libraries()
    if unpacked is None:
        return None
    manifest = json.loads(_part("manifest.json"))
    return manifest["directory"], {name: unpacked / name for name in manifest["files"]}


def _program(place: Place) -> bytes:
    """The file that is started. Raises TetragonError when the path of its folder is too long."""
    contents = _contents()
    if contents is not None:
        folder = place.directory / contents[0]
        return with_interpreter(_part(place.program.name), folder / "ld.so")
    paths = [str(Path(module).parents[1]) for module in (__file__, tetragon_core.__file__)]
    paths[0] = str(Path(__file__).parents[2])
    script = _SCRIPT.format(python=sys.executable, paths=paths, directory=str(place.directory))
    return script.encode()


def _part(name: str) -> bytes:
    return (files("tetragon_crio_hook") / "_program" / name).read_bytes()


def _folders(place: Place) -> set[Path]:
    return set(place.seen(place.directory).glob(_CONTENTS))


def _write_folder(folder: Path, contents: Mapping[str, Path]) -> None:
    """Beside it first; a folder of this name is replaced when anything of it is not as it should.

    Raises TetragonError.
    """
    try:
        make_directory(folder.parent)
        if folder.exists() and _is_whole(folder, contents):
            return
        temporary = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".hook-"))
        try:
            for name, source in contents.items():
                target = temporary / name
                make_directory(target.parent)
                _copy(source, target, 0o755 if ".so" in name else 0o644)
            temporary.chmod(0o755)
            if not _is_whole(temporary, contents):
                raise TetragonError(f"what was written to {temporary} reads back differently")
            if folder.exists():
                shutil.rmtree(folder)
            temporary.rename(folder)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    except OSError as error:
        raise TetragonError(f"cannot write {folder}: {error.strerror}") from error


def _copy(source: Path, target: Path, mode: int) -> None:
    with source.open("rb") as original, target.open("xb") as file:
        shutil.copyfileobj(original, file)
        os.fchmod(file.fileno(), mode)
        os.fsync(file.fileno())


def _is_whole(folder: Path, contents: Mapping[str, Path]) -> bool:
    try:
        return all(
            (folder / name).read_bytes() == source.read_bytes() for name, source in contents.items()
        )
    except OSError:
        return False
