# SPDX-License-Identifier: Apache-2.0
"""libbpf as Python objects. The only file that sees errno values and verifier logs."""

from __future__ import annotations

import ctypes as c
import errno
import functools
import mmap
import os
import select
from typing import TYPE_CHECKING, Any, Final, Self

from tetragon_core.errors import LoadError, PermissionDeniedError, TetragonError

from ._ffi import PRINT_CALLBACK, SAMPLE_CALLBACK, ObjectOpenOpts, ProgInfo, load_library

try:
    from ._batch import Batch  # type: ignore[import-not-found]  # is there when it was compiled
except ImportError:
    from .batch import Batch

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["LoadedObject", "Map", "Ring", "possible_cpus"]

_LIBBPF_WARN: Final = 0
_log: list[str] = []
"""What libbpf printed since the last failure; it has one print function per process."""

_vsnprintf = c.CDLL(None).vsnprintf
_vsnprintf.argtypes = (c.c_char_p, c.c_size_t, c.c_char_p, c.c_void_p)


@PRINT_CALLBACK  # type: ignore[untyped-decorator]  # ctypes has no typed decorator form
def _on_print(level: int, text: bytes, arguments: int) -> int:
    if level == _LIBBPF_WARN:
        line = c.create_string_buffer(65536)
        _vsnprintf(line, len(line), text, arguments)
        _log.append(line.value.decode(errors="replace"))
    return 0


@functools.cache
def _lib() -> Any:  # noqa: ANN401  (see load_library)
    lib = load_library()
    lib.libbpf_set_print(_on_print)
    return lib


def _failure(what: str) -> TetragonError:
    """The error for the call that just failed, from errno and what libbpf printed."""
    code = c.get_errno()
    log = "".join(_log)
    _log.clear()
    if code in (errno.EPERM, errno.EACCES) and os.geteuid() != 0:
        return PermissionDeniedError(f"{what}: not permitted; run as root (sudo)")
    hint = log.strip().splitlines()[0].removeprefix("libbpf: ") if log.strip() else ""
    reason = os.strerror(code) if code else "unknown error"
    return LoadError(f"{what}: {reason}" + (f" ({hint})" if hint else ""), log)


def possible_cpus() -> int:
    """How many values an entry of a per-CPU map has. Raises LoadError."""
    count: int = _lib().libbpf_num_possible_cpus()
    if count <= 0:
        raise LoadError("cannot read /sys/devices/system/cpu/possible")
    return count


class Map:
    """A map of a loaded object, or one kept alive for others to share."""

    def __init__(self, fd: int, max_entries: int) -> None:
        self.fd = fd
        self.max_entries = max_entries

    def lookup(self, key: bytes, value_bytes: int) -> bytes | None:
        """Value of `key`, or None when there is none."""
        value = c.create_string_buffer(value_bytes)
        if _lib().bpf_map_lookup_elem(self.fd, key, value):
            return None
        return value.raw

    def keys(self, key_bytes: int) -> Iterator[bytes]:
        """Every key; entries that come or go meanwhile may or may not be among them."""
        key: bytes | None = None
        following = c.create_string_buffer(key_bytes)
        while not _lib().bpf_map_get_next_key(self.fd, key, following):
            key = following.raw
            yield key

    def memory(self, size: int, *, writable: bool = False) -> mmap.mmap:
        """The values of a BPF_F_MMAPABLE array as shared memory of `size` bytes, whole pages."""
        protection = mmap.PROT_READ | (mmap.PROT_WRITE if writable else 0)
        return mmap.mmap(self.fd, size, mmap.MAP_SHARED, protection)


