# SPDX-License-Identifier: Apache-2.0
"""Maps: made from a specification, read and written key by key or many at once."""

from __future__ import annotations

import ctypes as c
import errno
import functools
import mmap
from dataclasses import dataclass
from enum import IntEnum, IntFlag
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from ._ffi import address_of
from .calls import Command, bpf, close_fd, failure, raise_memory_limit, request

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["Map", "MapFlag", "MapKind", "MapSpec", "create_map", "possible_cpus"]

_NO_BATCH: Final = frozenset({errno.EINVAL, errno.EOPNOTSUPP, 524})
_NAME_BYTES: Final = 15
_NO_EXIST: Final = 1


class MapKind(IntEnum):
    """Types of maps (enum bpf_map_type)."""

    HASH = 1
    ARRAY = 2
    PROG_ARRAY = 3
    PERCPU_HASH = 5
    PERCPU_ARRAY = 6
    STACK_TRACE = 7
    LRU_HASH = 9
    LRU_PERCPU_HASH = 10
    LPM_TRIE = 11
    ARRAY_OF_MAPS = 12
    HASH_OF_MAPS = 13
    RINGBUF = 27
    TASK_STORAGE = 29


class MapFlag(IntFlag):
    """Flags of a map (BPF_F_*)."""

    NONE = 0
    NO_PREALLOC = 1
    """Memory is taken per entry; LPM tries and task storage must have it."""
    READ_ONLY_FOR_PROGRAMS = 1 << 7
    """After freeze() the verifier knows the values and prunes by them."""
    MMAPABLE = 1 << 10
    INNER_MAP = 1 << 12
    """Inner arrays may differ in size from the one the outer map was made with (5.10)."""


_PER_CPU: Final = frozenset({MapKind.PERCPU_HASH, MapKind.PERCPU_ARRAY, MapKind.LRU_PERCPU_HASH})


@dataclass(frozen=True, slots=True, kw_only=True)
class MapSpec:
    """What a map is to be."""

    kind: MapKind
    key_bytes: int = 4
    value_bytes: int = 4
    max_entries: int = 1
    name: str = ""
    """Up to 15 letters, digits, `_` and `.`; what is longer is cut."""
    flags: MapFlag = MapFlag.NONE
    inner: Map | None = None
    """For a map of maps: one like those it will hold."""


@functools.cache
def possible_cpus() -> int:
    """How many values an entry of a per-CPU map has."""
    last = Path("/sys/devices/system/cpu/possible").read_text().strip().split(",")[-1]
    return int(last.split("-")[-1]) + 1


