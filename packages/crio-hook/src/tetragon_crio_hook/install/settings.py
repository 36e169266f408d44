# SPDX-License-Identifier: Apache-2.0
"""Values of a runtime's TOML settings, which may be spread over files; a later one counts."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING

from tetragon_core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from .place import Place

__all__ = ["parsed", "toml_value", "value_at"]


def toml_value(place: Place, patterns: Sequence[str], name: str) -> object:
    """What the last file that matches a pattern has for `table.key`, None for nothing."""
    found: object = None
    for path in _files(place, patterns):
        value = value_at(parsed(path.read_bytes(), path), name.split("."))
        found = found if value is None else value
    return found


def parsed(content: bytes, path: Path) -> dict[str, object]:
    """TOML as an object; raises UsageError with the place of what is wrong."""
    try:
        return tomllib.loads(content.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: {error}") from error


def value_at(content: object, names: Sequence[str]) -> object:
    """The value below these names, None when it is not there."""
    for name in names:
        if not isinstance(content, dict):
            return None
        content = content.get(name)
    return content


def _files(place: Place, patterns: Sequence[str]) -> Iterator[Path]:
    for pattern in patterns:
        yield from sorted(place.host_root.glob(pattern.lstrip("/")))