class LoadedObject:
    """A BPF object in the kernel with every program attached. Close it to detach."""

    def __init__(
        self,
        name: str,
        image: bytes,
        *,
        sizes: Mapping[str, int],
        shared: dict[str, Map],
        to_share: frozenset[str],
        constants: Mapping[str, bytes],
    ) -> None:
        """Open and load `image`. Maps get their `sizes`.

        Those named in `to_share` are taken from `shared`, or made and put there.
        `constants` maps a read-only data section (".rodata.NAME") to its new content.
        Raises LoadError or PermissionDeniedError.
        """
        self._name = name
        self._links: list[int] = []
        options = ObjectOpenOpts(sz=c.sizeof(ObjectOpenOpts), object_name=name.encode())
        c.set_errno(0)
        self._object = _lib().bpf_object__open_mem(image, len(image), c.byref(options))
        if not self._object:
            raise _failure(f"cannot read BPF object {name}")
        try:
            self._prepare(sizes, shared, constants)
            self._load()
            self._publish(shared, to_share)
        except BaseException:
            self.close()
            raise

    def _maps(self) -> Iterator[tuple[str, int]]:
        handle = _lib().bpf_object__next_map(self._object, None)
        while handle:
            yield _lib().bpf_map__name(handle).decode(), handle
            handle = _lib().bpf_object__next_map(self._object, handle)

    def _programs(self) -> Iterator[tuple[str, int]]:
        handle = _lib().bpf_object__next_program(self._object, None)
        while handle:
            yield _lib().bpf_program__name(handle).decode(), handle
            handle = _lib().bpf_object__next_program(self._object, handle)

    def _prepare(
        self, sizes: Mapping[str, int], shared: Mapping[str, Map], constants: Mapping[str, bytes]
    ) -> None:
        for name, handle in self._maps():
            if name in shared:
                if _lib().bpf_map__reuse_fd(handle, shared[name].fd):
                    raise _failure(f"cannot share map {name} with BPF object {self._name}")
            elif name in sizes:
                _lib().bpf_map__set_max_entries(handle, sizes[name])
            for section, content in constants.items():
                if name == section:
                    _set_initial_value(handle, content)

    def _load(self) -> None:
        c.set_errno(0)
        if _lib().bpf_object__load(self._object):
            raise _failure(f"the kernel refused BPF object {self._name}")

    def _publish(self, shared: dict[str, Map], to_share: frozenset[str]) -> None:
        for name, handle in self._maps():
            if name in to_share and name not in shared:
                fd = _lib().bpf_map__fd(handle)
                shared[name] = Map(fd, _lib().bpf_map__max_entries(handle))

    def attach(self) -> None:
        """Attach every program at the point its section names. Raises LoadError."""
        for name, handle in self._programs():
            c.set_errno(0)
            link = _lib().bpf_program__attach(handle)
            if not link:
                raise _failure(f"cannot attach BPF program {name}")
            self._links.append(link)

    def link_fds(self) -> list[int]:
        """Descriptors of what attaches the programs; they end with the object."""
        return [_lib().bpf_link__fd(link) for link in self._links]

    def recursion_misses(self) -> int:
        """Runs the kernel skipped, a program being entered again on its CPU (known since 5.12)."""
        return sum(info.recursion_misses for _, info in self.program_info())

    def program_info(self) -> Iterator[tuple[str, ProgInfo]]:
        """Section of each program, and what the kernel tells of it; a system call for each."""
        for _, handle in self._programs():
            info = ProgInfo()
            size = c.c_uint32(c.sizeof(info))
            if not _lib().bpf_obj_get_info_by_fd(
                _lib().bpf_program__fd(handle), c.byref(info), c.byref(size)
            ):
                yield _lib().bpf_program__section_name(handle).decode(), info

    def close(self) -> None:
        """Detach and unload; maps others share stay while they hold them."""
        for link in self._links:
            _lib().bpf_link__destroy(link)
        self._links.clear()
        if self._object:
            _lib().bpf_object__close(self._object)
        self._object = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _set_initial_value(handle: int, content: bytes) -> None:
    size = c.c_size_t()
    address = _lib().bpf_map__initial_value(handle, c.byref(size))
    if not address or size.value < len(content):
        raise LoadError(f"read-only data of {len(content)} bytes does not fit in {size.value}")
    c.memmove(address, content, len(content))


class Ring:
    """Reader of a BPF ring buffer. Single-threaded; never blocks."""

    def __init__(self, ring_map: Map) -> None:
        """Raises LoadError when libbpf cannot map it (memory)."""
        self._batch = Batch()  # kept: libbpf holds only its addresses
        c.set_errno(0)
        callback = SAMPLE_CALLBACK(self._batch.callback)
        self._ring = _lib().ring_buffer__new(ring_map.fd, callback, self._batch.context, None)
        if not self._ring:
            raise _failure("cannot map the ring buffer")
        # libbpf has an epoll descriptor of its own, but a level-triggered one cannot be silenced.
        self._epoll = select.epoll()
        self._epoll.register(ring_map.fd, select.EPOLLIN | select.EPOLLET)

    def fileno(self) -> int:
        """Descriptor that is readable while records wait that were not acknowledged."""
        return self._epoll.fileno()

    def acknowledge(self) -> None:
        """Keep fileno() quiet until a record comes that finds the ring empty."""
        self._epoll.poll(0)

    def watch(self, fd: int) -> None:
        """Have fileno() tell of this descriptor too."""
        self._epoll.register(fd, select.EPOLLIN | select.EPOLLET)

    def unwatch(self, fd: int) -> None:
        """Have it do so no more."""
        self._epoll.unregister(fd)

    def read(self, limit: int) -> list[bytes]:
        """Take up to `limit` records, oldest first."""
        records: list[bytes] = []
        self._batch.records = records
        self._batch.limit = limit
        _lib().ring_buffer__consume(self._ring)
        return records

    def close(self) -> None:
        """Unmap; idempotent."""
        self._epoll.close()
        if self._ring:
            _lib().ring_buffer__free(self._ring)
        self._ring = None
