# SPDX-License-Identifier: Apache-2.0
"""Register names stand for the bytes of struct pt_regs that the kernel's types say they are."""

from __future__ import annotations

import platform

import pytest

from tetragon_sensors.kernel.btf import Btf
from tetragon_sensors.policy.frames import REGISTERS

WHOLE = ["r15", "r14", "r13", "r12", "r11", "r10", "r9", "r8", "orig_ax", "ip", "sp", "cs", "ss"]
OLD = ["ax", "bx", "cx", "dx", "si", "di", "bp"]

pytestmark = pytest.mark.skipif(platform.machine() != "x86_64", reason="names are of x86")


@pytest.mark.parametrize("member", WHOLE + OLD)
def test_offsets_are_those_of_the_types(member: str) -> None:
    """Each register is where this kernel keeps it."""
    name = member if member[0] == "r" or member in {"orig_ax", "cs", "ss"} else f"r{member}"

    assert (Btf.vmlinux().member("pt_regs", member).offset_bytes, 8) == REGISTERS.names[name]


@pytest.mark.parametrize("member", OLD)
def test_parts_of_old_registers(member: str) -> None:
    """Half, quarter and lowest byte, as their names have been since the 386."""
    offset, _ = REGISTERS.names[f"r{member}"]
    low = f"{member[0]}l" if member.endswith("x") else f"{member}l"

    assert (offset, 4) == REGISTERS.names[f"e{member}"]
    assert (offset, 2) == REGISTERS.names[member]
    assert (offset, 1) == REGISTERS.names[low]
    if member.endswith("x"):
        assert (offset + 1, 1) == REGISTERS.names[f"{member[0]}h"]


@pytest.mark.parametrize("number", range(8, 16))
def test_parts_of_numbered_registers(number: int) -> None:
    """Suffixes d, w and b."""
    offset, _ = REGISTERS.names[f"r{number}"]
    sizes = [REGISTERS.names[f"r{number}{suffix}"] for suffix in "dwb"]

    assert [(offset, 4), (offset, 2), (offset, 1)] == sizes
