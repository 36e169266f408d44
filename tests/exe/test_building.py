# SPDX-License-Identifier: Apache-2.0
"""How the executable is put together, with the programs that `make dist` uses."""

from __future__ import annotations

import hashlib
import json
import shutil
import struct
import subprocess
from typing import TYPE_CHECKING

import pytest

from distlib.archive import pack, tree_archive
from distlib.c_library import LOADER, c_libraries
from distlib.needs import missing_for_hook, missing_libraries
from distlib.preload import ignore_preload_file

if TYPE_CHECKING:
    from pathlib import Path


def test_the_trailer_finds_the_archive(tmp_path: Path) -> None:
    """Sizes and digest at the end of the file, after launcher and archive."""
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "file").write_bytes(b"content" * 1000)
    launcher = tmp_path / "launcher"
    launcher.write_bytes(b"program")

    pack(launcher, tree, tmp_path / "result")

    content = (tmp_path / "result").read_bytes()
    magic, packed, size, digest = struct.unpack("<16sQQ32s", content[-64:])
    archive = content[-64 - packed : -64]
    unpacked = subprocess.run(
        ["zstd", "--decompress", "--quiet"], input=archive, check=True, stdout=subprocess.PIPE
    ).stdout
    assert (b"tetragon-mini\0\0\1", b"program") == (magic, content[: -64 - packed])
    assert (len(unpacked), hashlib.sha256(archive).digest()) == (size, digest)
    assert tree_archive(tree) == unpacked


def test_a_library_that_is_not_there_is_named(tmp_path: Path) -> None:
    """The C library needs its dynamic linker, which is known in the tree by its soname."""
    libraries = c_libraries()
    shutil.copy(libraries["libc.so.6"], tmp_path / "libc.so.6")
    (tmp_path / "text").write_text("no library")
    alone = missing_libraries(tmp_path)
    shutil.copy(libraries[LOADER], tmp_path / LOADER)

    assert 1 == len(alone)
    assert alone[0].startswith("libc.so.6 needs ld-linux")
    assert [] == missing_libraries(tmp_path)


def test_what_the_hook_misses_is_named(tmp_path: Path) -> None:
    """A library of the tree that is not among the hook's own is missing for it alone."""
    folder = tmp_path / "lib/tetragon_crio_hook/_program"
    folder.mkdir(parents=True)
    for name, path in c_libraries().items():
        shutil.copy(path, tmp_path / "lib" / name)
    shutil.copy(tmp_path / "lib/libm.so.6", folder / "hook")
    missing = []
    for names in ([LOADER], [LOADER, "libc.so.6"]):
        (folder / "manifest.json").write_text(json.dumps({"files": names}))
        missing.append(missing_for_hook(tmp_path))

    assert [["lib/tetragon_crio_hook/_program/hook needs libc.so.6"], []] == missing
    assert [] == missing_libraries(tmp_path)


def test_the_dynamic_linker_reads_no_preload_file(tmp_path: Path) -> None:
    """Its path is another one, and all else is as it was; what has no such path is refused."""
    original = c_libraries()[LOADER].read_bytes()
    loader = tmp_path / LOADER
    loader.write_bytes(original)

    ignore_preload_file(loader)

    content = loader.read_bytes()
    changed = [
        at for at, (one, two) in enumerate(zip(original, content, strict=True)) if one != two
    ]
    assert b"/etc/ld.so.preload" not in content
    assert changed[-1] - changed[0] < len("/etc/ld.so.preload")
    with pytest.raises(SystemExit, match="expected once"):
        ignore_preload_file(loader)
