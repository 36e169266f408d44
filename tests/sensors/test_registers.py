# SPDX-License-Identifier: Apache-2.0
"""What argRegs of a policy mean: registers by their offset in struct pt_regs and their size."""

from __future__ import annotations

import platform

import pytest

from tetragon_sensors.policy.registers import (
    Assignment,
    Value,
    jump_by,
    parse_assignment,
    return_at_once,
)

pytestmark = pytest.mark.skipif(platform.machine() != "x86_64", reason="registers of x86-64")

RAX, EAX, AX, AH = (80, 8), (80, 4), (80, 2), (81, 1)
RSP, RBP = (152, 8), (32, 8)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("rax=11", Assignment(RAX, Value.NUMBER, number=11)),
        ("rax=-1", Assignment(RAX, Value.NUMBER, number=-1)),
        ("rax=0xffffffffffffffff", Assignment(RAX, Value.NUMBER, number=-1)),
        ("rax=010", Assignment(RAX, Value.NUMBER, number=8)),
        ("eax = 0x10", Assignment(EAX, Value.NUMBER, number=16)),
        ("ah=1", Assignment(AH, Value.NUMBER, number=1)),
        ("rbp=%rsp", Assignment(RBP, Value.REGISTER, RSP)),
        ("rsp=8%rsp", Assignment(RSP, Value.REGISTER, RSP, 8)),
        ("rsp=-0x8 %rsp", Assignment(RSP, Value.REGISTER, RSP, -8)),
        ("ax=%ax", Assignment(AX, Value.REGISTER, AX)),
        ("rbp=(%rsp)", Assignment(RBP, Value.MEMORY, RSP)),
        ("rbp = 0x20 ( %rsp )", Assignment(RBP, Value.MEMORY, RSP, 32)),
        ("rsp=-1372(%rbp)", Assignment(RSP, Value.MEMORY, RBP, -1372)),
    ],
)
def test_assignments(text: str, expected: Assignment) -> None:
    """Numbers, registers and memory, with and without something added."""
    assert expected == parse_assignment(text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "is no assignment"),
        ("rax", "is no assignment"),
        ("rax=", "is no assignment"),
        ("=1", "is no assignment"),
        ("rax==1", "is no assignment"),
        ("rax=1=2", "is no assignment"),
        ("rax=%", "is no assignment"),
        ("rax=(rsp)", "is no assignment"),
        ("rax=(%rsp", "is no assignment"),
        ("rax=(%rsp)8", "is no assignment"),
        ("rax=8(%rsp)%rax", "is no assignment"),
        ("rax=rbx", "is not a whole number"),
        ("rax=8x%rsp", "is not a whole number"),
        ("rax=0x1ffffffffffffffff", "does not fit 64 bits"),
        ("rxx=1", 'no register is called "rxx"'),
        ("rax=(%rxx)", 'no register is called "rxx"'),
    ],
)
def test_no_assignments(text: str, reason: str) -> None:
    """Everything else is refused with the reason."""
    with pytest.raises(ValueError, match=reason):
        parse_assignment(text)


def test_forms_without_registers() -> None:
    """What argError and a new place come to can be written as registers as well."""
    assert [parse_assignment(one) for one in ("rip=(%rsp)", "rax=-13", "rsp=8%rsp")] == [
        parse_assignment(one) for one in return_at_once(-13)
    ]
    assert parse_assignment("rip=-32%rip") == parse_assignment(jump_by(-32))
