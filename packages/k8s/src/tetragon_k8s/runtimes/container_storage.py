# SPDX-License-Identifier: Apache-2.0
"""Containers of one storage of Podman (containers/storage): ids, names and images.

ROOT/<driver>-containers/containers.json is written when a container is made, before it runs; those
that shall not outlive a reboot (`--rm`) are in volatile-containers.json since storage 1.46.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from .files import read_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["ContainerStorage", "StoredContainer"]

_FILES: Final = ("containers.json", "volatile-containers.json")
_DIRECTORIES: Final = "-containers"
_MAX_BYTES: Final = 32 << 20
_DRIVERS: Final = 4
"""That a storage was ever used with."""
_MAX_FILES: Final = 2 * _DRIVERS
"""That are kept: directories can be renamed for ever."""


class StoredContainer(NamedTuple):
    """What the storage knows of a container."""

    name: str
    image: str
    image_id: str


class ContainerStorage:
    """One root; reads a file again only after it has changed."""

    def __init__(self, root: str, max_bytes: int = _MAX_BYTES) -> None:
        """Files of more than `max_bytes` have no containers."""
        self._root = root
        self._max_bytes = max_bytes
        self._read: dict[str, tuple[object, Mapping[str, StoredContainer]]] = {}

    def get(self, container_id: str) -> StoredContainer | None:
        """The container with this id. Files that cannot be read have none."""
        for path in self._paths():
            found = self._content(path).get(container_id)
            if found is not None:
                return found
        return None

    def _paths(self) -> Iterable[str]:
        try:
            with os.scandir(self._root) as entries:
                kept = [one.path for one in entries if one.name.endswith(_DIRECTORIES)]
        except OSError:
            return []
        return [f"{directory}/{file}" for directory in kept[:_DRIVERS] for file in _FILES]

    def _content(self, path: str) -> Mapping[str, StoredContainer]:
        try:
            status = os.stat(path, follow_symlinks=False)  # noqa: PTH116  # a path is a text here
            version = (status.st_ino, status.st_mtime_ns, status.st_size)
            known, content = self._read.get(path, (None, {}))
            if known == version:
                return content
            content = _parsed(read_file(path, self._max_bytes))
        except (OSError, ValueError, RecursionError):
            return {}
        while len(self._read) >= _MAX_FILES:
            del self._read[next(iter(self._read))]
        self._read[path] = version, content
        return content


def _parsed(text: bytes) -> Mapping[str, StoredContainer]:
    rows = json.loads(text)
    if not isinstance(rows, list):
        return {}
    return {str(row.get("id")): _container(row) for row in rows if isinstance(row, dict)}


def _container(row: Mapping[str, Any]) -> StoredContainer:
    """`metadata` is JSON in JSON."""
    try:
        told = json.loads(row.get("metadata") or "{}")
    except (TypeError, ValueError, RecursionError):
        told = {}
    told = told if isinstance(told, dict) else {}
    names = row.get("names")
    name = told.get("name") or (names[0] if isinstance(names, list) and names else "")
    return StoredContainer(str(name), _text(told, "image-name"), _text(told, "image-id"))


def _text(told: Mapping[str, Any], key: str) -> str:
    value = told.get(key)
    return value if isinstance(value, str) else ""
