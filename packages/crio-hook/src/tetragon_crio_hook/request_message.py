# SPDX-License-Identifier: Apache-2.0
"""Facts of a container → the bytes of RuntimeHookRequest; bytes of GetVersionResponse → version.

Numbers of fields are those of proto/tetragon/tetragon.proto; a test compares both.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Final

    from .container_facts import Facts, Mount

__all__ = ["request_bytes", "version_of"]

_TEXT_FIELDS: Final = (
    (1, "cgroups_path"),
    (2, "root_dir"),
    (4, "name"),
    (5, "id"),
    (6, "pod_name"),
    (7, "pod_uid"),
    (8, "pod_namespace"),
    (9, "image"),
)
_ANNOTATIONS: Final = 3
_MOUNTS: Final = 10
_CREATE_CONTAINER: Final = 1


def request_bytes(facts: Facts) -> bytes:
    """RuntimeHookRequest with a CreateContainer."""
    parts = [_text(number, getattr(facts, name)) for number, name in _TEXT_FIELDS]
    parts.append(_map(_ANNOTATIONS, facts.annotations))
    parts.extend(_field(_MOUNTS, _mount(mount)) for mount in facts.mounts)
    return _field(_CREATE_CONTAINER, b"".join(parts))


def _mount(mount: Mount) -> bytes:
    options = b"".join(_field(4, _utf8(option)) for option in mount.options)
    return _texts((mount.destination, mount.type, mount.source)) + options


def _map(number: int, pairs: Mapping[str, str]) -> bytes:
    return b"".join(_field(number, _texts(pair)) for pair in pairs.items())


def _texts(values: Iterable[str]) -> bytes:
    """Fields 1, 2, ..."""
    return b"".join(_text(number, value) for number, value in enumerate(values, 1))


def _text(number: int, value: str) -> bytes:
    return _field(number, _utf8(value)) if value else b""


def _utf8(value: str) -> bytes:
    """JSON can hold halves of surrogate pairs, which are no text."""
    return value.encode("utf-8", "replace")


def _field(number: int, data: bytes) -> bytes:
    return bytes((number << 3 | 2,)) + _varint(len(data)) + data


def _varint(value: int) -> bytes:
    if value < 0x80:
        return bytes((value,))
    return bytes((value & 0x7F | 0x80,)) + _varint(value >> 7)


def version_of(reply: bytes) -> str:
    """Field 1 of GetVersionResponse; empty when it is not the first, or there is none."""
    if len(reply) < 2 or reply[0] != 0x0A or len(reply) < 2 + reply[1]:
        return ""
    return reply[2 : 2 + reply[1]].decode(errors="replace")