class Map:
    """A map in the kernel. Close it to give up the descriptor; users in the kernel keep it."""

    def __init__(self, fd: int, spec: MapSpec, *, owned: bool = True) -> None:
        """`owned`: close() closes `fd`."""
        self.fd = fd
        self.spec = spec
        self._owned = owned
        self._per_cpu = spec.kind in _PER_CPU
        self._value_bytes = spec.value_bytes
        if self._per_cpu:  # each CPU's value takes a multiple of 8 bytes
            self._value_bytes = (spec.value_bytes + 7) // 8 * 8 * possible_cpus()

    def _failed(self, what: str, code: int) -> Exception:
        return failure(f"cannot {what} map {self.spec.name or self.fd}", code)

    def lookup(self, key: bytes) -> bytes | None:
        """Value of `key` (all CPUs' values in a row for a per-CPU map), None when there is none."""
        value = c.create_string_buffer(self._value_bytes)
        wanted = self._key(key)
        attributes = request("IxxxxQQQ", self.fd, address_of(wanted), address_of(value), 0)
        _, code = bpf(Command.MAP_LOOKUP, attributes)
        if code == errno.ENOENT:
            return None
        if code:
            raise self._failed("read", code)
        return value.raw

    def lookup_per_cpu(self, key: bytes) -> list[bytes]:
        """Each CPU's value of `key`; empty when there is none."""
        value = self.lookup(key) or b""
        step = (self.spec.value_bytes + 7) // 8 * 8
        return [value[at : at + self.spec.value_bytes] for at in range(0, len(value), step)]

    def _key(self, key: bytes) -> c.Array[c.c_char]:
        if len(key) != self.spec.key_bytes:
            raise ValueError(f"a key has {self.spec.key_bytes} bytes, not {len(key)}")
        return c.create_string_buffer(key, len(key) or 1)

    def _value(self, value: bytes) -> c.Array[c.c_char]:
        if len(value) != self._value_bytes:
            raise ValueError(f"a value has {self._value_bytes} bytes, not {len(value)}")
        return c.create_string_buffer(value, len(value) or 1)

    def update(self, key: bytes, value: bytes) -> None:
        """Set a value. Raises LoadError, as when the map is full."""
        wanted, given = self._key(key), self._value(value)
        attributes = request("IxxxxQQQ", self.fd, address_of(wanted), address_of(given), 0)
        _, code = bpf(Command.MAP_UPDATE, attributes)
        if code:
            raise self._failed("write", code)

    def insert(self, key: bytes, value: bytes) -> bool:
        """Set a value unless there is one; False then. Raises LoadError, as of a full map."""
        wanted, given = self._key(key), self._value(value)
        attributes = request("IxxxxQQQ", self.fd, address_of(wanted), address_of(given), _NO_EXIST)
        _, code = bpf(Command.MAP_UPDATE, attributes)
        if code not in {0, errno.EEXIST}:
            raise self._failed("write", code)
        return code == 0

    def update_many(self, items: Iterable[tuple[bytes, bytes]]) -> None:
        """Set many values, in one call where the kernel can. Raises LoadError."""
        pairs = list(items)
        if not pairs:
            return
        keys = c.create_string_buffer(b"".join(key for key, _ in pairs))
        values = c.create_string_buffer(b"".join(value for _, value in pairs))
        if (len(keys) - 1, len(values) - 1) != (
            len(pairs) * self.spec.key_bytes,
            len(pairs) * self._value_bytes,
        ):
            raise ValueError("a key or value has not the size that the map has")
        attributes = request(
            "QQQQIIQQ", 0, 0, address_of(keys), address_of(values), len(pairs), self.fd, 0, 0
        )
        _, code = bpf(Command.MAP_UPDATE_BATCH, attributes)
        if code in _NO_BATCH:
            for key, value in pairs:
                self.update(key, value)
        elif code:
            raise self._failed("write", code)

    def delete(self, key: bytes) -> bool:
        """Remove an entry; False when there was none. Raises LoadError."""
        wanted = self._key(key)
        _, code = bpf(Command.MAP_DELETE, request("IxxxxQQQ", self.fd, address_of(wanted), 0, 0))
        if code not in {0, errno.ENOENT}:
            raise self._failed("delete from", code)
        return code == 0

    def keys(self) -> Iterator[bytes]:
        """Every key; entries that come or go meanwhile may or may not be among them."""
        here: c.Array[c.c_char] | None = None
        following = c.create_string_buffer(self.spec.key_bytes)
        while True:
            attributes = request("IxxxxQQQ", self.fd, address_of(here), address_of(following), 0)
            _, code = bpf(Command.MAP_NEXT_KEY, attributes)
            if code == errno.ENOENT:
                return
            if code:
                raise self._failed("list", code)
            yield following.raw
            here = c.create_string_buffer(following.raw, self.spec.key_bytes)

    def items(self) -> Iterator[tuple[bytes, bytes]]:
        """Every entry, as keys()."""
        for key in self.keys():
            value = self.lookup(key)
            if value is not None:
                yield key, value

    def clear(self) -> None:
        """Remove every entry of a hash."""
        for key in list(self.keys()):
            self.delete(key)

    def freeze(self) -> None:
        """Let nobody in user space write any more. Raises LoadError."""
        _, code = bpf(Command.MAP_FREEZE, request("I", self.fd))
        if code:
            raise self._failed("freeze", code)

    def memory(self, *, writable: bool = False) -> mmap.mmap:
        """The values of an MMAPABLE array, 8-byte aligned, as shared memory."""
        used = (self.spec.value_bytes + 7) // 8 * 8 * self.spec.max_entries
        size = (used + mmap.PAGESIZE - 1) // mmap.PAGESIZE * mmap.PAGESIZE
        protection = mmap.PROT_READ | (mmap.PROT_WRITE if writable else 0)
        return mmap.mmap(self.fd, size, mmap.MAP_SHARED, protection)

    def close(self) -> None:
        """Give up the descriptor. Idempotent."""
        if self._owned:
            close_fd(self.fd)
        self.fd = -1
        self._owned = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def create_map(spec: MapSpec) -> Map:
    """Make a map. Raises LoadError or PermissionDeniedError."""
    raise_memory_limit()
    attributes = request(
        "IIIIIII16s",
        spec.kind,
        spec.key_bytes,
        spec.value_bytes,
        spec.max_entries,
        spec.flags,
        spec.inner.fd if spec.inner else 0,
        0,
        spec.name.encode()[:_NAME_BYTES],
    )
    fd, code = bpf(Command.MAP_CREATE, attributes)
    if code:
        raise failure(f"cannot make the {spec.kind.name.lower()} map {spec.name}", code)
    return Map(fd, spec)
