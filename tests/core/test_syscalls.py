# SPDX-License-Identifier: Apache-2.0
"""The generated system call tables hold what is known of the ABIs, and fit each other."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tetragon_core import _syscalls, syscalls


@pytest.mark.parametrize(
    ("abi", "number", "name"),
    [
        ("x64", 0, "read"),
        ("x64", 59, "execve"),
        ("x64", 435, "clone3"),
        ("i386", 5, "open"),
        ("i386", 11, "execve"),
        ("arm64", 64, "write"),
        ("arm64", 221, "execve"),
        ("arm32", 11, "execve"),
    ],
)
def test_numbers(abi: str, number: int, name: str) -> None:
    """Well-known numbers have their names, before and after holes in the tables."""
    assert name == syscalls.names(abi)[number]


def test_unknown_abis_have_no_names() -> None:
    """An ABI nobody has heard of is no error."""
    assert {} == syscalls.names("z80")


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("fstat", ["unsigned int fd", "struct stat * statbuf"]),
        ("openat", ["int dfd", "const char * filename", "int flags", "umode_t mode"]),
        ("exit", ["int error_code"]),
        ("finit_module", ["int fd", "const char * uargs", "int flags"]),
    ],
)
def test_parameters(name: str, parameters: list[str]) -> None:
    """Types and names are those of the kernel, also where the entry function has another name."""
    assert [f"{kind} {label}" for kind, label in syscalls.parameters(name) or ()] == parameters


def test_every_parameter_list_belongs_to_a_call() -> None:
    """No row is unreachable, and none is empty."""
    names = {word for table in (_syscalls.X64, _syscalls.ARM64) for word in table.split()}

    assert set(syscalls._all_parameters()) <= names
    assert len(syscalls._all_parameters()) > 340
    assert all(kind and label for row in syscalls._all_parameters().values() for kind, label in row)


def test_numbers_of_the_headers() -> None:
    """What the C headers of this machine number, the tables number alike."""
    headers = {
        "arm64": [Path("/usr/include/asm-generic/unistd.h")],
        "x64": list(Path("/usr/include").glob("x86*/asm/unistd_64.h")),
        "i386": list(Path("/usr/include").glob("x86*/asm/unistd_32.h")),
    }
    defined = re.compile(r"^#define __NR(?:3264)?_(\w+) (\d+)$", re.MULTILINE)
    different = [
        f"{abi} {name}"
        for abi, paths in headers.items()
        for path in paths
        for name, number in defined.findall(path.read_text())
        if syscalls.number(abi, name) != int(number)
    ]

    # another name of sync_file_range elsewhere, and the size of the generic table
    assert ["arm64 sync_file_range2", "arm64 syscalls"] == different
