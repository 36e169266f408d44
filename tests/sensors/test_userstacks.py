# SPDX-License-Identifier: Apache-2.0
"""Addresses of user space to frames, with this process as the example."""

from __future__ import annotations

import ctypes
import io
import time
from pathlib import Path

import pytest

from tetragon_core.messages import ProcessKey
from tetragon_sensors.elf import read_functions
from tetragon_sensors.userstacks import UserStacks


def address_of(name: str) -> int:
    """Where a function of the C library is in this process."""
    function = getattr(ctypes.CDLL(None), name)
    return int.from_bytes(ctypes.string_at(ctypes.addressof(function), 8), "little")


def now_ns() -> int:
    """Now, on the boot clock."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def self_key() -> ProcessKey:
    """A key of this process; its time does not matter here."""
    return ProcessKey(int(Path("/proc/self").readlink().name), 1)


def test_functions_of_mapped_files() -> None:
    """A frame has path, offset in the file, and the function of the C library."""
    address = address_of("qsort")

    inner, caller, nothing = UserStacks().frames(self_key(), now_ns(), [address, address + 5, 16])

    assert "qsort" == inner.symbol
    assert "qsort" == caller.symbol
    assert "libc" in Path(inner.module).name
    assert inner.offset + 5 == caller.offset
    assert (16, 0, "", "") == nothing


def test_caller_at_the_end_of_a_function() -> None:
    """The address behind a call belongs to the function before it."""
    address = address_of("qsort")

    callers = UserStacks().frames(self_key(), now_ns(), [16, address])

    assert "qsort" != callers[1].symbol


def test_ended_process() -> None:
    """Of a process that is gone only the addresses are known."""
    frames = UserStacks().frames(ProcessKey(2**22 + 1, 1), now_ns(), [4096])

    assert [(4096, 0, "", "")] == list(frames)


def test_pid_used_again() -> None:
    """A process that started after the hit is not the one that was hit."""
    frames = UserStacks().frames(self_key(), 1, [address_of("qsort")])

    assert [""] == [frame.module for frame in frames]


@pytest.mark.parametrize("content", [b"", b"#!/bin/sh\n", b"\x7fELF\x01\x01" + bytes(100)])
def test_no_elf(content: bytes) -> None:
    """What is no ELF file of 64 bits is refused."""
    with pytest.raises(ValueError, match="ELF"):
        read_functions(io.BytesIO(content))


@pytest.mark.parametrize("size", range(0, 4096, 257))
def test_cut_elf(size: int) -> None:
    """A file that ends anywhere has fewer functions, or is refused."""
    content = Path("/proc/self/exe").read_bytes()[:size]

    try:
        name = read_functions(io.BytesIO(content)).at(0)
    except ValueError:
        name = ""

    assert "" == name
