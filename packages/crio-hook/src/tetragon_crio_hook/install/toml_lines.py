# SPDX-License-Identifier: Apache-2.0
"""Lines put into a TOML file and taken out again; everything else in it stays as it is.

What the result means is compared with what it should mean: a file that is written in a way this
does not understand is refused, not damaged.
"""

from __future__ import annotations

import json
import tomllib
from typing import TYPE_CHECKING

from tetragon_core.errors import UsageError

from .settings import parsed

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["append_table", "insert_text", "without_lines"]


def insert_text(content: bytes, path: Path, table: Sequence[str], key: str, text: str) -> bytes:
    """Add `key = "text"` as the first line of a table. Raises UsageError when that cannot be."""
    expected = parsed(content, path)
    _table_of(expected, table)[key] = text
    lines = content.decode().splitlines(keepends=True)
    for index, line in enumerate(lines):
        if _header(line) == list(table):
            indent = line[: len(line) - len(line.lstrip())]
            end = "\r\n" if line.endswith("\r\n") else "\n"
            lines[index] = line if line.endswith("\n") else f"{line}\n"
            lines.insert(index + 1, f"{indent}  {key} = {json.dumps(text)}{end}")
            break
    return _checked("".join(lines).encode(), path, expected, f"{key} = {json.dumps(text)}", table)


def append_table(
    content: bytes, path: Path, table: Sequence[str], values: dict[str, str | int]
) -> bytes:
    """Add a table at the end. Raises UsageError when it is there in another form."""
    expected = parsed(content, path)
    _table_of(expected, table).update(values)
    text = content.decode()
    if text and not text.endswith("\n"):
        text += "\n"
    rows = [f"  {key} = {json.dumps(value)}" for key, value in values.items()]
    name = ".".join(one if one.isidentifier() else json.dumps(one) for one in table)
    text += "\n".join([f"[{name}]", *rows, ""])
    return _checked(text.encode(), path, expected, "; ".join(rows), table)


def without_lines(content: bytes, path: Path, key: str, value: str) -> bytes:
    """Take out every line that gives `key` this text."""
    rows = content.decode().splitlines(keepends=True)
    kept = [row for row in rows if "".join(row.split()) != f"{key}={json.dumps(value)}"]
    after = "".join(kept).encode()
    parsed(after, path)
    return after


def _header(line: str) -> list[str] | None:
    """Names of the table that a line begins, None when it begins none."""
    if not line.lstrip().startswith("["):
        return None
    try:
        found: object = tomllib.loads(line)
    except tomllib.TOMLDecodeError:
        return None
    names = []
    while isinstance(found, dict) and found:
        (name,) = found
        names.append(name)
        found = found[name]
    return names


def _table_of(content: dict[str, object], names: Sequence[str]) -> dict[str, object]:
    for name in names:
        below = content.setdefault(name, {})
        if not isinstance(below, dict):
            raise UsageError(f"{'.'.join(names)} is no table")
        content = below
    return content


def _checked(
    content: bytes, path: Path, expected: object, what: str, table: Sequence[str]
) -> bytes:
    try:
        found: object = tomllib.loads(content.decode())
    except tomllib.TOMLDecodeError:
        found = None
    if found != expected:
        raise UsageError(
            f"{path} is written in a way that cannot be edited safely: put {what} into"
            f" [{'.'.join(table)}] by hand"
        )
    return content
