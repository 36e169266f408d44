# SPDX-License-Identifier: Apache-2.0
"""Policies about what is loaded into the kernel: modules and BPF objects."""

from __future__ import annotations

import ctypes
import lzma
import os
import socket
import struct
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tetragon_core.hooks import ArgumentValue
from tetragon_sensors.kernel.maps import MapKind, MapSpec, create_map
from tetragon_sensors.kernel.programs import ProgramKind, load_program

from .case import Case, in_turn
from .places import PLACE, places
from .spaces import in_pid_namespace
from .values import Hit, file, number

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tetragon_sensors.kernel.facts import Kernel

__all__ = ["CASES"]

_LIBC: Final = ctypes.CDLL(None, use_errno=True)
_IS_X86: Final = os.uname().machine == "x86_64"
_INIT_MODULE: Final = 313 if _IS_X86 else 273
_DELETE_MODULE: Final = 176 if _IS_X86 else 106
_PERF_EVENT_OPEN: Final = 298 if _IS_X86 else 241
_RETURN_7: Final = bytes.fromhex("b700000007000000 9500000000000000")
_NO_FAMILY: Final = 25
"""A family of sockets that no module has."""
_READING_MODULE: Final = 2
_OK: Final = number(0)


# ---- modules ----


def ask_for_family() -> None:
    """A socket of a family that the kernel does not know makes it ask for a module."""
    with suppress(OSError):
        socket.socket(_NO_FAMILY)


def load_module(name: str) -> int:
    """finit_module(2) of a file; 0, or -1."""
    fd = os.open(name, os.O_RDONLY)
    result = int(_LIBC.syscall(_INIT_MODULE, fd, b"", 0))
    os.close(fd)
    return result


def load_no_module() -> None:
    """A file that the kernel reads before it finds that it is no module."""
    ask_for_family()
    assert load_module(f"{PLACE}/x") == -1


def load_and_unload() -> None:
    """The same, then a module that does nothing but add a network device."""
    load_no_module()
    assert load_module(f"{PLACE}/dummy.ko") == 0
    assert _LIBC.syscall(_DELETE_MODULE, b"dummy", 0) == 0


def requested() -> Hit:
    """Of security_kernel_module_request."""
    name = ArgumentValue("string_arg", f"net-pf-{_NO_FAMILY}")
    return Hit("security_kernel_module_request", (name,), _OK)


def being_read(name: str) -> Hit:
    """Of security_kernel_read_file."""
    return Hit("security_kernel_read_file", (file(name), number(_READING_MODULE)), _OK)


@contextmanager
def module() -> Iterator[None]:
    """The file of a module, as the kernel takes it, and one that is none."""
    with places("x"):
        directory = Path("/lib/modules") / os.uname().release
        found = next(directory.rglob("dummy.ko*"))
        content = found.read_bytes()
        if found.suffix == ".xz":
            content = lzma.decompress(content)
        made = Path(f"{PLACE}/dummy.ko")
        made.write_bytes(content)
        made.chmod(0o644)
        yield


def _no_denial(kernel: Kernel) -> str:
    abilities = kernel.abilities
    return "" if abilities.can_fmod_ret or abilities.can_lsm else "cannot be denied here"


def known(name: str) -> ArgumentValue:
    """A module of the kernel's own, signed."""
    return ArgumentValue("module_arg", {"name": name, "tainted": []})


_READ: Final = (requested(), being_read(f"{PLACE}/x"))
_LOADED: Final = (
    *_READ,
    being_read(f"{PLACE}/dummy.ko"),
    Hit("do_init_module", (known("dummy"),)),
    Hit("free_module", (known("dummy"),)),
)


def read_module() -> None:
    """Read the file that the trigger loads, and make a socket of a family that is there."""
    Path(f"{PLACE}/x").read_bytes()
    socket.socket(socket.AF_UNIX).close()


# ---- BPF ----


def list_directory(name: str) -> None:
    """Read all of a directory."""
    list(Path(name).iterdir())


def make_bpf_objects() -> None:
    """A map, a program and a perf event; then list the BPF file system."""
    with create_map(MapSpec(kind=MapKind.HASH, value_bytes=8, max_entries=3, name="seen_map")):
        pass
    with load_program(ProgramKind.TRACEPOINT, _RETURN_7, name="seen_program"):
        pass
    attributes = struct.pack("=IIQ", 1, 112, 3).ljust(112, b"\0")
    os.close(_LIBC.syscall(_PERF_EVENT_OPEN, attributes, 0, -1, -1, 0))


def bpf_objects() -> tuple[Hit, ...]:
    """What `make_bpf_objects` is to report."""
    names = Path("/proc/kallsyms").read_text()
    created = "create" if " security_bpf_map_create\n" in names else "alloc"
    a_map = {
        "MapType": "BPF_MAP_TYPE_HASH",
        "KeySize": 4,
        "ValueSize": 8,
        "MaxEntries": 3,
        "MapName": "seen_map",
    }
    program = {"ProgType": "BPF_PROG_TYPE_TRACEPOINT", "InsnCnt": 2, "ProgName": "seen_program"}
    event = {"KprobeFunc": "", "Type": "PERF_TYPE_SOFTWARE", "Config": 3, "ProbeOffset": 0}
    return (
        Hit(f"security_bpf_map_{created}", (ArgumentValue("bpf_map_arg", a_map),)),
        Hit("bpf_check", (ArgumentValue("bpf_attr_arg", program),)),
        Hit("security_perf_event_alloc", (ArgumentValue("perf_event_arg", event),)),
    )


def bpf_files() -> Hit:
    """Of listing /sys/fs/bpf, once for what is there and once for the end."""
    mode = file("/sys/fs/bpf", "drwxrwxrwt")
    return Hit("security_file_permission", (mode, number(4)), _OK)


CASES: Final = (
    Case(
        policy="policylibrary/modules",
        prepare=lambda: places("x"),
        act=load_no_module,
        expected=_READ,
        miss=read_module,
    ),
    Case(  # of containers, and this is none
        policy="tracingpolicy/modules-nohost",
        prepare=lambda: places("x"),
        refused=_no_denial,
        act=lambda: in_pid_namespace(load_no_module),
        expected=(),
        miss=read_module,
    ),
    Case(
        policy="tracingpolicy/host-changes/monitor-kernel-modules",
        prepare=module,
        act=load_and_unload,
        expected=_LOADED,
        miss=read_module,
    ),
    Case(
        policy="tracingpolicy/host-changes/monitor-signed-kernel-modules",
        prepare=module,
        act=load_and_unload,
        expected=(),
        miss=read_module,
    ),
    Case(
        policy="tracingpolicy/bpf",
        act=make_bpf_objects,
        expected=bpf_objects,
        miss=lambda: list_directory("/sys/fs/bpf"),
    ),
    Case(
        policy="policylibrary/bpf",
        act=in_turn(make_bpf_objects, lambda: list_directory("/sys/fs/bpf")),
        expected=lambda: (*bpf_objects(), bpf_files(), bpf_files()),
        miss=lambda: list_directory("/sys/fs"),
    ),
)
