# SPDX-License-Identifier: Apache-2.0
"""The files that the executable runs from, and copies of them that run from somewhere else.

A program of the executable brings its own C library, so the path of the dynamic linker in it
(PT_INTERP, elf(5)) is one in its own folder: it has to be written anew for each place. The build
reserves room for it; tools/launcher does the same when it unpacks.
"""

from __future__ import annotations

import os
import shutil
import struct
import sys
from pathlib import Path
from typing import Final

from .errors import TetragonError

__all__ = [
    "PROGRAM",
    "copy_tree",
    "interpreter_of",
    "libraries",
    "names_in",
    "program_for",
    "source",
    "with_interpreter",
]

PROGRAM: Final = "tetragon-mini"
_FOLDER: Final = "lib"
_LOADER: Final = "ld.so"
_NOT_COPIED: Final = frozenset({"complete", "lock"})
"""What the launcher adds to a copy of its own."""

_ELF: Final = struct.Struct("<16x2HI3QI6H")
_PROGRAM_HEADER: Final = struct.Struct("<2I6Q")
_PT_INTERP: Final = 3


def libraries() -> Path | None:
    """The folder with all libraries, Python's modules and data; None outside the executable."""
    unpacked = getattr(sys, "_MEIPASS", None)
    return None if unpacked is None else Path(unpacked)


def source() -> Path | None:
    """The folder of the program that runs here; None outside the executable."""
    inner = libraries()
    return None if inner is None else inner.parent


def names_in(tree: Path) -> list[Path]:
    """Every file that `copy_tree` copies, relative to the folder."""
    found = (path for path in sorted(tree.rglob("*")) if not path.is_dir())
    names = (path.relative_to(tree) for path in found)
    return [name for name in names if str(name) not in _NOT_COPIED]


def program_for(tree: Path, final: Path) -> bytes:
    """The program of `tree` as it is in a copy that is run as `final`. Raises as `copy_tree`."""
    return with_interpreter((tree / PROGRAM).read_bytes(), final / _FOLDER / _LOADER)


def copy_tree(tree: Path, target: Path, final: Path) -> None:
    """Copy a program's folder to `target`, which must not exist, to be run as `final`.

    Each file is on the disk when this returns. Raises OSError, and TetragonError when the path is
    too long for the room in the program.
    """
    content = program_for(tree, final)
    target.mkdir()
    target.chmod(0o755)
    for path in sorted(tree.rglob("*")):
        name = path.relative_to(tree)
        if path.is_dir():
            (target / name).mkdir()
            (target / name).chmod(0o755)
        elif str(name) not in _NOT_COPIED:
            is_program = str(name) == PROGRAM
            _write(target / name, path, content if is_program else None)


def _write(target: Path, original: Path, content: bytes | None) -> None:
    with original.open("rb") as source_file, target.open("xb") as file:
        if content is None:
            shutil.copyfileobj(source_file, file)
        else:
            file.write(content)
        os.fchmod(file.fileno(), 0o755 if original.stat().st_mode & 0o100 else 0o644)
        file.flush()
        os.fsync(file.fileno())


def interpreter_of(program: bytes) -> str:
    """The path of the dynamic linker that an ELF program asks for; raises TetragonError."""
    start, size = _interpreter(program)
    return program[start : start + size].partition(b"\0")[0].decode(errors="replace")


def with_interpreter(program: bytes, path: Path) -> bytes:
    """The same program with another dynamic linker.

    Raises TetragonError when the path is longer than what was reserved, and for what is no such
    program.
    """
    start, size = _interpreter(program)
    name = os.fsencode(path)
    if len(name) >= size:
        raise TetragonError(
            f"the path {path} is longer than {size - 1} bytes; choose a shorter one"
        )
    return program[:start] + name.ljust(size, b"\0") + program[start + size :]


def _interpreter(program: bytes) -> tuple[int, int]:
    if program[:5] != b"\x7fELF\x02" or len(program) < _ELF.size:
        raise TetragonError("this is no 64-bit ELF program")
    fields = _ELF.unpack_from(program)
    offset, size, count = fields[4], fields[8], fields[9]
    for number in range(count):
        kind, _, start, _, _, length, _, _ = _PROGRAM_HEADER.unpack_from(
            program, offset + number * size
        )
        if kind == _PT_INTERP:
            return start, length
    raise TetragonError("this program names no dynamic linker")
