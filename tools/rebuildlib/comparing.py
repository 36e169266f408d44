# SPDX-License-Identifier: Apache-2.0
"""What differs between two executables, by file of the tree and by Python module."""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING, Final

from PyInstaller.archive.readers import CArchiveReader

from .contents import contents_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from .contents import Entry

__all__ = ["differences"]

_PROGRAM: Final = "tetragon-mini"
_HEADER_FIELDS: Final = ("mode", "uid", "gid", "uname", "gname", "mtime", "type")


def differences(one: Path, other: Path) -> list[str]:
    """A line for each thing that differs; none when both are the same bytes."""
    if one.read_bytes() == other.read_bytes():
        return []
    first, second = contents_of(one), contents_of(other)
    found = [] if first.launcher == second.launcher else ["the launcher"]
    found += _of_entries(first.entries, second.entries)
    if not found and list(first.entries) != list(second.entries):
        found = ["the order of files"]
    return found or ["only the compression: another version of zstd?"]


def _of_entries(first: Mapping[str, Entry], second: Mapping[str, Entry]) -> Iterator[str]:
    for name in sorted(first.keys() | second.keys()):
        one, other = first.get(name), second.get(name)
        if one is None or other is None:
            yield f"{name}: only in the {'first' if other is None else 'second'}"
            continue
        for field in _HEADER_FIELDS:
            values = getattr(one.header, field), getattr(other.header, field)
            if values[0] != values[1]:
                yield f"{name}: {field} {values[0]!r} and {values[1]!r}"
        if one.content != other.content:
            yield _of_content(name, one.content, other.content)


def _of_content(name: str, one: bytes, other: bytes) -> str:
    if name == _PROGRAM and (modules := _of_programs(one, other)):
        return f"{name}: {', '.join(modules)}"
    if len(one) != len(other):
        return f"{name}: {len(one)} and {len(other)} bytes"
    first = next(place for place in range(len(one)) if one[place] != other[place])
    return f"{name}: byte {first} and others"


def _of_programs(one: bytes, other: bytes) -> list[str]:
    """Parts and modules of PyInstaller's program that are not the same."""
    first, second = _parts(one), _parts(other)
    return sorted(
        name for name in first.keys() | second.keys() if first.get(name) != second.get(name)
    )


def _parts(program: bytes) -> dict[str, bytes | None]:
    with tempfile.NamedTemporaryFile() as file:
        file.write(program)
        file.flush()
        archive = CArchiveReader(file.name)
        parts = {name: archive.extract(name) for name in archive.toc if name != "PYZ.pyz"}
        inner = archive.open_embedded_archive("PYZ.pyz")
        return parts | {name: inner.extract(name, raw=True) for name in inner.toc}
