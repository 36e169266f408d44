# SPDX-License-Identifier: Apache-2.0
"""What BPF programs and maps there are on the machine, whose they are, and what they take.

Everything is read from the kernel at the moment of the call; objects that go away meanwhile are
left out. Numbers are those of include/uapi/linux/bpf.h.
"""

from __future__ import annotations

import errno
import os
import struct
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tetragon_core.errors import LoadError, PermissionDeniedError, TetragonError

from ._ffi import address_of
from .calls import Command, bpf, failure, object_info, read_info, request
from .object_kinds import MAP_KINDS, PROGRAM_KINDS

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "MapEntry",
    "Owned",
    "ProgramEntry",
    "list_maps",
    "list_programs",
    "map_descriptor",
    "objects_of_process",
    "pinned_objects",
]

_PROGRAM: Final = struct.Struct("=II8xII16xQ4xIQ16sII16x32x56xQQQI")
"""struct bpf_prog_info up to verified_insns."""
_PROGRAM_BYTES: Final = 220
_MAP_IDS_AT: Final = 52
_MAP: Final = struct.Struct("=IIIIII16s")
_FDINFO: Final = Path("/proc/self/fdinfo")
_KEYS: Final = {"prog_id": "programs", "map_id": "maps"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramEntry:
    """A loaded program."""

    number: int
    kind: str
    name: str
    """Up to 15 characters."""
    jited_bytes: int
    instructions: int
    loaded_ns: int
    """Since boot."""
    run_count: int
    """Counted only while somebody asks the kernel to."""
    run_time_ns: int
    recursion_misses: int
    map_numbers: tuple[int, ...]
    memory_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MapEntry:
    """A map."""

    number: int
    kind: str
    name: str
    """Up to 15 characters."""
    key_bytes: int
    value_bytes: int
    max_entries: int
    flags: int
    memory_bytes: int
    """As the kernel has it: an estimate before 6.4."""


@dataclass(slots=True)
class Owned:
    """Programs and maps of somebody, number → where it was found."""

    programs: dict[int, str] = field(default_factory=dict)
    maps: dict[int, str] = field(default_factory=dict)


def list_programs() -> Iterator[ProgramEntry]:
    """Every program. Raises PermissionDeniedError without CAP_SYS_ADMIN."""
    for number in _numbers(Command.PROG_NEXT_ID, "programs"):
        with _opened(Command.PROG_GET_FD_BY_ID, number) as fd:
            if fd is not None and (entry := _program(fd)):
                yield entry


def list_maps() -> Iterator[MapEntry]:
    """Every map. Raises PermissionDeniedError without CAP_SYS_ADMIN."""
    for number in _numbers(Command.MAP_NEXT_ID, "maps"):
        with _opened(Command.MAP_GET_FD_BY_ID, number) as fd:
            raw = None if fd is None else object_info(fd, _MAP.size)
            if raw is None or fd is None:
                continue
            kind, _, key_bytes, value_bytes, entries, flags, name = _MAP.unpack(raw)
            yield MapEntry(
                number=number,
                kind=MAP_KINDS.get(kind, str(kind)),
                name=_text(name),
                key_bytes=key_bytes,
                value_bytes=value_bytes,
                max_entries=entries,
                flags=flags,
                memory_bytes=_facts(fd).get("memlock", 0),
            )


def map_descriptor(number: int) -> int:
    """A descriptor of a map, the caller's to close. Raises LoadError when it is gone."""
    fd, code = bpf(Command.MAP_GET_FD_BY_ID, request("III", number, 0, 0))
    if code:
        raise failure(f"cannot open map {number}", code, of="inspection")
    return fd


def objects_of_process(pid: int) -> Owned:
    """What a process has open: programs, maps, and programs of links. Nothing of one that is gone.

    Raises PermissionDeniedError when its descriptors may not be seen.
    """
    owned = Owned()
    directory = Path(f"/proc/{pid}/fdinfo")
    try:
        names = sorted(directory.iterdir(), key=lambda path: int(path.name))
    except FileNotFoundError:
        return owned
    except PermissionError as error:
        raise PermissionDeniedError(f"cannot look into {directory}: run as root (sudo)") from error
    for path in names:
        with suppress(OSError):
            _note(owned, path.read_text(), f"pid {pid}")
    return owned


def pinned_objects(root: Path) -> Owned:
    """What is pinned below a directory: programs, maps, and programs of links."""
    owned = Owned()
    for directory, _, names in os.walk(root):
        for name in names:
            path = os.path.join(directory, name)  # noqa: PTH118  # as os.walk has it
            attributes = os.fsencode(path)
            with suppress(TetragonError), _opened_pin(attributes) as fd:
                _note(owned, (_FDINFO / str(fd)).read_text(), path)
    return owned


def _numbers(command: Command, what: str) -> Iterator[int]:
    number = 0
    while True:
        attributes = request("III", number, 0, 0)
        _, code = bpf(command, attributes)
        if code == errno.ENOENT:
            return
        if code:
            raise failure(f"cannot list the {what} of the kernel", code, of="inspection")
        number = int(struct.unpack_from("=I", attributes.raw, 4)[0])
        yield number


@contextmanager
def _opened(command: Command, number: int) -> Iterator[int | None]:
    """A descriptor; None when the object is gone."""
    fd, code = bpf(command, request("III", number, 0, 0))
    if code:
        yield None
        return
    try:
        yield fd
    finally:
        os.close(fd)


@contextmanager
def _opened_pin(path: bytes) -> Iterator[int]:
    name = bytearray(path + b"\0")
    buffer = request(f"{len(name)}s", bytes(name))
    fd, code = bpf(Command.OBJ_GET, request("QII", address_of(buffer), 0, 0))
    if code:
        raise LoadError(f"cannot open {os.fsdecode(path)}")
    try:
        yield fd
    finally:
        os.close(fd)


def _program(fd: int) -> ProgramEntry | None:
    raw = object_info(fd, _PROGRAM_BYTES)
    if raw is None:
        return None
    kind, number, jited, xlated, loaded, maps, _, name, *_, spent, count, misses, _ = (
        _PROGRAM.unpack(raw)
    )
    return ProgramEntry(
        number=number,
        kind=PROGRAM_KINDS.get(kind, str(kind)),
        name=_text(name),
        jited_bytes=jited,
        instructions=xlated // 8,
        loaded_ns=loaded,
        run_count=count,
        run_time_ns=spent,
        recursion_misses=misses,
        map_numbers=_map_numbers(fd, maps),
        memory_bytes=_facts(fd).get("memlock", 0),
    )


def _map_numbers(fd: int, count: int) -> tuple[int, ...]:
    """Maps that a program uses."""
    numbers = request(f"{count}I", *[0] * count)
    info = request(f"{_MAP_IDS_AT}xIQ{_PROGRAM_BYTES - 64}x", count, address_of(numbers))
    if not count or read_info(fd, info):
        return ()
    return struct.unpack(f"={count}I", numbers.raw)


def _facts(fd: int) -> dict[str, int]:
    """The numbers that /proc tells of a descriptor."""
    return dict(_pairs((_FDINFO / str(fd)).read_text()))


def _pairs(text: str) -> Iterator[tuple[str, int]]:
    for line in text.splitlines():
        key, _, value = line.partition(":")
        if value.strip().isdecimal():
            yield key, int(value)


def _note(owned: Owned, text: str, place: str) -> None:
    for key, number in _pairs(text):
        if key in _KEYS:
            found: dict[int, str] = getattr(owned, _KEYS[key])
            found.setdefault(number, place)


def _text(name: bytes) -> str:
    return name.rstrip(b"\0").decode(errors="replace")
