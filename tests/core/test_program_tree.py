# SPDX-License-Identifier: Apache-2.0
"""Copies of a program's folder that run from another place."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from tetragon_core.errors import TetragonError
from tetragon_core.program_tree import (
    PROGRAM,
    copy_tree,
    interpreter_of,
    libraries,
    source,
    with_interpreter,
)

ROOM = 40


def program(interpreter: bytes = b"/old/ld.so", *, kind: int = 3) -> bytes:
    """A 64-bit ELF program with one program header, and room for a path."""
    ident = b"\x7fELF\x02\x01\x01".ljust(16, b"\0")
    header = ident + struct.pack("<2HI3QI6H", 2, 62, 1, 0, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    start = 64 + 56
    segment = struct.pack("<2I6Q", kind, 4, start, 0, 0, ROOM, ROOM, 1)
    return header + segment + interpreter.ljust(ROOM, b"\0") + b"the rest"


def tree_at(path: Path) -> Path:
    """A folder as the launcher leaves it."""
    (path / "lib/inner").mkdir(parents=True)
    (path / PROGRAM).write_bytes(program())
    (path / PROGRAM).chmod(0o755)
    (path / "lib/inner/module.py").write_text("pass\n")
    (path / "lib/inner/module.py").chmod(0o600)
    (path / "complete").write_text("of the launcher\n")
    (path / "lock").touch()
    return path


def test_the_path_is_replaced_and_nothing_else() -> None:
    """A longer and a shorter path than before; what was there leaves no trace."""
    changed = with_interpreter(program(), Path("/a/longer/folder/lib/ld.so"))
    again = with_interpreter(changed, Path("/ld.so"))

    assert "/a/longer/folder/lib/ld.so" == interpreter_of(changed)
    assert program(b"/ld.so") == again


def test_a_path_that_just_fits() -> None:
    """The last byte stays zero, as the kernel wants it (load_elf_binary in fs/binfmt_elf.c)."""
    fits = Path("/" + "x" * (ROOM - 2))
    assert str(fits) == interpreter_of(with_interpreter(program(), fits))

    with pytest.raises(TetragonError, match=r"longer than 39 bytes"):
        with_interpreter(program(), Path("/" + "x" * (ROOM - 1)))


@pytest.mark.parametrize("content", [b"", b"#!/bin/sh\n", program(kind=1)])
def test_what_is_no_such_program(content: bytes) -> None:
    """A script, nothing, and a static program are errors that say so."""
    with pytest.raises(TetragonError, match="this"):
        interpreter_of(content)


def test_a_copy_is_for_its_place(tmp_path: Path) -> None:
    """All files, readable by everybody, without what the launcher added, and for the final path."""
    copy_tree(tree_at(tmp_path / "tree"), tmp_path / "new", Path("/usr/lib/tm"))

    copied = {
        str(path.relative_to(tmp_path / "new")): f"{path.stat().st_mode & 0o777:o}"
        for path in (tmp_path / "new").rglob("*")
    }
    assert {
        PROGRAM: "755",
        "lib": "755",
        "lib/inner": "755",
        "lib/inner/module.py": "644",
    } == copied
    assert program(b"/usr/lib/tm/lib/ld.so") == (tmp_path / "new" / PROGRAM).read_bytes()


def test_a_copy_never_goes_into_another(tmp_path: Path) -> None:
    """What is there already is not touched."""
    tree = tree_at(tmp_path / "tree")
    with pytest.raises(FileExistsError):
        copy_tree(tree, tree, Path("/x"))


def test_outside_the_executable_there_is_none() -> None:
    """As in a checkout."""
    assert (None, None) == (source(), libraries())
